--- An nginx in a scratch folder and on a free port: configuration, processes, requests to it. It
--- runs on LuaJIT whatever the interpreter of the specs.

local cleanup = require "spec.support.cleanup"
local clock = require "spec.support.clock"
local nginx_program = require "spec.support.nginx_program"
local scratch = require "spec.support.scratch"
local shell = require "spec.support.shell"

local quote, run = shell.quote, shell.run

local nginx = {}
local server_methods = {}
local server_mt = { __index = server_methods }

local START_SECONDS = 30 -- under memcheck, on a busy machine

local function first_line(command)
  return (run(command)):match "^[^\n]*"
end

local root = shell.folder()

--- The folder of the tree.
nginx.root = root

--- Where the module for LuaJIT is; built when it is not there.
---@return string folder
function nginx.build()
  local folder = os.getenv "MIC_NGINX_BUILD" or root .. "/build/luajit"
  local output, status = run("test -e " .. folder .. "/mic/core.so || make DEPS=no LUA=luajit 2>&1")
  assert(status == 0, output)
  return folder
end

local function read(path)
  local file = io.open(path, "rb")
  local text = file and file:read "*a" or ""
  if file then
    file:close()
  end
  return text
end

local function write(path, text)
  local file = assert(io.open(path, "wb"))
  file:write(text)
  file:close()
end

--- Where modules are, unless the configuration says so itself.
local function package_paths(self, options)
  if (options.http or ""):find "lua_package_path" then
    return ""
  end
  local libraries = options.libraries and nginx_program.libraries or {}
  local text = 'lua_package_path "%s/?.lua;%s/lua/?.lua;%s;%s"; lua_package_cpath "%s/?.so;;%s";'
  return text:format(self.folder, root, options.path or "", libraries.path or "", nginx.build(),
    libraries.cpath or "")
end

--- It names its folder: another server may have the port.
local function ready(self)
  return ('location = /ready { return 200 "%s"; }'):format(self.folder)
end

local function configuration(self, options)
  return ([[
daemon off;
worker_processes %d;
%s
pid nginx.pid;
error_log error.log %s;
%s
events { worker_connections 2048; }
%s
http {
  access_log off;
  client_body_temp_path body;
  proxy_temp_path proxy;
  fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
  %s
  lua_shared_dict notes 1m;
%s
  server {
    listen 127.0.0.1:%d %s;
    %s
%s
  }
}
]]):format(
    options.workers or 1,
    first_line "id -u" == "0" and "user root;" or "",
    options.log_level or "warn",
    nginx_program.load,
    options.main or ("env TMPDIR=%s;"):format(self.folder),
    package_paths(self, options),
    options.http or "",
    self.port,
    (options.workers or 1) > 1 and "reuseport" or "",
    ready(self),
    (options.server:gsub("TLS_PORT", self.tls_port))
  )
end

--- A user's whole configuration, with what a test needs: its folder, its port, and /ready.
local function adapted(self, whole)
  local user = first_line "id -u" == "0" and "user root;" or ""
  local main = ("daemon off; pid nginx.pid; error_log error.log warn; %s\n"):format(user)
  local http = "http {\naccess_log off; client_body_temp_path body; proxy_temp_path proxy; "
    .. "fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;\n"
  local listen = ("listen 127.0.0.1:%d; %s"):format(self.port, ready(self))
  return main .. whole:gsub("load_module modules/[^\n]*\n", function(line)
    return nginx_program.load == "" and "" or line:gsub("modules", nginx_program.modules, 1)
  end):gsub("http {\n", http, 1):gsub("listen 127%.0%.0%.1:8080;", listen)
end

local function is_ready(self)
  return run("curl -q -s --noproxy '*' " .. quote(self.url .. "/ready")) == self.folder
end

--- Starts it once; false when the port is taken.
local function launch(self, options)
  self.port, self.tls_port = shell.port(), shell.port()
  self.url = "http://127.0.0.1:" .. self.port
  write(self.folder .. "/nginx.conf",
    options.whole and adapted(self, options.whole) or configuration(self, options))
  write(self.folder .. "/error.log", "")
  self.pipe = assert(io.popen(
    ("cd %s && exec env %s %s %s -p ./ -c nginx.conf -e error.log >out 2>&1"):format(
      quote(self.folder),
      options.environment or "",
      os.getenv "MIC_NGINX_UNDER" or "",
      nginx_program.path
    ),
    "w"
  ))
  local ends = clock.now() + START_SECONDS
  while not is_ready(self) do
    local log = self:log()
    local printed = read(self.folder .. "/out")
    if printed:find "%[e%a+%]" or clock.now() > ends then
      self:signal "KILL"
      self.pipe:close()
      assert(log:find "98: Address already in use", log .. printed)
      return false
    end
    clock.sleep(0.02)
  end
  return true
