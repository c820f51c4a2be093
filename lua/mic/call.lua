--- One call: builds its spec, sends it, and asks the policy what to do with what came.

local core = require "mic.core"
local errors = require "mic.error"
local json = require "mic.json"
local options = require "mic.options"
local paths = require "mic.path"
local policy = require "mic.policy"
local response = require "mic.response"

local call = {}

--- ---- building ----

local function header_text(name, value)
  if type(value) ~= "number" then
    return value
  end
  return json.number(value) or errors.raise(('header "%s" must be a finite number'):format(name))
end

--- The headers as text, each of them checked; nil when there are none.
local function build_headers(given, own)
  if not given or next(given) == nil then
    return nil
  end
  local headers = {}
  for name, content in pairs(given) do
    local list = type(content) == "table" and content or { content }
    local texts = {}
    for index, value in ipairs(list) do
      texts[index] = header_text(name, value)
      local ok, problem = core.check_header(name, texts[index], own)
      if not ok then
        errors.raise(problem)
      end
    end
    headers[name] = texts
  end
  return headers
end

local function has_header(headers, wanted)
  for name in pairs(headers) do
    if name:lower() == wanted then
      return true
    end
  end
  return false
end

local usual_methods = { GET = "GET", POST = "POST", PUT = "PUT", PATCH = "PATCH" }

--- Checks the options of a call and makes what the core takes of them. Raises for misuse.
---@param opts table|nil
---@param what string who takes the options, for messages
---@param method string|nil the verb; that of the options when nil
---@param path any the verb's path; that of the options when there is no verb
---@param data any the verb's data
---@return table built
function call.build(opts, what, method, path, data)
  opts = opts or {}
  options.verify(opts, options.call, what)
  if method then
    if opts.method or opts.path then
      errors.raise(('option "%s" is not for %s'):format(opts.method and "method" or "path", what))
    end
    if data ~= nil and (opts.data ~= nil or opts.body ~= nil) then
      errors.raise(("%s: a call has one body"):format(what))
    end
  else
    method, path = opts.method or "GET", opts.path
  end
  if type(path) ~= "string" or path == "" then
    errors.raise(('%s needs a path, such as "/users"'):format(what))
  end
  if data == nil then
    data = opts.data
  end
  path = paths.fill(path, opts.params)
  method = usual_methods[method] or method:upper()
  local headers = build_headers(opts.headers, opts.auth == false)
  local body = opts.body
  if data ~= nil then
    body = json.encode(data)
    headers = headers or {}
    if not has_header(headers, "content-type") then
      headers["Content-Type"] = "application/json"
    end
  end
  return {
    spec = {
      method = method,
      path = paths.query(path, opts.query),
      headers = headers,
      body = body,
      auth = opts.auth,
      resend = policy.is_idempotent(method),
      timeout = nil, -- of each attempt
    },
    path = path:match "^[^?]*",
    timeout = opts.timeout,
    deadline = opts.deadline,
    decode = opts.decode ~= false,
    ends = nil, -- on the transport's clock
    attempts = 0,
    renewed = 0,
    ensured = 0,
    redirects = 0,
  }
end

--- ---- sending ----

--- What the call is about, for the error that ends it.
local function context(self, state)
  return {
    method = state.spec.method,
    path = state.path,
    attempts = state.attempts,
    mask = self.mask,
  }
end

local function emit_request(self, state)
  self.emit {
    type = "request",
    method = state.spec.method,
    path = self.mask(state.path),
    attempt = state.attempts + 1,
  }
end

local function emit_response(self, state, started, reply, err)
  local event = {
    type = "response",
    method = state.spec.method,
    path = self.mask(state.path),
    attempt = state.attempts,
    seconds = self.transport.now() - started,
    err = err,
  }
  if reply then
    event.status = reply.status
    event.http_version = reply.http_version
    event.new_connection = reply.new_connection
    event.auth = reply.authenticated
    if reply.status >= 300 then
      local headers = core.parse_headers(reply.head)
      local request_id = headers["x-amzn-requestid"] or headers["x-amz-apigw-id"]
      event.request_id = request_id and self.mask(request_id)
      event.reason = reply.means
    end
  end
  self.emit(event)
end

--- The time that this attempt may take; nil and an error when there is none left.
local function time_left(self, state)
  local timeout = state.timeout or self.timeout
  if not state.ends then
    return timeout
  end
  local left = state.ends - self.transport.now()
  if left <= 0 then
    return nil,
      errors.new("timeout", "the deadline of the call has passed", context(self, state))
  end
  return math.min(timeout, left)
