--- Small C programs of spec/c, built once for a run of the specs.

local native = {}

local interpreter = os.getenv "LUA" or (rawget(_G, "jit") and "luajit" or "lua5.4")

local function folder()
  return os.getenv "MIC_BUILD" or "build/" .. interpreter:match "[^/]+$"
end

local function run(command)
  local ok = os.execute(command)
  assert(ok == true or ok == 0, command)
end

--- The flags that find Lua's headers; pkg-config's, or where Debian has them.
local function include()
  local name = interpreter:match "[^/]+$"
  local pipe = assert(io.popen("pkg-config --cflags " .. name .. " 2>/dev/null"))
  local flags = pipe:read "*l"
  pipe:close()
  if flags and flags ~= "" then
    return flags
  end
  return "-I/usr/include/" .. (name:find "luajit" and "luajit-2.1" or name)
end

--- Builds spec/c/NAME.c as a shared object, unless that has been done.
---@param name string
---@return string path absolute
function native.build(name)
  local target = ("%s/spec/%s.so"):format(folder(), name)
  local source = ("spec/c/%s.c"):format(name)
  run(([[ # several runs of the specs may build it at the same time
    source=%s target=%s
    [ $target -nt $source ] || {
      mkdir -p %s/spec
      cc -shared -fPIC -O1 -std=c11 -D_GNU_SOURCE %s -o $target.$$ $source && mv $target.$$ $target
    }
  ]]):format(source, target, folder(), include()))
  if target:sub(1, 1) == "/" then
    return target
  end
  local pipe = assert(io.popen "pwd")
  local here = pipe:read "*l"
  pipe:close()
  return here .. "/" .. target
end

--- Loads spec/c/NAME.c as a Lua module.
---@param name string
---@return table module
function native.load(name)
  return assert(package.loadlib(native.build(name), "luaopen_" .. name))()
end

return native
