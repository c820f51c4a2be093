--- A folder for one spec, and programs in processes of their own.

local scratch = {}
local scratch_methods = {}
local scratch_mt = { __index = scratch_methods }

--- The interpreter under test, for child processes.
local lua = os.getenv "LUA" or (rawget(_G, "jit") and "luajit" or "lua5.4")

--- Quotes a word for the shell.
---@param text string
---@return string
function scratch.quote(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

--- Runs a shell command; raises with what it printed when it failed.
---@param command string
---@return string printed both streams
function scratch.run(command)
  local pipe = assert(io.popen("{ " .. command .. "\n} 2>&1; echo \"status $?\""))
  local text = pipe:read "*a"
  pipe:close()
  local printed, status = text:match "^(.-)status (%d+)\n$"
  assert(status == "0", command .. "\n" .. text)
  return printed
end

--- Makes an empty folder.
---@param in_memory? boolean where the system has a place for that: fsync costs nothing there
---@return table folder path, and the methods below
function scratch.folder(in_memory)
  local make = "mktemp -d"
  if in_memory then
    make = "[ -w /dev/shm ] && mktemp -d -p /dev/shm || mktemp -d"
  end
  return setmetatable({ path = scratch.run(make):match "[^\n]+" }, scratch_mt)
end

--- The path of a name in the folder.
function scratch_methods:at(name)
  return self.path .. "/" .. name
end

--- Writes a whole file.
---@return string path
function scratch_methods:write(name, text)
  local file = assert(io.open(self:at(name), "wb"))
  file:write(text)
  file:close()
  return self:at(name)
end

--- The text of a file; nil when there is none.
function scratch_methods:read(name)
  local file = io.open(self:at(name), "rb")
  local text = file and file:read "*a"
  if file then
    file:close()
  end
  return text
end

--- The names in the folder, sorted, separated by spaces.
function scratch_methods:names()
  local names = scratch.run("ls -A " .. scratch.quote(self.path))
  return (names:gsub("\n$", ""):gsub("\n", " "))
end

function scratch_methods:remove()
  scratch.run("rm -rf " .. scratch.quote(self.path))
end

--- Runs Lua text on the interpreter under test.
---@param text string
---@param before? string what stands before the interpreter, such as "env NAME=value"
---@return string printed both streams
function scratch_methods:lua(text, before)
  local file = self:write("child.lua", text)
  local printed = scratch.run(("%s %s %s"):format(before or "", lua, scratch.quote(file)))
  os.remove(file)
  return printed
end

return scratch