end

--- One attempt: reply, hint, or nil, kind, code, message.
local function attempt(self, state)
  local listens = self.listens
  local started
  if listens and self.core:ready(state.spec) then
    started = self.transport.now()
    emit_request(self, state)
  end
  local reply, second, code, message = self.transport.request(self.core, state.spec)
  local sent = reply or (second ~= "missing" and second ~= "stale" and second ~= "closed")
  if sent then
    state.attempts = state.attempts + 1
  end
  if started and sent then
    local err = not reply and errors.from_fail(second, code, message, context(self, state)) or nil
    emit_response(self, state, started, reply, err)
  end
  return reply, second, code, message
end

local function decode_failure(self, state, reply, made, problem)
  local facts = context(self, state)
  facts.status = reply.status
  facts.response = made
  return errors.new("decode", "the answer holds " .. problem, facts)
end

local function reply_failure(self, state, reply, made)
  local facts = context(self, state)
  facts.response = made
  facts.headers = made.headers
  facts.fresh_token = reply.authenticated
  return errors.from_reply(reply, made.data, facts)
end

--- A 2xx reply as the caller gets it; the API sends errors under 200 too.
local function succeed(self, state, reply)
  local made, problem = response.new(reply, state.attempts, state.decode)
  if problem then
    return nil, decode_failure(self, state, reply, made, problem)
  end
  if errors.is_in(made.data) then
    return nil, reply_failure(self, state, reply, made)
  end
  return made
end

local function fail(self, state, reply, kind, code, message)
  if state.err then -- a renewal's, which says more than "the token is stale"
    state.err.attempts = state.attempts
    return nil, state.err
  end
  if not reply then
    return nil, errors.from_fail(kind, code, message, context(self, state))
  end
  local made = response.new(reply, state.attempts, state.decode)
  return nil, reply_failure(self, state, reply, made)
end

--- ---- acting on the policy's decisions; false ends the call ----

local actions = {}

function actions.ensure(self, state)
  state.ensured = state.ensured + 1
  local ok, err = self.session:renew(state.ends)
  if ok then
    return true
  end
  --- A renewal that failed is no reason not to use a token that is still good.
  if not state.spec.allow_stale and self.session:is_usable() then
    state.spec.allow_stale = true
    return true
  end
  state.err = err
  return false
end

function actions.renew(self, state, reply)
  state.renewed = state.renewed + 1
  local ok, err = self.session:renew_refused(reply.generation, state.ends)
  state.err = err
  return ok
end

function actions.resend(_, state)
  state.renewed = state.renewed + 1
  return true
end

function actions.redirect(self, state, reply)
  state.redirects = state.redirects + 1
  local target = reply.location:sub(#self.core:root() + 1)
  local below_root = reply.location:sub(1, #self.core:root()) == self.core:root()
  if not below_root or not core.check_path(target) then
    return false
  end
  state.spec.path = target
  state.path = target:match "^[^?]*"
  return true
end

local function decide(self, state, reply, kind)
  local _, generation = self.core:freshness()
  return policy.decide {
    kind = not reply and kind or nil,
    status = reply and reply.status,
    means = reply and reply.means,
    auth = reply and reply.authenticated,
    generation = reply and reply.generation,
    present_generation = generation,
    renewed = state.renewed,
    ensured = state.ensured,
    method = state.spec.method,
    location = reply and reply.location,
    same_origin = reply and reply.same_origin,
    redirects = state.redirects,
  }
end

--- Sends what `build` made.
---@param self table the inside of a client: core, transport, session, mask, emit, listens, timeout,
---@param built table of `build`, with `ends` (on the transport's clock) where there is a deadline
---@return table|nil response
---@return table|nil err
function call.send(self, built)
  local state = built
  while true do
    local timeout, err = time_left(self, state)
    if not timeout then
      return nil, err
    end
    state.spec.timeout = timeout
    local reply, second, code, message = attempt(self, state)
    if reply and reply.status >= 200 and reply.status < 300 then
      if second == "advisory" then
        self.session:refresh_ahead(state.ends)
      end
      return succeed(self, state, reply)
    end
    local action = actions[decide(self, state, reply, second)]
    if not action or not action(self, state, reply) then
      return fail(self, state, reply, second, code, message)
    end
  end
end

return call
