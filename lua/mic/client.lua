--- Client object: verbs, login, credentials. Its state is not reachable through the object, so that
--- printing or dumping it shows no secret.

local auto = require "mic.transport.auto"
local core = require "mic.core"
local errors = require "mic.error"
local insides = require "mic.client_state"
local pcall_compat = require "mic.pcall_compat"
local send = require "mic.request.send"
local time_limit = require "mic.http.time_limit"

local client_methods = {}
local client = { methods = client_methods }

--- Client states, by client object.
local inside_of = setmetatable({}, { __mode = "k" })

local OBJECT = {} -- key of the client object in its class

--- Finds a method or a collection of endpoints at its first use, and keeps it in the class of the
--- object. Unknown fields are nil.
local finder = {
  __index = function(class, name)
    local found = client_methods[name]
    if found == nil and type(name) == "string" and not name:find "^__" then
      local object = class[OBJECT]
      found = pcall_compat.need("mic.api.names").look_up(object, name, inside_of[object])
    end
    if found ~= nil then
      class[name] = found
    end
    return found
  end,
}

local function inside(self, method)
  local found = inside_of[self]
  if not found then
    errors.raise(("call it with a colon: client:%s(…)"):format(method))
  end
  return found
end

--- Returns the state of a client, for the modules of this library.
---@param object any
---@return table|nil inside nil if the object is not a client
function client.inside_of(object)
  return type(object) == "table" and inside_of[object] or nil
end

local function describe(self)
  local mine = inside(self, "tostring")
  if mine.closed then
    return "mic.client (closed)"
  end
  return ("mic.client (%s)"):format(mine.core and mine.core:root() or mine.given.stack)
end

--- Makes a client. Sends nothing. Raises for misuse.
---@param given table "Client options" of docs/reference.md
---@param ca_file_name? string name of the option tls.ca_file in messages
---@return table client
function client.new(given, ca_file_name)
  local object = {}
  local class = {
    __name = "mic.client", __close = client_methods.close, __tostring = describe, [OBJECT] = object,
  }
  class.__index = class
  setmetatable(object, setmetatable(class, finder))
  local mine = insides.new(given, ca_file_name)
  inside_of[object] = mine
  if mine.given.endpoints then
    pcall_compat.need("mic.api.rows").give(mine, client_methods)
  end
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

--- ---- calls ----

--- Sends a built call. For a stack it runs the discovery first if that has not happened yet.
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

--- Sends a call. Waits for the response, with logins, refreshes and retries.
---@param opts table "Call options" of docs/reference.md
---@return table|nil response if the status is 2xx: status, headers, body, data, url, attempts,
--- timings
---@return table|nil err
function client_methods:request(opts)
  local mine = inside(self, "request")
  local build, err = send.load_build(opts)
  if not build then
    return nil, err
  end
  return send_built(mine, build.call(opts, "client:request", nil, nil, nil, mine.profile))
end

local function send_verb(self, what, verb, path, data, opts)
  if self.core and not self.closed then
    return send.verb(self, what, verb, path, data, opts)
  end
  local build, err = send.load_build(opts)
  if not build then
    return nil, err
  end
  return send_built(self, build.call(opts, what, verb, path, data, self.profile))
end

for _, verb in ipairs { "GET", "HEAD", "DELETE", "OPTIONS" } do
  local name = core.lower(verb)
  local what = "client:" .. name

  --- Sends a call with this HTTP method.
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

  --- Sends a call with this HTTP method.
  ---@param path string
  ---@param data? any sent as JSON
  ---@param opts? table as for `request`, without method, path and data
  ---@return table|nil response
  ---@return table|nil err
  client_methods[name] = function(self, path, data, opts)
    return send_verb(inside(self, name), what, verb, path, data, opts)
  end
end

--- Returns the error for an invalid URL. This is not misuse, because the URL may come from data.
--- The error shows the URL only if it cannot contain a password.
local function unfetchable(built, problem)
  if not built.url:find("://", 1, true) then
    problem = "it is not an absolute URL; for a path use client:get"
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

--- Sends a call to an absolute URL. Credentials and API key are sent only while every URL of the
--- call is at the client's origin. A call to another origin needs no login and starts none.
---@param url string
---@param opts? table as for `request`, without path and params
---@return table|nil response
---@return table|nil err
function client_methods:fetch(url, opts)
  local mine = inside(self, "fetch")
  local build, problem = send.load_build(opts)
  if not build then
    return nil, problem
  end
  local built = build.fetch(opts, url, mine.profile)
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

--- Returns the results of a batch that cannot start: the same error for each request.
local function failed(requests, err)
  local results = {}
  for index = 1, type(requests) == "table" and #requests or 0 do
    results[index] = { err = err }
  end
  return results
end

--- Sends many calls in parallel, over kept connections. Returns when all have ended.
---@param requests table list of options as for `request`; `concurrency`, by default 16, is the most
--- calls that run at once
---@return table results in the order of the requests, each `{ response = … }` or `{ err = … }`
function client_methods:batch(requests)
  local mine = inside(self, "batch")
  local batch, kind, code, message = pcall_compat.load "mic.request.batch"
  if not batch then
    return failed(requests, errors.from_fail(kind, code, message))
  end
  local calls, concurrency = batch.build(requests, mine.profile)
  local ready, err = insides.connect(mine)
  if not ready then
    return failed(calls, err)
  end
  return batch.run(calls, concurrency, ready, send_built)
end

--- ---- credentials ----

for _, name in ipairs {
  "login", "refresh", "logout", "authenticated", "credentials", "use_credentials", "auth_headers",
  "status",
} do
  --- Calls the function of this name in client_credentials, which documents it.
  client_methods[name] = function(self, ...)
    local mine = inside(self, name)
    local methods, kind, code, message = pcall_compat.load "mic.client_credentials"
    if not methods then
      return nil, errors.from_fail(kind, code, message)
    end
    return methods[name](mine, ...)
  end
end

--- Closes the connections and wipes the secrets. Later calls return an error of kind `closed`.
--- Idempotent.
function client_methods:close()
  local mine = inside(self, "close")
  mine.closed = true
  if mine.core then
    mine.core:close()
  end
  if mine.search then
    mine.search:close()
  end
  if mine.login_state then
    mine.login_state.core:close()
  end
end

--- Modules loaded at first use. In nginx they are loaded with this one: a request must not read
--- files.
local seldom = {
  "mic.api.endpoints",
  "mic.api.names", -- and with it find, named_call and rows
  "mic.api.pages", -- and with it what loops take and send
  "mic.api.numbered_pages",
  "mic.api.offset_pages",
  "mic.api.token_pages",
  "mic.api.window_pages",
  "mic.api.rows",
  "mic.api.special_calls",
  "mic.client_credentials",
  "mic.debug",
  "mic.events",
  "mic.http.path",
  "mic.option_names",
  "mic.credentials.authenticate",
  "mic.credentials.password",
  "mic.credentials.single_flight", -- and with it refresh
  "mic.pretty",
  "mic.profile.discovery",
  "mic.profile.row",
  "mic.request.attempt",
  "mic.request.batch",
  "mic.request.build",
  "mic.request.client_headers",
  "mic.request.login_http",
  "mic.request.recovery",
  "mic.store.memory",
}
if auto.is_in_nginx() then
  for _, name in ipairs(seldom) do
    require(name)
  end
end

return client
