--- Client object: verbs, login, credentials. Its state is not reachable through the object, so that
--- printing or dumping it shows no secret.

local auto = require "mic.transport.auto"
local core = require "mic.core"
local errors = require "mic.error"
local json = require "mic.json"
local options = require "mic.options"
local insides = require "mic.client_state"
local pcall_compat = require "mic.pcall_compat"
local retry = require "mic.http.retry"
local send = require "mic.request.send"
local time_limit = require "mic.http.time_limit"

local client = {}
local client_methods = {}
local client_mt = { __name = "mic.client", __index = client_methods }

--- Unknown fields are nil, as usual, except for a near miss of a method's name, which raises.
setmetatable(client_methods, {
  __index = function(_, name)
    local near = type(name) == "string" and options.near_miss(name, client_methods)
    if near then
      errors.raise(('client has no method "%s"; did you mean client:%s(…)?'):format(name, near))
    end
    return nil
  end,
})

--- Client states, by client object.
local inside_of = setmetatable({}, { __mode = "k" })

local function inside(self, method)
  local found = inside_of[self]
  if not found then
    errors.raise(("call it with a colon: client:%s(…)"):format(method))
  end
  return found
end

--- Returns the state of a client, for the modules of this library.
---@param object any
---@return table|nil inside nil if it is not a client
function client.inside_of(object)
  return type(object) == "table" and inside_of[object] or nil
end

--- Makes a client; sends nothing. Raises for misuse.
---@param given table the options of docs/reference.md
---@param ca_file_name? string name of the option tls.ca_file in messages
---@return table client
function client.new(given, ca_file_name)
  local object = setmetatable({}, client_mt)
  inside_of[object] = insides.new(given, ca_file_name)
  return object
end

--- Masks the secrets of all clients.
---@param text string
---@return string
function client.mask(text)
  for _, mine in pairs(inside_of) do
    if not mine.closed then -- a closed client has no secrets
      text = mine.mask(text)
    end
  end
  return text
end

local function itself(value)
  return value
end

local function pretty_text(value)
  return pcall_compat.need("mic.pretty").text(value, client.mask)
end

local status_mt = { __name = "mic.status", __readable = itself, __tostring = pretty_text }
local session_mt = { __name = "mic.session", __readable = itself, __tostring = pretty_text }

--- ---- calls ----

--- Sends a built call. For a stack it may have to run the discovery first.
local function send_built(self, call)
  call.ends = time_limit.ends(self, call.deadline)
  if self.closed or not self.core then
    local unwritable = not self.core and call.save_to
      and pcall_compat.need("mic.request.attempt").unwritable(self, call)
    if unwritable then
      return nil, unwritable
    end
    local ready, err = insides.connect(self, call.ends)
    if not ready then
      return nil, err
    end
  end
  return send.call(self, call)
end

--- Sends a request.
---@param opts table method, path, params, query, headers, data, body, auth, timeout, deadline,
--- decode
---@return table|nil response for 2xx: status, headers, body, data, url, attempts, timings
---@return table|nil err
function client_methods:request(opts)
  local mine = inside(self, "request")
  local build, err = send.load_build(opts)
  if not build then
    return nil, err
  end
  return send_built(mine, build.call(opts, "client:request"))
end

local function send_verb(self, what, verb, path, data, opts)
  if self.core and not self.closed then
    return send.verb(self, what, verb, path, data, opts)
  end
  local build, err = send.load_build(opts)
  if not build then
    return nil, err
  end
  return send_built(self, build.call(opts, what, verb, path, data))
end

for _, verb in ipairs { "GET", "HEAD", "DELETE", "OPTIONS" } do
  local name = core.lower(verb)
  local what = "client:" .. name

  --- Sends a request of this method.
  ---@param path string
  ---@param opts? table as for `request`, without method and path
  ---@return table|nil response
  ---@return table|nil err
  client_methods[name] = function(self, path, opts, more)
    if more ~= nil then
      errors.raise(("%s(path, options) takes no third argument"):format(what))
    end
    return send_verb(inside(self, name), what, verb, path, nil, opts)
  end
