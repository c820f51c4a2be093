--- `mic sandbox`: a local API for trying and for tests. The sandbox is a shell script, an nginx
--- configuration and Lua files for it, which are installed beside this module, in `mic/sandbox`.

local sandbox = {}

local USAGE, MACHINE = 2, 5

local function complain(message)
  io.stderr:write("mic: ", message, "\n")
end

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
    return nil, "cannot tell from which file mic.command.sandbox was loaded"
  end
  if not folder:find "^/" then
    folder = "./" .. folder -- so that it is no option to sh
  end
  for _, path in ipairs { folder .. "sandbox/start", folder .. "../../sandbox/start" } do
    if exists(path) then
      return path
    end
  end
  return nil, ("the sandbox is not installed: there is no %ssandbox/start. LuaRocks and"
    .. " `make install` install it with the module"):format(folder)
end

local function quote(word)
  return "'" .. word:gsub("'", "'\\''") .. "'"
end

--- The exit code in the results of `os.execute`, in the forms of 5.1 and of later versions.
local function exit_code(done, what, code)
  if type(done) == "number" then -- as wait(2) has it
    return done % 256 == 0 and done / 256 or 128 + done % 128
  end
  return what == "signal" and 128 + code or code
end

--- Replaces this process by `sh SCRIPT ARGUMENT…`, so that signals reach the script, and its exit
--- code is ours.
local function execute(words)
  local _, terminal = pcall(require, "mic.terminal")
  if type(terminal) == "table" and terminal.exec then
    local _, message = terminal.exec("sh", words)
    complain("cannot run sh: " .. tostring(message))
    return MACHINE
  end
  local quoted = {}
  for index, word in ipairs(words) do
    quoted[index] = quote(word)
  end
  io.stdout:flush()
  return exit_code(os.execute("exec sh " .. table.concat(quoted, " ")))
end

--- Starts the sandbox. Without a command it prints `export NAME='value'` lines and stays until it
--- is stopped; with one it runs the command with these variables and stops. If the process can
--- become the sandbox, this function does not return.
---@param arguments table `command`: a list of words, may be absent or empty
---@return integer code the command's exit code, 128 and the number of a signal, 126 or 127 as a
--- shell; 2 if the sandbox or a program that it needs is not installed, 5 if this machine fails
function sandbox.run(arguments)
  local script, problem = find_script()
  if not script then
    complain(problem)
    return USAGE
  end
  local words = { script }
  local command = arguments.command or {}
  if #command > 0 then
    words[2] = "--"
    for _, word in ipairs(command) do
      words[#words + 1] = word
    end
  end
  return execute(words)
end

return sandbox
