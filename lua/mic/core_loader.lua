--- Loads the core. If it was built for another Lua, the error says so; the dynamic linker reports
--- only a missing symbol.

local loaded, core = pcall(require, "mic.core")
if loaded then
  return core
end

local problem = tostring(core)
local path = problem:match "from file '([^\n]*)':"
local file = path and problem:find "[Ss]ymbol" and io.open(path, "rb")
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
