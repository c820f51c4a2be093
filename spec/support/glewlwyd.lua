--- A glewlwyd (an OAuth2 and OpenID Connect server) with SQLite, for specs of the password grant,
--- client_credentials and refresh tokens.

local cjson = require "cjson.safe"
local curl = require "spec.support.curl"
local server_process = require "spec.support.server_process"
local shell = require "spec.support.shell"

local quote = shell.quote

local glewlwyd = {}
local glewlwyd_methods = {}
local glewlwyd_mt = { __index = glewlwyd_methods }

local TABLES = "/usr/share/dbconfig-common/data/glewlwyd/install/sqlite3"

local USERNAME = "anna"
local PASSWORD = 'anna "quoted" & 50% + \195\164' -- what a form has to encode
-- The base64 of PBKDF2 with SHA-256 (32 bytes) and of the salt (16 bytes); then the iterations.
local PASSWORD_HASH = "i/44vtUAMNGDGT4vqRU+9Zg3y6ojAKMQzssBKqdwq6EwMTIzNDU2Nzg5YWJjZGVm,1000"
-- The same in Basic as they are and form-encoded (RFC 6749 2.3.1), which this server does not undo.
local CLIENT_ID = "lua-client"
local CLIENT_SECRET = "lua-client.secret"
local SCOPE = "things"

-- The grants by their numbers in the server's tables.
local GRANTS = { ["4"] = "password", ["5"] = "client_credentials", ["6"] = "refresh_token" }

local CONFIGURATION = [[
port=%d
bind_address="127.0.0.1"
external_url="%s"
login_url="login.html"
api_prefix="api"
log_mode="console"
log_level="WARNING"
cookie_secure=0
session_expiration=600
session_key="GLEWLWYD2_SESSION_ID"
admin_scope="g_admin"
profile_scope="g_profile"
user_module_path="/usr/lib/glewlwyd/user"
client_module_path="/usr/lib/glewlwyd/client"
user_auth_scheme_module_path="/usr/lib/glewlwyd/scheme"
plugin_module_path="/usr/lib/glewlwyd/plugin"
hash_algorithm="SHA512"
database = { type = "sqlite3"; path = "database"; };
]]

local function sql_text(text)
  return "'" .. text:gsub("'", "''") .. "'"
end

--- The statement that makes an OpenID Connect provider below /api/NAME/.
local function provider(self, name, one_use)
  return ("INSERT INTO g_plugin_module_instance (gpmi_module, gpmi_name, gpmi_parameters) "
    .. "VALUES ('oidc', %s, %s);\n"):format(sql_text(name), sql_text(cjson.encode {
      iss = self.base_url,
      ["jwt-type"] = "sha",
      ["jwt-key-size"] = "256",
      key = "the key of the tokens",
      ["access-token-duration"] = self.token_life,
      ["refresh-token-duration"] = self.refresh_token_life,
      ["code-duration"] = 60,
      ["refresh-token-rolling"] = false,
      ["refresh-token-one-use"] = one_use,
      ["allow-non-oidc"] = true,
      ["auth-type-password-enabled"] = true,
      ["auth-type-client-enabled"] = true,
      ["auth-type-refresh-enabled"] = true,
      ["introspection-revocation-allowed"] = true,
      ["introspection-revocation-allow-target-client"] = true,
    }))
end

