--- Runs the command `mic`: in pipes, and in a pseudo-terminal.
---
---     local mic = command.new(sandbox)     -- a home folder of its own
---     local out, code, err = mic:run("get /user")
---     local shown, code, echo = mic:play({ "expect=Password", "send=secret\\n" }, "login")

local luassert = require "luassert"
local native = require "spec.support.native"
local scratch = require "spec.support.scratch"
local shell = require "spec.support.shell"

local command = {}
local command_methods = {}
local command_mt = { __index = command_methods }

local VARIABLES = { base_url = "MIC_BASE_URL", api_key = "MIC_API_KEY", username = "MIC_USERNAME",
  password = "MIC_PASSWORD", ca_file = "MIC_CA_FILE" }
local UNSET = { "MIC_STACK", "MIC_PROFILE", "MIC_CONFIG", "MIC_CREDENTIALS", "MIC_JSON_ERRORS",
  "MIC_MANIFEST_URL", "MIC_PASSWORD_FILE", "MIC_API", "MIC_DEBUG", "NO_COLOR", "CLICOLOR_FORCE",
  "XDG_CONFIG_HOME", "XDG_STATE_HOME", "STATE_DIRECTORY", "MIC_SANDBOX_CONTROL" }

local quote = shell.quote

--- Makes a home folder in which the command runs.
---@param sandbox? table of spec.support.api; its variables are set
---@return table
function command.new(sandbox)
  local self = setmetatable({ folder = scratch.folder(), sandbox = sandbox, variables = {} },
    command_mt)
  self.words = ("%s %s/bin/mic"):format(shell.lua, quote(shell.folder()))
  for field, name in pairs(sandbox and VARIABLES or {}) do
    self.variables[name] = sandbox[field]
  end
  self.variables.HOME, self.variables.TERM = self.folder.path, "xterm"
  return self
end

--- Removes the variables that name an API.
---@return table the same
function command_methods:without_api()
  for _, name in pairs(VARIABLES) do
    self.variables[name] = nil
  end
  return self
end

--- The words before the command: env with the variables.
---@return string
function command_methods:env()
  local words = { "env" }
  local known = {}
  for _, name in pairs(VARIABLES) do
    known[#known + 1] = name
  end
  for _, list in ipairs { UNSET, known } do
    for _, name in ipairs(list) do
      if self.variables[name] == nil then
        words[#words + 1] = "-u " .. name
      end
    end
  end
  for name, value in pairs(self.variables) do
    words[#words + 1] = quote(name .. "=" .. value)
  end
  return table.concat(words, " ")
end

--- The shell text of a run.
---@param arguments string shell words
---@return string
function command_methods:line(arguments)
  return ("%s %s %s"):format(self:env(), self.words, arguments)
end

--- Runs the command in its folder.
---@param arguments string shell words, redirections too
---@param before? string shell text in front, such as "echo x |"
---@return string output standard output
---@return integer code
---@return string errors standard error
function command_methods:run(arguments, before)
  local errors = self.folder:at "errors"
  local text, code = shell.run(("cd %s && { %s %s\n} 2>%s"):format(quote(self.folder.path),
    before or "", self:line(arguments), quote(errors)))
  return text, code, (self.folder:read "errors"):gsub("\n$", "") .. ""
end

--- The same; asserts what it ends with.
---@param arguments string
---@param code integer
---@param errors? string pattern of standard error; nil: there is none
---@param before? string
---@return string output standard output
---@return string errors standard error
function command_methods:assert_run(arguments, code, errors, before)
  local output, ended, said = self:run(arguments, before)
  luassert.equal(code, ended, output .. said)
  luassert.is_truthy(said:find(errors or "^$"), said)
  return output, said
end

--- Runs the command in a terminal.
---@param steps string[] of spec/c/in_terminal.c
---@param arguments string shell words
---@param redirect? string shell text after the command, inside of the terminal
---@return string shown
---@return integer code
---@return boolean echoes whether the terminal still echoes
function command_methods:play(steps, arguments, redirect)
  local program = native.program "spec/c/in_terminal.c"
  local words = {}
  for _, step in ipairs(steps) do
    words[#words + 1] = quote(step)
  end
  local line = "exec " .. self:line(arguments) .. " " .. (redirect or "")
  local errors = self.folder:at "errors"
  local text, code = shell.run(("cd %s && %s %s -- sh -c %s 2>%s"):format(quote(self.folder.path),
    program, table.concat(words, " "), quote(line), quote(errors)))
  local said = self.folder:read "errors"
  assert(code ~= 99, said)
  return text, code, said:find "echo on" ~= nil
end

--- The text of a file below the home folder; nil when there is none.
---@param name string
---@return string|nil
function command_methods:read(name)
  return self.folder:read(name)
end

return command
