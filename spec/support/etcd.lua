--- An etcd with authentication, for specs of an API that takes a raw token and says nothing of its
--- end. Its users are `root` and a guest without rights.

local curl = require "spec.support.curl"
local server_process = require "spec.support.server_process"

local etcd = {}
local etcd_methods = {}
local etcd_mt = { __index = etcd_methods }

-- What a template has to escape.
local PASSWORD = 'root "quoted" \\ 50% & more + \195\164'
local GUEST_PASSWORD = "guest's password"

local LOGINS =
  '\ngrpc_server_handled_total{grpc_code="OK",grpc_method="Authenticate"[^\n]* (%d+)\n'

local NOWHERE = "http://127.0.0.1:0" -- any port: no other member connects

--- Its row of docs/other-apis.md.
---@param with_jwt? boolean the tokens tell when they end
---@return table profile
function etcd.row(with_jwt)
  local row = {
    name = "etcd",
    login = "POST /v3/auth/authenticate",
    login_body = '{"name":{username},"password":{password}}',
    token = "token",
    headers = { "Authorization: {token}" },
    expired = { { 401, "invalid auth token" } },
    refused = { { 400, "authentication failed" } },
  }
  if not with_jwt then
    row.expires = false
  end
  return row
end

--- One request, with a token if there is one.
---@param path string
---@param data table
---@param token? string
---@return table response
function etcd_methods:post(path, data, token)
  local headers = token and { Authorization = token }
  return assert(curl.request { url = self.base_url .. path, json = data, headers = headers })
end

--- The answer to a login.
---@return table response
function etcd_methods:log_in(name, password)
  return self:post("/v3/auth/authenticate", { name = name, password = password })
end

--- How many logins have succeeded.
---@return integer
function etcd_methods:logins()
  local text = assert(curl.request { url = self.base_url .. "/metrics" }).body
  return tonumber(text:match(LOGINS) or 0)
end

--- The users, and a key that only root can read.
local function set_up(self)
  local function done(path, data)
    local response = self:post(path, data)
    assert(response.status == 200, response.body)
  end
  done("/v3/kv/put", { key = self.key, value = self.value })
  done("/v3/auth/user/add", { name = self.username, password = self.password })
  done("/v3/auth/user/add", { name = self.guest.username, password = self.guest.password })
  done("/v3/auth/role/add", { name = "root" })
  done("/v3/auth/user/grant", { user = self.username, role = "root" })
  done("/v3/auth/enable", { _ = "" }) -- lua-cjson would write an empty table as {} or []
end

--- Starts an etcd.
---@param options? { token_life?: integer, jwt?: boolean } seconds without use after which a token
---  ends (default 300); with `jwt` tokens are JWTs, and use does not move their end
---@return table server base_url, username, password, guest (username, password), key and value (in
---  base64, as /v3/kv/range has them), `stop()`, the methods above
function etcd.start(options)
  options = options or {}
  local life = options.token_life or 300
  local base_url
  local process = server_process.start {
    command = function(process)
      local tokens = "--auth-token-ttl " .. life
      if options.jwt then
        process.folder:write("key", ("k"):rep(32))
        tokens = ("--auth-token jwt,priv-key=key,sign-method=HS256,ttl=%ds"):format(life)
      end
      base_url = "http://127.0.0.1:" .. server_process.free_port()
      return ("exec etcd --data-dir data --logger zap --log-outputs stderr "
        .. "--listen-client-urls %s --advertise-client-urls %s --listen-peer-urls %s "
        .. "--initial-advertise-peer-urls %s --initial-cluster default=%s %s"):format(
          base_url, base_url, NOWHERE, NOWHERE, NOWHERE, tokens)
    end,
    ready = function(process)
      return process:printed():find "serving client traffic"
    end,
  }
  local self = {
    process = process,
    stop = process.stop,
    base_url = base_url,
    username = "root",
    password = PASSWORD,
    guest = { username = "guest", password = GUEST_PASSWORD },
    key = "Z3JlZXRpbmc=",
    value = "aGVsbG8=",
  }
  set_up(setmetatable(self, etcd_mt))
  return self
end

return etcd
