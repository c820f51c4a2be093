--- Methods of the client object around its credentials, loaded at first use. They take the client's
--- state.

local core = require "mic.core"
local credential_status = require "mic.credentials.credential_status"
local errors = require "mic.error"
local insides = require "mic.client_state"
local json = require "mic.json"
local pcall_compat = require "mic.pcall_compat"
local retry = require "mic.http.retry"
local time_limit = require "mic.http.time_limit"

local client_credentials = {}

local function itself(value)
  return value
end

local function pretty_text(value)
  return pcall_compat.need("mic.pretty").text(value, require("mic.client").mask)
end

local status_mt = { __name = "mic.status", __readable = itself, __tostring = pretty_text }
local session_mt = { __name = "mic.session", __readable = itself, __tostring = pretty_text }

local function check_text(value, name)
  local problem
  if value ~= nil and (type(value) ~= "string" or value == "") then
    problem = ("be a string (got %s)"):format(value == "" and "an empty string" or type(value))
  elseif value and #value > core.secret_max then
    problem = ("not be longer than %d bytes"):format(core.secret_max)
  end
  if problem then
    errors.raise(("client:login(username, password): %s must %s"):format(name, problem))
  end
end

local function check_login(self, username, password)
  check_text(username, "username")
  check_text(password, "password")
  local own = self.given.username
  if username and own and username ~= own then
    local message = 'client:login: "%s" is not the user of the option username ("%s"); '
    errors.raise(message:format(username, own) .. "make a client for each user")
  end
  if self.given.authenticate and (username or password) then
    errors.raise 'client:login takes no user name or password with the option "authenticate"'
  end
  if (username or password) and not self.profile.takes_user and not self.profile.no_login then
    errors.raise(
      ('client:login: the login of the profile "%s" sends no user name and no password'):format(
        self.profile.name
      ) .. "; for one that does, set the option username in mic.new"
    )
  end
  if self.given.authenticate or not self.profile.is_mic then
    return -- whether the login has all that it needs, the core tells
  end
  if not username and not own then
    errors.raise "client:login needs username and password, here or as options of mic.new"
  end
  if not password and not self.given.password then
    errors.raise "client:login needs a password, here or as an option of mic.new"
  end
end

local function remove_member(data, path)
  local holder, name = path:match "^(.*)%.([^.]+)$"
  for key in (holder or ""):gmatch "[^.]+" do
    data = type(data) == "table" and data[key] or nil
  end
  if type(data) == "table" then
    data[name or path] = nil
  end
end

--- Returns what else a login's reply has: the members that the profile names, or all but the
--- credentials.
local function session_of(self, reply)
  local data = reply.body and json.decode(reply.body)
  data = type(data) == "table" and data or {}
  if self.profile.row.session then
    local session = {}
    for _, name in ipairs(self.profile.row.session) do
      session[name] = data[name]
    end
    return session
  end
  remove_member(data, self.profile.row.token)
  remove_member(data, self.profile.row.refresh_token)
  return data
end

--- Logs in. The password is not kept; the option `password` is.
---@param self table the client state
---@param username? string
---@param password? string
---@return table|nil session the reply's other members
---@return table|nil err
function client_credentials.login(self, username, password)
  check_login(self, username, password)
  local ends = time_limit.ends(self)
  local ready, err = insides.connect(self, ends)
  if not ready then
    return nil, err
  end
  local reply
  reply, err = self.token_source:login(username, password, ends, retry.settings(self))
  if not reply then
    return nil, err
  end
  if not reply.body and self.profile.is_mic then -- logged in, but without memory to mask the reply
    error("not enough memory", 0)
  end
  return setmetatable(session_of(self, reply), session_mt)
end

--- Refreshes now, even if the token is fresh.
---@param self table the client state
---@return true|nil ok
---@return table|nil err
function client_credentials.refresh(self)
  local ends = time_limit.ends(self)
  local ready, err = insides.connect(self, ends)
  if not ready then
    return nil, err
  end
  return ready.token_source:refresh(ends, retry.settings(ready))
end

--- Forgets the credentials, in memory and in the store.
---@param self table the client state
---@return true|nil ok
---@return table|nil err
function client_credentials.logout(self)
  local ready, err = insides.connect(self)
  if not ready then
    return nil, err
  end
  return ready.token_source:logout()
end

--- True if there are credentials that have not expired. Sends nothing.
---@param self table the client state
---@return boolean
function client_credentials.authenticated(self)
  if self.closed or not self.core then
    return false
  end
  return self.token_source:is_logged_in()
end

--- Returns a copy of the credentials; nil if there are none.
---@param self table the client state
---@return table|nil credentials token, refresh_token, identity, expires_at (seconds since 1970),
--- and the same under the API's own names
function client_credentials.credentials(self)
  if self.closed or not self.core then
    return nil
  end
  self.token_source:load()
  local found = self.core:credential_data()
  for name, ours in pairs(found and self.profile.row.aliases or {}) do
    found[name] = found[ours]
  end
  return found
end

--- Adopts and saves credentials from elsewhere.
---@param self table the client state
---@param credentials table token, refresh_token, identity, expires_at; or the API's own names
---@return true|nil ok
---@return table|nil err
function client_credentials.use_credentials(self, credentials)
  if type(credentials) ~= "table" then
    errors.raise(("client:use_credentials takes a table (got %s)"):format(type(credentials)))
  end
  if type(credentials.credentials) == "table" then
    errors.raise "client:use_credentials takes only the member credentials of a login response"
  end
  if type(credentials.token) == "string" and credentials.token:find "^[Bb]earer " then
    errors.raise 'client:use_credentials: remove "Bearer " from the token'
  end
  local given, aliases = {}, self.profile.row.aliases or {}
  for name, value in pairs(credentials) do
    local ours = aliases[name]
    if not ours or credentials[ours] == nil then
      given[ours or name] = value
    end
  end
  local ready, err = insides.connect(self)
  if not ready then
    return nil, err
  end
  return ready.token_source:use_credentials(given)
end

--- Returns the headers that authenticate a call, for a proxy or another HTTP library. Renews the
--- credentials first if due, so it may wait.
---@param self table the client state
---@return table<string, string>|nil headers
---@return table|nil err
function client_credentials.auth_headers(self)
  local ends = time_limit.ends(self)
  if self.closed or not self.core or not self.token_source:is_good() then
    local connected, err = insides.connect(self, ends)
    if not connected then
      return nil, err
    end
    local ok
    ok, err = self.token_source:ensure(ends, retry.settings(self))
    if not ok and not self.token_source:is_usable() then
      return nil, err
    end
  end
  if self.core:freshness() == "advisory" then
    self.token_source:prefetch(ends)
  end
  local headers, kind, code, message = self.core:headers()
  if not headers then
    return nil, errors.from_fail(kind, code, message, errors.context(self, {}))
  end
  return headers
end

--- Returns the client's status, without secrets.
---@param self table the client state
---@return table status api, profile, username, logged_in, issued, expires, next_refresh (in seconds
--- since 1970), transport, store, store_error, last_error, event_error, counters
function client_credentials.status(self)
  local status = {
    api = self.given.base_url or self.given.stack,
    username = self.given.username,
    profile = self.profile.name,
    logged_in = client_credentials.authenticated(self),
    store = tostring(self.store):match "^[%w_.]+" or "table",
    transport = insides.transport_name(self),
    event_error = self.event_error,
    counters = {},
  }
  if self.core and not self.closed then
    status.api = self.core:root()
    credential_status.add(status, self.token_source)
  end
  return setmetatable(status, status_mt)
end

return client_credentials