end

--- Starts an nginx, which ends with the test or the block.
---@param options table `server`: what stands in its server block, TLS_PORT for a free port that is
--- then in `tls_port`; `http`, `main`: in those; or `whole`: a whole configuration for port 8080;
--- `environment`: words for env(1); `workers` (1), `log_level` ("warn"), `files`: Lua modules by
--- name,
--- `path`: more places for Lua modules; `libraries`: whether it needs libraries of the specs
---@return table server port, tls_port, url, folder, `stop()`
function nginx.start(options)
  local self = setmetatable({ folder = scratch.folder().path }, server_mt)
  for name, text in pairs(options.files or {}) do
    write(self.folder .. "/" .. name, text)
  end
  while not launch(self, options) do -- luacheck: ignore 542
  end
  self.stop = cleanup.call(function()
    self:signal "QUIT"
    self.pipe:close()
  end)
  return self
end

--- The text of a module that makes a client for a sandbox.
---@param api table of spec.support.api
---@param more? string further options, as Lua text
---@return string
function nginx.client(api, more)
  return ([[
local mic = require "mic"
return mic.new {
  base_url = %q, api_key = %q, username = %q, password = %q,
  tls = { ca_file = %q }, retry = false, %s
}
]]):format(api.base_url, api.api_key, api.username, api.password, api.ca_file, more or "")
end

--- The directives that proxy to a server over verified TLS.
---@param url string
---@param ca_file string
---@return string
function nginx.proxy(url, ca_file)
  return ([[
  proxy_pass %s/;
  proxy_ssl_server_name on;
  proxy_ssl_name localhost;
  proxy_ssl_verify on;
  proxy_ssl_trusted_certificate %s;
  proxy_http_version 1.1;
  proxy_set_header Connection "";
]]):format(url, ca_file)
end

--- ---- requests ----

--- One request.
---@param path string
---@param arguments? string further ones for curl
---@return string body
---@return number status
function server_methods:get(path, arguments)
  local output = run(
    ("curl -q -sS -g --noproxy '*' --max-time 30 -w '\\n%%{http_code}' %s %s"):format(
      arguments or "",
      quote(self.url .. path)
    )
  )
  local body, status = output:match "^(.*)\n(%d+)$"
  return body, tonumber(status)
end

--- One request, and the seconds from its start to the end of its answer.
---@param path string
---@return string body
---@return number seconds
function server_methods:timed(path)
  local output = run(
    ("curl -q -sS -g --noproxy '*' --max-time 30 -w '\\n%%{time_total}' %s"):format(
      quote(self.url .. path)
    )
  )
  local body, seconds = output:match "^(.*)\n([%d.]+)$"
  return body, tonumber(seconds)
end

--- Many requests at once.
---@param path string
---@param count number
---@return table statuses how often each was seen
---@return number seconds until the last one was answered
function server_methods:many(path, count)
  local began = clock.now()
  local output = run(
    ("curl -q -Z --parallel-immediate --parallel-max %d --noproxy '*' --max-time 30"
      .. " -w '%%{http_code}\\n' %s 2>/dev/null"):format(
      count,
      ("-o /dev/null " .. quote(self.url .. path) .. " "):rep(count)
    )
  )
  local statuses = {}
  for status in output:gmatch "%d+" do
    statuses[tonumber(status)] = (statuses[tonumber(status)] or 0) + 1
  end
  return statuses, clock.now() - began
end

--- ---- processes ----

function server_methods:log()
  return read(self.folder .. "/error.log")
end

--- The lines of the log that are errors or worse.
---@return string
function server_methods:errors()
  local found = {}
  for line in self:log():gmatch "[^\n]+" do
    if line:find "%[error%]" or line:find "%[crit%]" or line:find "%[alert%]"
      or line:find "%[emerg%]" then
      found[#found + 1] = line
    end
  end
  return table.concat(found, "\n")
end

--- The process id of the master; nil before it has written it.
function server_methods:pid()
  return read(self.folder .. "/nginx.pid"):match "%d+"
end

--- The process ids of the workers.
---@return string[] pids
function server_methods:workers()
  local pids = {}
  for pid in run("pgrep -P " .. assert(self:pid())):gmatch "%d+" do
    pids[#pids + 1] = pid
  end
  return pids
end

--- Sends a signal to the master.
function server_methods:signal(name)
  local pid = self:pid()
  if pid then
    run(("kill -%s %s"):format(name, pid))
  end
end

--- Ends servers, all at the same time.
---@param servers table[]
function nginx.stop_all(servers)
  for _, server in ipairs(servers) do
    server:signal "QUIT"
  end
  for _, server in ipairs(servers) do
    server.stop()
  end
end

return nginx
