--- Standard output and standard error of the command. Every write to standard output is checked.

local failure = require "mic.command.failure"
local terminal = require "mic.terminal"

local output = {}

local STDOUT, STDERR = 1, 2

output.silent = false
output.color = "auto"
output.last_note = nil -- a note to show if the command succeeds

local function fail(problem)
  local message = "cannot write the output: " .. tostring(problem):gsub("^%u", string.lower)
  failure.raise("file", message)
end

local function check(written, problem)
  if not written then
    fail(problem)
  end
end

--- Writes to standard output. Raises if that fails.
---@param ... string
function output.write(...)
  check(io.stdout:write(...))
end

--- Writes out what is buffered. Raises if that fails.
function output.flush()
  check(io.stdout:flush())
end

--- True if standard output is a terminal.
---@return boolean
function output.is_terminal()
  return terminal.is_terminal(STDOUT)
end

--- Writes a line to standard output, made safe for a terminal.
---@param line string
function output.line(line)
  if output.is_terminal() then
    line = require("mic.command.visible").text(line)
  end
  output.write(line, "\n")
end

--- Writes a line to standard error; there is no better place to report that this fails.
---@param line string
function output.error_line(line)
  if terminal.is_terminal(STDERR) then
    line = require("mic.command.visible").text(line)
  end
  io.stderr:write(line, "\n")
end

--- Writes a note to standard error, unless the command is silent.
---@param line string
function output.note(line)
  if not output.silent then
    output.error_line(line)
  end
end

local function is_set(name)
  local value = os.getenv(name)
  return value ~= nil and value ~= ""
end

--- True if this stream gets colours.
---@param descriptor? integer standard output if nil
---@return boolean
function output.has_color(descriptor)
  if output.color ~= "auto" then
    return output.color == "always"
  elseif is_set "NO_COLOR" then
    return false
  elseif is_set "CLICOLOR_FORCE" and os.getenv "CLICOLOR_FORCE" ~= "0" then
    return true
  end
  return os.getenv "TERM" ~= "dumb" and terminal.is_terminal(descriptor or STDOUT)
end

--- The columns of the terminal.
---@return integer
function output.width()
  return terminal.width()
end

return output
