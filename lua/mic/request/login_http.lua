--- First argument of the option `authenticate`: sends requests below the auth URL, without
--- credentials and without the headers of the profile and the client.

local build = require "mic.request.build"
local core = require "mic.core"
local errors = require "mic.error"
local facts = require "mic.profile.facts"
local send = require "mic.request.send"
local time_limit = require "mic.http.time_limit"

local login_http = {}

--- Options of the client that apply to these requests, too.
local shared = { "timeout", "connect_timeout", "deadline", "retry", "max_response_size", "max_size",
  "tls", "proxy", "user_agent", "http_version", "transport", "allow_insecure", "debug" }

local ROW = { name = "authenticate", headers = {}, expired = {}, refused = {} }

--- Makes the state of the client that sends these requests.
local function make_state(self, new_state)
  local given = { base_url = self.given.auth_url or self.core:root(), profile = ROW }
  for _, name in ipairs(shared) do
    given[name] = self.given[name]
  end
  local state = new_state(given, self.ca_file_name)
  state.transport = self.transport
  state.mask = self.mask -- an answer may echo the secrets of the client
  state.listens = self.listens
  return state
end

local with_data = { post = true, put = true, patch = true }

--- The path "/" is the auth URL as it is written.
local function place(call, given)
  local query = call.path == "/" and "" or call.path:match "^/(%?.*)$"
  if given.auth_url and query then
    call.url, call.path = given.auth_url .. query, nil
    call.shown = facts.auth_path(given)
  end
end

--- Sends a request; its results are those of the client's methods.
local function request(self, flight, what, verb, path, data, opts)
  local state = self.login_state
  if type(path) == "string" and path:find "^%a[%w+.-]*://" then
    errors.raise(what .. ' takes a path, such as "/token", below auth_url or base_url')
  end
  local call = build.call(opts, what, verb, path, data)
  local ok, problem = core.check_path(call.path)
  if not ok then
    errors.raise(what .. ": " .. problem)
  end
  place(call, self.given)
  local ends = time_limit.ends(state, call.deadline)
  call.ends = ends and math.min(ends, flight.ends) or flight.ends
  return send.call(state, call)
end

--- Makes the argument for one login or refresh.
---@param self table the client state
---@param new_state function of `mic.client_state`
---@param flight table the transaction: its time limits these requests, and it takes their events
---@return table http the verbs of a client, and `request`
function login_http.make(self, new_state, flight)
  local state = self.login_state or make_state(self, new_state)
  self.login_state = state
  state.emit = function(event)
    event.query = nil -- it may hold a secret
    flight.events[#flight.events + 1] = event
  end
  local http = {}
  local function check(object, name)
    if object ~= http then
      errors.raise(("call it with a colon: http:%s(…)"):format(name))
    end
  end
  for _, name in ipairs { "get", "head", "delete", "options", "post", "put", "patch" } do
    local verb, what = core.upper(name), "http:" .. name
    if with_data[name] then
      http[name] = function(object, path, data, opts)
        check(object, name)
        return request(self, flight, what, verb, path, data, opts)
      end
    else
      http[name] = function(object, path, opts)
        check(object, name)
        return request(self, flight, what, verb, path, nil, opts)
      end
    end
  end
  function http.request(object, opts)
    check(object, "request")
    local path = type(opts) == "table" and opts.path or nil
    return request(self, flight, "http:request", nil, path, nil, opts)
  end
  return http
end

return login_http
