--- A server whose answers a spec writes in Lua; it keeps each request as it was received. Plain
--- HTTP on loopback.

local cleanup = require "spec.support.cleanup"
local clock = require "spec.support.clock"
local nginx_program = require "spec.support.nginx_program"
local scratch = require "spec.support.scratch"
local shell = require "spec.support.shell"

local written_api = {}

--- Run in a folder of its own; the other arguments are the port, the program and what loads its Lua
--- module. nginx ends when standard input does.
local SCRIPT = [=[
cd "$1" && exec 2>&1 || exit 1
user=''; [ "$(id -u)" -ne 0 ] || user='user root;'
cat >nginx.conf <<END
daemon off; master_process off; pid nginx.pid; error_log error.log error; $user
$4
events { worker_connections 64; }
http {
  access_log off;
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi; scgi_temp_path scgi;
  client_max_body_size 1m; client_body_buffer_size 1m; merge_slashes off;
  server {
    listen 127.0.0.1:$2;
    location / { content_by_lua_file $PWD/answer.lua; }
    location = /.ready { return 200 ready; }
  }
}
END
"$3" -p "$PWD/" -c "$PWD/nginx.conf" -e "$PWD/error.log" </dev/null &
cat >/dev/null
kill $! 2>/dev/null
wait
]=]

local TAKEN = "98: Address already in use" -- the port

local ANSWER = [[
ngx.req.read_body()
local body = ngx.req.get_body_data() or ""
local file = assert(io.open(%q, "a"))
file:write(ngx.req.raw_header(), body, "\n----\n")
file:close()
local function answer(method, path, args, headers)
  %s
end
local status, text, fields =
  answer(ngx.req.get_method(), ngx.var.uri, ngx.req.get_uri_args(), ngx.req.get_headers())
for name, value in pairs(fields or {}) do
  ngx.header[name] = value
end
ngx.status = status
ngx.header["Content-Type"] = ngx.header["Content-Type"] or "application/json"
ngx.header["Content-Length"] = #text
ngx.print(text)
]]

--- Starts one; it ends with the test or the block.
---@param answer string Lua code with `method`, `path`, `args`, `headers` and `body`, which returns
--- status, body and header fields
---@return table server base_url, `received()` (everything since the last look, as it came),
--- `stop()`
function written_api.start(answer)
  local folder = scratch.folder()
  local log = folder:at "received"
  folder:write("start", SCRIPT)
  folder:write("answer.lua", ANSWER:format(log, answer))
  for _ = 1, 5 do
    local port = shell.port()
    local pipe = assert(io.popen(("exec sh %s %s %d %s %s >%s"):format(
      folder:at "start", folder.path, port, nginx_program.path, shell.quote(nginx_program.load),
      folder:at "log"
    ), "w"))
    local self = { base_url = ("http://127.0.0.1:%d"):format(port) }
    self.stop = cleanup.call(function()
      pipe:close()
    end)
    function self.received()
      local file = io.open(log, "rb")
      local text = file and file:read "*a" or ""
      if file then
        file:close()
        os.remove(log)
      end
      return text
    end
    local is_ready
    clock.eventually(function()
      is_ready = shell.run("curl -q -s --noproxy '*' " .. self.base_url .. "/.ready") == "ready"
      return is_ready or (folder:read "error.log" or ""):find(TAKEN, 1, true)
    end)
    if is_ready then
      return self
    end
    self.stop()
    os.remove(folder:at "error.log")
  end
  error "the server did not start"
end

return written_api
