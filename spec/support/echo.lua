--- A server that answers each request with its bytes as received: request line, headers, body.
--- Plain HTTP on loopback; beside it TLS with a certificate for another name than localhost.

local cleanup = require "spec.support.cleanup"
local clock = require "spec.support.clock"
local mic = require "mic"
local nginx_program = require "spec.support.nginx_program"
local scratch = require "spec.support.scratch"
local shell = require "spec.support.shell"

local echo = {}

--- Run in a folder of its own, with the port as argument; the TLS port is the next one. The others
--- are the program and what loads its Lua module. nginx ends when standard input does.
local SCRIPT = [=[
cd "$1" && exec 2>&1 || exit 1
user=''; [ "$(id -u)" -ne 0 ] || user='user root;'
[ -e server.pem ] || openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 \
  -subj /CN=other.example -addext subjectAltName=DNS:other.example \
  -keyout server.key -out server.pem 2>openssl.log || exit 1
cat >nginx.conf <<END
daemon off; master_process off; pid nginx.pid; error_log error.log error; $user
$4
events { worker_connections 64; }
http {
  access_log off;
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi; scgi_temp_path scgi;
  client_max_body_size 4m; client_body_buffer_size 4m;
  underscores_in_headers on; ignore_invalid_headers off; merge_slashes off;
  server {
    listen 127.0.0.1:$2;
    listen 127.0.0.1:$(($2 + 1)) ssl;
    ssl_certificate server.pem; ssl_certificate_key server.key;
    location / {
      content_by_lua_block {
        ngx.req.read_body()
        local text = ngx.req.raw_header() .. (ngx.req.get_body_data() or "")
        ngx.header["Content-Type"] = "text/plain"
        ngx.header["Content-Length"] = #text
        ngx.print(text)
      }
    }
  }
}
END
"$3" -p "$PWD/" -c "$PWD/nginx.conf" -e "$PWD/error.log" </dev/null &
cat >/dev/null
kill $! 2>/dev/null
wait
]=]

local TAKEN = "98: Address already in use" -- one of the ports

--- Waits for the answer of the server; another program may listen on the port.
local function answers(self, folder)
  local client = mic.new { base_url = self.base_url, api_key = "-", timeout = 1, retry = false,
    transport = "blocking" }
  local is_ready
  clock.eventually(function()
    local response = client:get("/ready", { auth = false })
    is_ready = response and response.body:find("GET /ready", 1, true)
    return is_ready or (folder:read "error.log" or ""):find(TAKEN, 1, true)
  end)
  client:close()
  return is_ready
end

--- Starts one; it ends with the test or the block.
---@return table server base_url (plain HTTP), tls_url, ca_file (which the certificate is from),
--- `stop()`
function echo.start()
  local folder = scratch.folder()
  folder:write("start", SCRIPT)
  for _ = 1, 5 do
    local port = shell.port()
    local pipe = assert(io.popen(("exec sh %s %s %d %s %s >%s"):format(
      folder:at "start", folder.path, port, nginx_program.path, shell.quote(nginx_program.load),
      folder:at "log"
    ), "w"))
    local self = {
      base_url = ("http://127.0.0.1:%d"):format(port),
      tls_url = ("https://localhost:%d"):format(port + 1),
      ca_file = folder:at "server.pem",
      stop = cleanup.call(function()
        pipe:close()
      end),
    }
    if answers(self, folder) then
      return self
    end
    self.stop()
    os.remove(folder:at "error.log")
  end
  error "the echo server did not start"
end

--- The parts of an answer's body: what the server saw of the request.
---@param text string
---@return table request line, headers (name as sent to its value, list when repeated), body
function echo.parse(text)
  local head, body = text:match "^(.-\r\n)\r\n(.*)$"
  local request = { line = head:match "^[^\r]*", headers = {}, body = body }
  for name, value in head:gmatch "\n([^:\r\n]+):[ \t]*([^\r\n]*)" do
    local present = request.headers[name]
    if type(present) == "table" then
      present[#present + 1] = value
    else
      request.headers[name] = present and { present, value } or value
    end
  end
  return request
end

return echo
