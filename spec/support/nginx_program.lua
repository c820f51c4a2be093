--- The nginx that the specs start: that of PATH, or OpenResty's.
---
---     PATH=/usr/local/openresty/nginx/sbin:$PATH tools/run_specs luajit -- spec/nginx_spec.lua

local shell = require "spec.support.shell"

local function first_line(command)
  return (shell.run(command)):match "^[^\n]*"
end

local path = first_line [[
  PATH=$PATH:/usr/sbin:/usr/local/sbin
  for name in nginx openresty /usr/local/openresty/nginx/sbin/nginx; do
    command -v $name && break
  done]]
assert(path ~= "", "nginx is missing: make deps")
local folder = first_line(path .. " -V 2>&1 | sed -n 's/.*--modules-path=\\([^ ]*\\).*/\\1/p'")

local directives = {}
for _, name in ipairs { "ndk_http_module", "ngx_http_lua_module" } do
  local module = folder .. "/" .. name .. ".so"
  local file = io.open(module)
  if file then
    file:close()
    directives[#directives + 1] = "load_module " .. module .. ";\n"
  end
end

local major, minor, patch = first_line(path .. " -v 2>&1"):match "/(%d+)%.(%d+)%.(%d+)"

--- Where the libraries of the specs are, after the default places.
local libraries = { path = "", cpath = "" }
if #directives == 0 then
  local paths = shell.run [[env -u LUA_PATH -u LUA_CPATH luajit -e "
    print(package.path) print(package.cpath)"]]
  libraries.path, libraries.cpath = paths:match "^([^\n]*)\n([^\n]*)\n$"
end

return {
  --- Of the program.
  path = path,
  --- As a number: 1022001 is 1.22.1.
  version = major * 1000000 + minor * 1000 + patch,
  --- Of its modules; "" with OpenResty.
  modules = folder,
  --- The directives that load its Lua module; "" if that is built in, as OpenResty's is.
  load = table.concat(directives),
  --- `path` and `cpath` of the libraries of the specs: OpenResty looks into its own folders only.
  libraries = libraries,
}