end

for _, verb in ipairs { "POST", "PUT", "PATCH" } do
  local name = core.lower(verb)
  local what = "client:" .. name

  --- Sends a request of this method.
  ---@param path string
  ---@param data? any sent as JSON
  ---@param opts? table as for `request`, without method, path and data
  ---@return table|nil response
  ---@return table|nil err
  client_methods[name] = function(self, path, data, opts)
    return send_verb(inside(self, name), what, verb, path, data, opts)
  end
end

--- Returns the error for an invalid URL. It is not misuse, since the URL may come from data. The
--- URL is shown only if it cannot contain a password.
local function unfetchable(built, problem)
  if not built.url:find("://", 1, true) then
    problem = "it is no whole URL, https://host/path; a path is for client:get"
  end
  local shown = built.shown
  return errors.new("network", "this URL cannot be fetched: " .. problem:gsub("^url ", "it "), {
    code = "CURLE_URL_MALFORMAT",
    retryable = false,
    attempts = 0,
    method = core.upper(built.method),
    path = shown ~= "" and not shown:find("@", 1, true) and shown or nil,
  })
end

--- Sends a request to an absolute URL. Credentials and API key are sent only while every URL of the
--- call is at the client's origin; another origin needs and triggers no login.
---@param url string
---@param opts? table those of `request`, without path and params
---@return table|nil response
---@return table|nil err
function client_methods:fetch(url, opts)
  local mine = inside(self, "fetch")
  local build, problem = send.load_build(opts)
  if not build then
    return nil, problem
  end
  local built = build.fetch(opts, url)
  built.fetch = true
  built.ends = time_limit.ends(mine, built.deadline)
  local ready, err = insides.connect(mine, built.ends)
  if not ready then
    return nil, err
  end
  local ok
  ok, problem = ready.core:check_url(built.url)
  if not ok then
    return nil, unfetchable(built, problem)
  end
  return send_built(mine, built)
end

--- Returns the results of a batch whose code cannot be loaded.
local function unloaded(requests, kind, code, message)
  local results = {}
  for index = 1, type(requests) == "table" and #requests or 0 do
    results[index] = { err = errors.from_fail(kind, code, message) }
  end
  return results
end

--- Sends many requests in parallel, over kept connections.
---@param requests table list of options as for `request`; `concurrency` (16): most at once
---@return table results in the order of the requests, each `{ response = … }` or `{ err = … }`
function client_methods:batch(requests)
  local mine = inside(self, "batch")
  local batch, kind, code, message = pcall_compat.load "mic.request.batch"
  if not batch then
    return unloaded(requests, kind, code, message)
  end
  local calls, concurrency = batch.build(requests)
  local ready, err = insides.connect(mine)
  return batch.run(calls, concurrency, mine, function(self_in_batch, built)
    if not ready then
      return nil, err
    end
    return send_built(self_in_batch, built)
  end)
end

--- ---- credentials ----

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
    local message = 'client:login: "%s" is another user than the option username ("%s"); '
    errors.raise(message:format(username, own) .. "make a client for each user")
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
  local ends = time_limit.ends(mine)
  local ready, err = insides.connect(mine, ends)
  if not ready then
    return nil, err
  end
  local reply
  reply, err = mine.token_source:login(username, password, ends, retry.settings(mine))
  if not reply then
    return nil, err
  end
  if not reply.body then -- logged in, but there was no memory to mask the reply in
    error("not enough memory", 0)
  end
  local data = json.decode(reply.body) or {}
  return setmetatable({ user = data.user, permissions = data.permissions }, session_mt)
end

--- Refreshes now, even if the token is fresh.
---@return true|nil ok
---@return table|nil err
function client_methods:refresh()
  local mine = inside(self, "refresh")
  local ends = time_limit.ends(mine)
  local ready, err = insides.connect(mine, ends)
  if not ready then
    return nil, err
  end
  return ready.token_source:refresh(ends, retry.settings(ready))
end

--- Forgets the credentials, in memory and in the store.
---@return true|nil ok
---@return table|nil err
function client_methods:logout()
  local ready, err = insides.connect(inside(self, "logout"))
  if not ready then
    return nil, err
  end
  return ready.token_source:logout()
