--- Loads the core. If it was built for another Lua, the error says so; the dynamic linker reports
--- only a missing symbol, and Lua's own check names no file.

local loaded, core = pcall(require, "mic.core")
if loaded then
  return core
end

local problem = tostring(core)
local path
if problem:find "[Ss]ymbol" then
  path = problem:match "from file '([^\n]*)':"
elseif problem:find "version mismatch" then -- from Lua 5.2 on
  path = rawget(package, "searchpath")("mic.core", package.cpath)
end
local file = path and io.open(path, "rb")
local other = file and file:read("*a"):match "mic%.core was built for (Lua[%w. ]+)"
if file then
  file:close()
end
if not other then
  error(core, 0)
end
local jit = rawget(_G, "jit")
local this = type(jit) == "table" and "LuaJIT" or _VERSION
error(
  ("%s was built for %s, and this is %s: build lua-mic for it (make install LUA=%s), or put its "
    .. "module first in package.cpath"):format(path, other, this, (this:lower():gsub(" ", ""))),
  0
)
