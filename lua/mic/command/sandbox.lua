--- `mic sandbox`: a local API for trying and for tests. The sandbox is a shell script, an nginx
--- configuration and Lua files for it, which are installed beside this module, in `mic/sandbox`.

local failure = require "mic.command.failure"
local terminal = require "mic.terminal"

local sandbox = {}

--- The folder `mic` that this module was loaded from, with its slash; nil if Lua does not know it.
local function module_folder()
  return debug.getinfo(1, "S").source:match "^@(.*)command/sandbox%.lua$"
end

local function exists(path)
  local file = io.open(path, "r")
  if file then
    file:close()
  end
  return file ~= nil
end

--- The sandbox's script: installed, or in the checkout whose `lua/mic` this is.
local function find_script()
  local folder = module_folder()
  if not folder then
    failure.raise("config", "cannot find the folder of the module mic.command.sandbox")
  end
  if not folder:find "^/" then
    folder = "./" .. folder -- so that it is no option to sh
  end
  for _, path in ipairs { folder .. "sandbox/start", folder .. "../../sandbox/start" } do
    if exists(path) then
      return path
    end
  end
  failure.raise("config",
    "the sandbox is not installed: there is no " .. folder .. "sandbox/start",
    { hint = "LuaRocks and make install install it with the module" })
end

--- Raises if a program that the sandbox needs is missing, where a failure has to be JSON: the
--- script itself writes text.
local function check(script)
  local pipe = assert(io.popen("sh '" .. script:gsub("'", "'\\''") .. "' --check 2>&1"))
  local said = pipe:read "*a"
  pipe:close()
  if said ~= "" then
    failure.raise("config", (said:gsub("^sandbox: ", ""):gsub("\n.*", "")))
  end
end

--- Becomes the sandbox: signals reach it, and its exit code is that of this process. Without a
--- program it prints `export NAME='value'` lines and stays until it is stopped; with one it runs
--- that with these variables, stops, and ends with its exit code, or 128 and the number of the
--- signal that ended it. Its own codes are 2 if a program that it needs is missing, 5 if this
--- machine fails. Returns only by an error.
---@param _ table the command
---@param options table `command`: a list of words, may be empty
function sandbox.run(_, options)
  local words = { find_script() }
  if options.json_errors then
    check(words[1])
  end
  if #options.command > 0 then
    words[2] = "--"
    for _, word in ipairs(options.command) do
      words[#words + 1] = word
    end
  end
  local _, message = terminal.exec("sh", words)
  failure.raise("file", "cannot run sh: " .. tostring(message))
end

return sandbox