end

--- True if there are credentials that have not expired. Sends nothing.
---@return boolean
function client_methods:authenticated()
  local mine = inside(self, "authenticated")
  if mine.closed or not mine.core then
    return false
  end
  return mine.token_source:is_logged_in()
end

--- Returns a copy of the credentials; nil if there are none.
---@return table|nil credentials identityId, token, refreshToken, expires_at (seconds since 1970)
function client_methods:credentials()
  local mine = inside(self, "credentials")
  if mine.closed or not mine.core then
    return nil
  end
  mine.token_source:load()
  return (mine.core:credentials_table())
end

--- Adopts and saves credentials from elsewhere.
---@param credentials table identityId, token, refreshToken, expires_at
---@return true|nil ok
---@return table|nil err
function client_methods:use_credentials(credentials)
  local mine = inside(self, "use_credentials")
  if type(credentials) ~= "table" then
    errors.raise(("client:use_credentials takes a table (got %s)"):format(type(credentials)))
  end
  if type(credentials.credentials) == "table" then
    errors.raise "client:use_credentials takes the member credentials of a login's reply alone"
  end
  if type(credentials.token) == "string" and credentials.token:find "^[Bb]earer " then
    errors.raise 'client:use_credentials: the token goes without the word "Bearer"'
  end
  local ready, err = insides.connect(mine)
  if not ready then
    return nil, err
  end
  return ready.token_source:use_credentials(credentials)
end

--- Returns the headers that authenticate a call, for a proxy or another HTTP library. Renews the
--- credentials first if due, so it may wait.
---@return table<string, string>|nil headers
---@return table|nil err
function client_methods:auth_headers()
  local ready = inside(self, "auth_headers")
  local ends = time_limit.ends(ready)
  if ready.closed or not ready.core or not ready.token_source:is_good() then
    local connected, err = insides.connect(ready, ends)
    if not connected then
      return nil, err
    end
    local ok
    ok, err = ready.token_source:ensure(ends, retry.settings(ready))
    if not ok and not ready.token_source:is_usable() then
      return nil, err
    end
  end
  if ready.core:freshness() == "advisory" then
    ready.token_source:prefetch(ends)
  end
  local headers, kind, code, message = ready.core:headers()
  if not headers then
    return nil, errors.from_fail(kind, code, message)
  end
  return headers
end

--- Returns the client's status, without secrets.
---@return table status api, username, logged_in, issued, expires, next_refresh (in seconds since
--- 1970), transport, store, store_error, last_error, event_error, counters
function client_methods:status()
  local mine = inside(self, "status")
  local status = {
    api = mine.given.base_url or mine.given.stack,
    username = mine.given.username,
    logged_in = self:authenticated(),
    store = tostring(mine.store):match "^[%w_.]+" or "table",
    transport = insides.transport_name(mine),
    event_error = mine.event_error,
    counters = {},
  }
  if mine.core and not mine.closed then
    status.api = mine.core:root()
    pcall_compat.need("mic.credentials.credential_status").add(status, mine.token_source)
  end
  return setmetatable(status, status_mt)
end

--- Closes the connections and wipes the secrets; later calls return `closed`. Idempotent.
function client_methods:close()
  local mine = inside(self, "close")
  mine.closed = true
  if mine.core then
    mine.core:close()
  end
  if mine.search then
    mine.search:close()
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

--- Modules loaded at first use. In nginx they are loaded with this one: a request must not read
--- files.
local seldom = {
  "mic.events",
  "mic.http.path",
  "mic.option_names",
  "mic.credentials.credential_status",
  "mic.credentials.password",
  "mic.credentials.single_flight", -- and with it refresh
  "mic.pretty",
  "mic.profile.discovery",
  "mic.request.attempt",
  "mic.request.batch",
  "mic.request.build",
  "mic.request.recovery",
  "mic.store.memory",
}
if auto.is_in_nginx() then
  for _, name in ipairs(seldom) do
    require(name)
  end
end

return client