--- Everything that the server has to know, beside its empty tables.
local function rows(self)
  local text = {
    "BEGIN;\n",
    (([[
      INSERT INTO g_scope (gs_name, gs_password_required) VALUES ($scope, 1);
      INSERT INTO g_user (gu_username, gu_name) VALUES ($username, $username);
      INSERT INTO g_user_password (gu_id, guw_password)
        SELECT gu_id, $hash FROM g_user WHERE gu_username = $username;
      INSERT INTO g_user_scope (gus_name) VALUES ($scope);
      INSERT INTO g_user_scope_user (gu_id, gus_id)
        SELECT gu_id, gus_id FROM g_user, g_user_scope
        WHERE gu_username = $username AND gus_name = $scope;
      INSERT INTO g_client (gc_client_id, gc_name, gc_confidential)
        VALUES ($client_id, $client_id, 1);
      INSERT INTO g_client_scope (gcs_name) VALUES ($scope);
      INSERT INTO g_client_scope_client (gc_id, gcs_id)
        SELECT gc_id, gcs_id FROM g_client, g_client_scope;
    ]]):gsub("%$([%l_]+)", {
      scope = sql_text(SCOPE),
      username = sql_text(USERNAME),
      hash = sql_text(PASSWORD_HASH),
      client_id = sql_text(CLIENT_ID),
    })),
    provider(self, "rotating", "always"),
    provider(self, "keeping", "never"),
  }
  for _, property in ipairs {
    { "client_secret", CLIENT_SECRET },
    { "authorization_type", "password" },
    { "authorization_type", "client_credentials" },
    { "authorization_type", "refresh_token" },
    { "token_endpoint_auth_method", "client_secret_basic" },
    { "token_endpoint_auth_method", "client_secret_post" },
  } do
    text[#text + 1] = ("INSERT INTO g_client_property (gc_id, gcp_name, gcp_value) "
      .. "SELECT gc_id, %s, %s FROM g_client;\n"):format(
        sql_text(property[1]), sql_text(property[2]))
  end
  text[#text + 1] = "COMMIT;\n"
  return table.concat(text)
end

--- Options of a client that logs in as the user, with the row of docs/other-apis.md.
---@param provider_name string "rotating" or "keeping"
---@return table options of `mic.new`
function glewlwyd_methods:options(provider_name)
  return {
    base_url = self.base_url,
    auth_url = self[provider_name].token_url,
    client_id = self.client_id,
    client_secret = self.client_secret,
    username = self.username,
    password = self.password,
    values = { scope = self.scope },
    profile = {
      name = "glewlwyd",
      extends = "oauth2",
      expired = { { 401 } },
      refused = { { 403 }, { 400 } },
    },
  }
end

--- A request to a token endpoint.
---@param form table<string, string> without the client's id and secret
---@param provider_name? string "rotating" (the default) or "keeping"
---@param without_client? boolean
---@return table response
function glewlwyd_methods:ask(form, provider_name, without_client)
  local fields = {}
  for name, value in pairs(form) do
    fields[name] = value
  end
  if not without_client then
    fields.client_id, fields.client_secret = self.client_id, self.client_secret
  end
  return assert(curl.request { url = self[provider_name or "rotating"].token_url, form = fields })
end

--- The answer to a login.
---@param password? string another one
---@param provider_name? string
---@return table response
function glewlwyd_methods:log_in(password, provider_name)
  return self:ask({
    grant_type = "password",
    username = self.username,
    password = password or self.password,
    scope = self.scope,
  }, provider_name)
end

--- The answer to a refresh.
---@param refresh_token string
---@param provider_name? string
---@return table response
function glewlwyd_methods:refresh(refresh_token, provider_name)
  return self:ask({ grant_type = "refresh_token", refresh_token = refresh_token }, provider_name)
end

--- The answer to the call that needs a token.
---@param token? string
---@param provider_name? string
---@return table response
function glewlwyd_methods:call(token, provider_name)
  return assert(curl.request {
    url = self[provider_name or "rotating"].userinfo_url,
    headers = token and { Authorization = "Bearer " .. token },
  })
end

--- How many tokens it has given, by the grant: password, client_credentials, refresh_token.
---@return table<string, integer>
function glewlwyd_methods:counters()
  local counters = { password = 0, client_credentials = 0, refresh_token = 0 }
  local rows_of = shell.check(("sqlite3 -cmd '.timeout 5000' %s %s"):format(
    quote(self.process.folder:at "database"),
    quote "SELECT gpoa_authorization_type, count(*) FROM gpo_access_token GROUP BY 1"))
  for kind, count in rows_of:gmatch "(%d+)|(%d+)" do
    counters[GRANTS[kind]] = tonumber(count)
  end
  return counters
end

--- Starts a glewlwyd.
---@param options? { token_life?: integer, refresh_token_life?: integer } in seconds
---@return table server base_url, username, password, client_id, client_secret, scope; `rotating`
---  and `keeping`, two providers: one whose refresh tokens are good once, one whose stay, each with
---  token_url, revoke_url, userinfo_url; `stop()`, the methods above
function glewlwyd.start(options)
  options = options or {}
  local self = setmetatable({
    token_life = options.token_life or 300,
    refresh_token_life = options.refresh_token_life or 3600,
    username = USERNAME,
    password = PASSWORD,
    client_id = CLIENT_ID,
    client_secret = CLIENT_SECRET,
    scope = SCOPE,
  }, glewlwyd_mt)
  self.process = server_process.start {
    command = function(process)
      local port = server_process.free_port()
      self.base_url = "http://127.0.0.1:" .. port
      process.folder:write("configuration", CONFIGURATION:format(port, self.base_url))
      process.folder:write("rows.sql", rows(self))
      shell.check(("cd %s && cat %s rows.sql | sqlite3 -bail database"):format(
        quote(process.folder.path), TABLES))
      return "exec glewlwyd --config-file=configuration"
    end,
    ready = function()
      return curl.request { url = self.base_url .. "/api/keeping/.well-known/openid-configuration" }
    end,
  }
  self.stop = self.process.stop
  for _, name in ipairs { "rotating", "keeping" } do
    local below = ("%s/api/%s/"):format(self.base_url, name)
    self[name] = {
      token_url = below .. "token",
      revoke_url = below .. "revoke",
      userinfo_url = below .. "userinfo",
    }
  end
  return self
end

return glewlwyd
