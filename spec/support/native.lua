--- Builds the small C programs and libraries of the specs, once for a run.

local shell = require "spec.support.shell"

local native = {}

--- The flags that find Lua's headers; pkg-config's, or where Debian has them.
local function include()
  local name = shell.lua:match "[^/]+$"
  local flags = shell.run("pkg-config --cflags " .. name .. " 2>/dev/null"):match "[^\n]+"
  return flags or "-I/usr/include/" .. (name:find "luajit" and "luajit-2.1" or name)
end

--- Builds spec/c/NAME.c as a shared object, unless that has been done.
---@param name string
---@return string path absolute
function native.build(name)
  local target = ("%s/spec/%s.so"):format(shell.build, name)
  return shell.compile(target, ("spec/c/%s.c"):format(name), "-shared -fPIC " .. include())
end

--- Builds a program that all interpreters share, unless that has been done.
---@param source string such as "spec/c/relay.c"
---@return string path absolute
function native.program(source)
  local name = source:match "([^/]+)%.c$"
  return shell.compile(shell.build:gsub("/[^/]*$", "") .. "/" .. name, source, "")
end

--- Loads spec/c/NAME.c as a Lua module.
---@param name string
---@return table module
function native.load(name)
  return assert(package.loadlib(native.build(name), "luaopen_" .. name))()
end

return native
