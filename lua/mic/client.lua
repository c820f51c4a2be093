--- The client that users hold: verbs, login, credentials. What it keeps is not reachable through
--- the object, so that printing or dumping it shows no secret.

local core = require "mic.core"
local call = require "mic.call"
local discovery = require "mic.discovery"
local errors = require "mic.error"
local json = require "mic.json"
local options = require "mic.options"
local session = require "mic.session"

local client = {}
local client_methods = {}
local client_mt = { __name = "mic.client", __index = client_methods }

--- What belongs to a client, by the object that users hold.
local insides = setmetatable({}, { __mode = "k" })

local function inside(self, method)
  local found = type(self) == "table" and insides[self]
  if not found then
    errors.raise(("call it with a colon: client:%s(…)"):format(method))
  end
  return found
end

--- ---- making one ----

local function core_config(given)
  local config = {
    api_key = given.api_key,
    identity = given.identity or "none",
    timeout = given.timeout,
    connect_timeout = given.connect_timeout,
    max_response_size = given.max_response_size,
    allow_insecure = given.allow_insecure,
    user_agent = given.user_agent,
    proxy = given.proxy,
    http_version = given.http_version,
  }
  for name, value in pairs(given.tls or {}) do
    config[name] = value
  end
  return config
end

--- Puts a core client and its session into the inside. Nil and a text for a bad base URL.
local function build(self, base_url, api_key)
  local config = core_config(self.given)
  config.base_url, config.api_key = base_url, api_key
  local ok, made = pcall(core.client, config)
  if not ok then
    return nil, tostring(made)
  end
  self.core = made
  self.session = session.new {
    core = self.core,
    transport = self.transport,
    store = self.store,
    emit = self.emit,
    username = self.given.username,
    password = self.given.password,
    refresh_margin = self.given.refresh_margin,
    timeout = self.timeout,
  }
  return true
end

--- A function that hands events to the user's; what that raises breaks nothing.
local function emitter(on_event)
  return function(event)
    if on_event then
      pcall(on_event, event)
    end
  end
end

--- The core does not keep the password; shorter ones would turn ordinary words into stars.
local function mask_password(password, text)
  if type(password) ~= "string" or #password < 4 then
    return text
  end
  local pattern = password:gsub("%p", "%%%0")
  return (text:gsub(pattern, "***"))
end

local function find_transport(given)
  if type(given) == "table" then
    return given
  end
  return require "mic.transport.blocking"
end

--- Makes a client; sends nothing. Raises for misuse.
---@param given table the options of docs/reference.md
---@return table client
function client.new(given)
  local checked = options.check(given, options.client, "mic.new")
  local self = {
    given = checked,
    timeout = checked.timeout,
    deadline = checked.deadline,
    transport = find_transport(checked.transport),
    store = checked.store or require "mic.store.memory"(),
    emit = emitter(checked.on_event),
    listens = checked.on_event ~= nil,
  }
  function self.mask(text)
    text = self.core and self.core:mask(text) or text
    return mask_password(checked.password, text)
  end
  local problem
  if checked.stack then
    self.search, problem =
      discovery.new(checked.stack, checked.manifest_url, core_config(checked))
  else
    local _
    _, problem = build(self, checked.base_url, checked.api_key)
  end
  if problem then
    errors.raise((problem:gsub("^(%S+)", 'option "%1"', 1)))
  end
  local object = setmetatable({}, client_mt)
  insides[object] = self
  return object
end

--- When a call that begins now has to end, on the transport's clock; nil for never.
local function ends_of(self, deadline)
  if deadline == nil then
    deadline = self.deadline
  end
  return deadline and self.transport.now() + deadline or nil
end

--- The inside with its core; for a stack that may have to look for it, and wait.
local function connected(self, ends)
  if self.closed then
    return nil, errors.new("closed", "the client was closed")
  end
  if self.core then
    return self
  end
  local base_url, api_key =
    discovery.find(self.search, self.transport, ends or ends_of(self))
  if not base_url then
    return nil, api_key
  end
  local ok, problem = build(self, base_url, api_key)
  if not ok then
    return nil, errors.new("config", "the stack's manifest does not fit: " .. problem)
  end
  discovery.close(self.search)
  self.search = nil
  return self
end

--- ---- calls ----

local function send(self, built)
  built.ends = ends_of(self, built.deadline)
  local ready, err = connected(self, built.ends)
  if not ready then
    return nil, err
  end
  local counters = self.session.counters
  counters.calls = counters.calls + 1
  return call.send(self, built)
end

--- Sends a request.
---@param opts table method, path, params, query, headers, data, body, auth, timeout, deadline,
--- decode
---@return table|nil response for 2xx: status, headers, body, data, url, attempts, timings
---@return table|nil err
function client_methods:request(opts)
  return send(inside(self, "request"), call.build(opts, "client:request"))
end

for _, verb in ipairs { "GET", "HEAD", "DELETE", "OPTIONS" } do
  local name = verb:lower()
  local what = "client:" .. name

  --- Sends a request of this method.
  ---@param path string
  ---@param opts? table as for `request`, without method and path
  ---@return table|nil response
  ---@return table|nil err
  client_methods[name] = function(self, path, opts)
    return send(inside(self, name), call.build(opts, what, verb, path))
  end
end

