--- Scratch folders and files, removed with the test or the block, and Lua programs run in them.

local cleanup = require "spec.support.cleanup"
local shell = require "spec.support.shell"

local scratch = {}
local scratch_methods = {}
local scratch_mt = { __index = scratch_methods }

--- Makes an empty folder.
---@param in_memory? boolean where the system has a place for that: fsync costs nothing there
---@return table folder path, `remove()` and the methods below
function scratch.folder(in_memory)
  local make = "mktemp -d"
  if in_memory then
    make = "[ -w /dev/shm ] && mktemp -d -p /dev/shm || mktemp -d"
  end
  local folder = setmetatable({ path = shell.check(make):match "[^\n]+" }, scratch_mt)
  folder.remove = cleanup.call(function()
    shell.check("rm -rf " .. shell.quote(folder.path))
  end)
  return folder
end

--- Writes a temporary file.
---@param text string
---@return string path
function scratch.file(text)
  local path = os.tmpname()
  local file = assert(io.open(path, "wb"))
  file:write(text)
  file:close()
  cleanup.call(function()
    os.remove(path)
  end)
  return path
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
  local names = shell.check("ls -A " .. shell.quote(self.path))
  return (names:gsub("\n$", ""):gsub("\n", " "))
end

--- Runs Lua text on the interpreter under test.
---@param text string
---@param before? string what stands before the interpreter, such as "env NAME=value"
---@return string printed both streams
function scratch_methods:lua(text, before)
  local file = self:write("child.lua", text)
  local printed = shell.check(("%s %s %s"):format(before or "", shell.lua, shell.quote(file)))
  os.remove(file)
  return printed
end

return scratch
