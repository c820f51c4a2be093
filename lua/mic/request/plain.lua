--- Fast path of a call that has only path, params, query, timeout and data, on a client without
--- on_event, that waits in this thread; in nginx for such a GET. A 2xx answer costs one crossing
--- into C (two in nginx) and one table. All other calls and answers are handled by `send`.

local endpoints = require "mic.profile.endpoints"
local errors = require "mic.error"
local json = require "mic.json"
local options = require "mic.options"
local pcall_compat = require "mic.pcall_compat"
local retry = require "mic.http.retry"
local response = require "mic.http.response"

local plain = {}

local SHORTEST = 0.001 -- seconds of an attempt after the deadline has passed

local plain_options = { params = "table", query = "table", timeout = "number" }

--- True if there are only plain options of the right types. Wrong ones are reported by `build`.
local function are_plain(opts)
  if type(opts) ~= "table" or getmetatable(opts) ~= nil then
    return false
  end
  for name, value in next, opts do
    if type(value) ~= plain_options[name] then
      return false
    end
  end
  return opts.timeout == nil or options.check_seconds(opts.timeout) == true
end

local paths -- loaded at the first call with params or a query

--- Returns the path as sent.
---@return any filled nil if the call is not plain
---@return any path the same without the option `query`
local function fill(path, opts)
  if opts == nil then
    return path, path
  end
  if type(path) ~= "string" or path == "" or not are_plain(opts) then
    return nil
  end
  if not opts.params and not opts.query then
    return path, path
  end
  paths = paths or pcall_compat.load "mic.http.path"
  if not paths then
    return nil -- as `build` reports
  end
  local filled = paths.fill(path, opts.params)
  return paths.query(filled, opts.query), filled
end

local resends = {}
for _, method in ipairs { "GET", "HEAD", "DELETE", "OPTIONS", "POST", "PUT", "PATCH" } do
  resends[method] = retry.is_idempotent(method)
end

local function is_open(self)
  local source = self.token_source
  return self.plain_request and not source.cache.dirty and not source.group.token
end

--- True if a plain call may use this path, waiting in this thread.
---@param self table the client state
---@return boolean
plain.is_open = is_open

--- True if the transport may take the call; a `plain_get` takes only a GET without data.
local function is_open_in_transport(self, method, data)
  local source = method == "GET" and data == nil and self.plain_get and self.token_source
  return source and not source.cache.dirty and not source.group.token
end

--- Makes a response of a plain call's answer.
---@param self table the client state
---@param ends number|nil deadline of the call
---@param status any first result of the core client's `plain_request`; the others follow
---@return table|nil made response of a 2xx answer; nil otherwise: use `send.go_on`
---@return string|nil problem why its body could not be decoded
---@return boolean|nil good false: the answer is an error: use `send.refuse`
local function answer(self, ends, status, second, packed, content_type, advisory)
  if not (status and packed) then -- a failure, or another answer than 2xx
    return nil
  end
  if advisory then
    self.token_source:prefetch(ends)
  end
  if not self.retry_budget.is_full then
    self.retry_budget:earn()
  end
  local made, problem = response.plain(status, second, packed, content_type, self.most_values)
  return made, problem, not problem and not errors.is_in(made.data)
end

plain.answer = answer

--- Returns the error of a call that cannot continue because a module cannot be loaded. If there is
--- an answer, which is not a success, the error is made from it.
---@param self table the client state
---@param method string
---@param path any
---@param reply table|nil
---@param kind string of the failure
---@param code string|nil
---@param message string
---@return table err
local function unloaded(self, method, path, reply, kind, code, message)
  local facts = { method = method, path = type(path) == "string" and path or nil, mask = self.mask }
  if not reply then
    return errors.from_fail(kind, code, message, facts)
  end
  facts.attempts = 1
  if not rawget(reply, "_packed") then -- otherwise it is a response already
    reply = response.new(reply, 1, true, self.most_values)
  end
  facts.response, facts.headers, facts.fresh_token = reply, reply.headers, reply.authenticated
  local err = errors.from_reply(reply, reply.data, facts)
  response.seal(reply)
  return err
end

--- Sends a call if it is plain.
---@param self table the client state
---@param what string for messages
---@param method string
---@param path any as the caller passed it
---@param data any
---@param opts table|nil
---@return boolean plain false: nothing was done
---@return table|nil response
---@return table|nil err
function plain.send(self, what, method, path, data, opts)
  if is_open(self) then
    if self.transport.can_suspend() then
      return false
    end
  elseif not is_open_in_transport(self, method, data) then
    return false
  end
  local filled, place = fill(path, opts)
  if filled == nil then
    return false
  end
  if data ~= nil then
    local build, kind, code, message = pcall_compat.load "mic.request.build"
    if not build then
      return true, nil, errors.from_fail(kind, code, message)
    end
    build.check_data(data, what, method)
  end
  local timeout, deadline = opts and opts.timeout or self.timeout, self.deadline
  local ends
  if deadline then
    ends = self.transport.now() + deadline
    timeout = timeout < deadline and timeout or deadline
  end
  -- Otherwise a stored token is found only after a refused attempt.
  if not self.token_source.loaded then
    self.token_source:load()
    if ends then
      timeout = math.min(timeout, math.max(ends - self.transport.now(), SHORTEST))
    end
  end
  local status, second, packed, content_type, advisory
  if self.plain_get then
    status, second, packed, content_type, advisory = self:plain_get(filled, timeout)
  else
    local body = data ~= nil and json.encode(data) or nil
    local resend = resends[method] or (method == "POST" and endpoints.searches[place]) or false
    status, second, packed, content_type, advisory =
      self.plain_request(self.core, method, filled, timeout, resend, body)
  end
  if status == false then
    return false
  end
  self.used_transport = not self.plain_get and "blocking" or nil
  local counters = self.token_source.counters
  counters.calls = counters.calls + 1
  local made, problem, good = answer(self, ends, status, second, packed, content_type, advisory)
  if good then
    return true, made
  end
  local build, kind, code, message = pcall_compat.load "mic.request.build"
  local send = build
  if build then
    send, kind, code, message = pcall_compat.load "mic.request.send"
  end
  if not send then
    if status == nil and second ~= "missing" and second ~= "stale" then
      kind, code, message = second, packed, content_type
    end
    return true, nil, unloaded(self, method, path, made or status, kind, code, message)
  end
  local built = build.call(opts, what, method, path, data)
  built.ends = ends
  if made then
    return true, send.refuse(self, built, made, problem)
  end
  return true, send.go_on(self, built, status, second, packed, content_type)
end

return plain