for _, verb in ipairs { "POST", "PUT", "PATCH" } do
  local name = verb:lower()
  local what = "client:" .. name

  --- Sends a request of this method.
  ---@param path string
  ---@param data? any sent as JSON
  ---@param opts? table as for `request`, without method, path and data
  ---@return table|nil response
  ---@return table|nil err
  client_methods[name] = function(self, path, data, opts)
    return send(inside(self, name), call.build(opts, what, verb, path, data))
  end
end

--- ---- credentials ----

local function check_text(value, name, method)
  if value ~= nil and (type(value) ~= "string" or value == "") then
    local got = value == "" and "an empty string" or type(value)
    errors.raise(("client:%s: %s must be a string (got %s)"):format(method, name, got))
  end
end

local function check_login(self, username, password)
  check_text(username, "username", "login")
  check_text(password, "password", "login")
  local own = self.given.username
  if username and own and username ~= own then
    errors.raise "client:login: another user than the option username; make a client for each user"
  end
  if not username and not own then
    errors.raise "client:login needs username and password, here or as options of mic.new"
  end
  if not password and not self.given.password then
    errors.raise "client:login needs a password, here or as an option of mic.new"
  end
end

--- Logs in. The password is not kept; the option `password` is.
---@param username? string
---@param password? string
---@return table|nil session `user` and `permissions` as the API sent them
---@return table|nil err
function client_methods:login(username, password)
  local mine = inside(self, "login")
  check_login(mine, username, password)
  local ends = ends_of(mine)
  local ready, err = connected(mine, ends)
  if not ready then
    return nil, err
  end
  local reply
  reply, err = mine.session:login(username, password, ends)
  if not reply then
    return nil, err
  end
  local data = json.decode(reply.body) or {}
  return { user = data.user, permissions = data.permissions }
end

--- Refreshes now, also within the token's life.
---@return true|nil ok
---@return table|nil err
function client_methods:refresh()
  local mine = inside(self, "refresh")
  local ends = ends_of(mine)
  local ready, err = connected(mine, ends)
  if not ready then
    return nil, err
  end
  return ready.session:refresh(ends)
end

--- Forgets the credentials, in memory and in the store.
---@return true|nil ok
---@return table|nil err
function client_methods:logout()
  local ready, err = connected(inside(self, "logout"))
  if not ready then
    return nil, err
  end
  return ready.session:logout()
end

--- Whether there are credentials that have not expired. Sends nothing.
---@return boolean
function client_methods:authenticated()
  local mine = inside(self, "authenticated")
  if mine.closed or not mine.core then
    return false
  end
  mine.session:load()
  return mine.session:is_usable()
end

--- A copy of the secrets; nil when there are none.
---@return table|nil credentials identityId, token, refreshToken, expires_at (seconds since 1970)
function client_methods:credentials()
  local mine = inside(self, "credentials")
  if mine.closed or not mine.core then
    return nil
  end
  mine.session:load()
  return (mine.core:credentials_table())
end

--- Adopts credentials obtained elsewhere, and saves them.
---@param credentials table identityId, token, refreshToken, expires_at
---@return true|nil ok
---@return table|nil err
function client_methods:use_credentials(credentials)
  local mine = inside(self, "use_credentials")
  if type(credentials) ~= "table" then
    errors.raise(("client:use_credentials takes a table (got %s)"):format(type(credentials)))
  end
  local ready, err = connected(mine)
  if not ready then
    return nil, err
  end
  local ok, adopted, problem = pcall(ready.session.adopt, ready.session, credentials)
  if not ok then
    errors.raise("client:use_credentials: " .. tostring(adopted))
  end
  return adopted, problem
end

--- The headers that authenticate a call, for a proxy or another HTTP library; renewed first when
--- that is due, so it may wait.
---@return table<string, string>|nil headers
---@return table|nil err
function client_methods:auth_headers()
  local ready, err = connected(inside(self, "auth_headers"))
  if not ready then
    return nil, err
  end
  local ends = ends_of(ready)
  local ok
  ok, err = ready.session:renew(ends)
  if not ok and not ready.session:is_usable() then
    return nil, err
  end
  if ready.core:freshness() == "advisory" then
    ready.session:refresh_ahead(ends)
  end
  local headers, kind, code, message = ready.core:headers()
  if not headers then
    return nil, errors.from_fail(kind, code, message)
  end
  return headers
end

--- How the client is doing, without secrets.
---@return table status api, username, logged_in, issued, expires, next_refresh (in seconds since
--- 1970), store, store_error, last_error, counters
function client_methods:status()
  local mine = inside(self, "status")
  local status = {
    api = mine.given.base_url or mine.given.stack,
    username = mine.given.username,
    logged_in = self:authenticated(),
    store = tostring(mine.store):match "^[%w_.]+" or "table",
    counters = {},
  }
  if mine.core and not mine.closed then
    status.api = mine.core:root()
    mine.session:describe(status)
  end
  return status
end

--- Closes the connections and wipes the secrets; calls return `closed` from now on. Idempotent.
function client_methods:close()
  local mine = inside(self, "close")
  mine.closed = true
  if mine.core then
    mine.core:close()
  end
  if mine.search then
    discovery.close(mine.search)
  end
end

function client_mt:__close()
  self:close()
end

function client_mt:__tostring()
  local mine = inside(self, "tostring")
  if mine.closed then
    return "mic.client (closed)"
  end
  return ("mic.client (%s)"):format(mine.core and mine.core:root() or mine.given.stack)
end

return client
