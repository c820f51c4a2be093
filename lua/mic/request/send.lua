--- Sends calls: repeats attempts until one succeeds, or `recovery` prepares no further one. The
--- first attempt of a call with few options is one crossing into C (two in nginx) and needs no
--- table; `build`, `attempt` and `recovery` are loaded by what goes beyond it.

local errors = require "mic.error"
local json = require "mic.json"
local options = require "mic.options"
local pcall_compat = require "mic.pcall_compat"
local response = require "mic.http.response"
local retry = require "mic.http.retry"
local time_limit = require "mic.http.time_limit"

local send = {}

--- ---- outcome ----

--- Makes the response of a 2xx answer.
---@return table made
---@return string|boolean|nil problem why its body could not be decoded; true: it is an error, which
--- the API sends with status 200, too
local function receive(self, ends, attempts, decode, status, body, packed, content_type, advisory)
  if advisory then
    self.token_source:prefetch(ends)
  end
  if not self.retry_budget.is_full then
    self.retry_budget:earn()
  end
  local made, problem = response.of_success(
    status, body, packed, content_type, attempts, decode and self.most_values
  )
  return made, problem or self.profile.is_mic and errors.is_in(made.data)
end

local function reply_error(self, call, made)
  local facts = errors.context(self, call)
  facts.unfollowed = call.unfollowed
  facts.response = made
  facts.headers = made.headers
  facts.fresh_token = made.authenticated
  local err = errors.from_reply(made, made.data, facts)
  response.seal(made)
  return err
end

--- Returns the error of a 2xx answer with a problem of `receive`.
local function success_error(self, call, made, problem)
  if problem == true then
    return reply_error(self, call, made)
  end
  local facts = errors.context(self, call)
  facts.status = made.status
  facts.response = made
  if json.too_large[problem] then
    return errors.new("too_large", "the response has " .. problem, facts)
  end
  return errors.new("decode", "the response is " .. problem, facts)
end

--- Returns the error of a call that ends with this reply, or with this failure.
local function failure(self, call, reply, kind, code, message)
  if call.err then -- that of a renewal, which is more specific than "the token is stale"
    call.err.attempts = call.attempts
    return call.err
  end
  if not reply then
    return errors.from_fail(kind, code, message, errors.context(self, call))
  end
  local decode = call.decode ~= false
  return reply_error(self, call, response.new(reply, call.attempts, decode, self.most_values))
end

--- Returns the error where a module that would continue the call cannot be loaded. `...`: kind,
--- code and message of that.
local function unloaded(self, call, reply, kind, code, message, ...)
  if not reply and (kind == "missing" or kind == "stale") then
    return failure(self, call, nil, ...)
  end
  return failure(self, call, reply, kind, code, message)
end

local function deadline_error(self, call)
  local context = errors.context(self, call)
  return errors.new("timeout", "the deadline of the call has passed", context)
end

--- ---- attempts of a built call ----

--- Takes the values of an attempt. Returns true if another one is due; otherwise false and the
--- results of the call.
local function conclude(self, call, status, second, third, fourth, advisory)
  if status and third then
    local made, problem = receive(
      self, call.ends, call.attempts, call.decode, status, second, third, fourth, advisory
    )
    if not problem then
      return false, made
    end
    return false, nil, success_error(self, call, made, problem)
  end
  if status and call.decode == false and status.status >= 200 and status.status < 300 then
    -- A text in a 2xx body has no meaning where the body is not looked at.
    return false, response.seal(response.new(status, call.attempts, false))
  end
  local recovery, kind, code, message = pcall_compat.load "mic.request.recovery"
  if not recovery then
    return false, nil, unloaded(self, call, status, second, third, fourth, kind, code, message)
  end
  if recovery.prepare(self, call, status, second, third) then
    return true
  end
  return false, nil, failure(self, call, status, second, third, fourth)
end

local function repeat_attempts(self, call)
  local attempt, kind, code, message = pcall_compat.load "mic.request.attempt"
  if not attempt then
    return nil, failure(self, call, nil, kind, code, message)
  end
  while true do
    local has_time, seconds = attempt.seconds(self, call)
    if not has_time then
      return nil, deadline_error(self, call)
    end
    local again, made, err = conclude(self, call, attempt.send(self, call, seconds))
    if not again then
      return made, err
    end
  end
end

--- True if credentials have to be saved before a call uses them.
local function is_dirty(source)
  return source.cache.dirty or source.group.token
end

--- Returns the transport of this place, and notes it for `status()`.
local function present_transport(self)
  local transport = self.transport
  local current = transport.current
  if current then
    transport = current()
  end
  self.used_transport = transport
  return transport
end

--- Sends a built call.
---@param self table the client state: core, transport, token_source, mask, emit, listens, timeout,
--- retry, retry_defaults, retry_budget
---@param call table of `build`, with `ends` (on the transport's clock) if there is a deadline
---@return table|nil response
---@return table|nil err
function send.call(self, call)
  local source, transport = self.token_source, present_transport(self)
  local problem = transport.problem and transport.problem()
  if problem then
    return nil, errors.new("phase", problem)
  end
  if self.headers then
    local headers, kind, code, message = pcall_compat.load "mic.request.client_headers"
    if not headers then
      return nil, errors.from_fail(kind, code, message, errors.context(self, call))
    end
    headers.add(self, call)
  end
  source.counters.calls = source.counters.calls + 1
  if is_dirty(source) then
    source:flush(call.ends)
  end
  if self.debug then
    return self.debug:ended(call, repeat_attempts(self, call))
  end
  return repeat_attempts(self, call)
end

--- Loads `build`.
---@param opts? table options of the call: without descriptors, its files cannot be opened either
---@return table|nil build
---@return table|nil err why it cannot be loaded
function send.load_build(opts)
  local build, kind, code, message = pcall_compat.load "mic.request.build"
  if type(opts) == "table" and (opts.save_to or opts.body_file) then
    kind = "file"
  end
  return build, not build and errors.from_fail(kind, code, message) or nil
end

local function build_and_send(self, what, method, path, data, opts)
  local build, err = send.load_build(opts)
  if not build then
    return nil, err
  end
  local call = build.call(opts, what, method, path, data, self.profile)
  call.ends = time_limit.ends(self, call.deadline)
  return send.call(self, call)
end

--- ---- a call with few options ----

local few_options = { params = "table", query = "table", timeout = "number" }

--- True if there are only these options, of the right types. Wrong ones are reported by `build`.
local function are_few(opts)
  if type(opts) ~= "table" or getmetatable(opts) ~= nil then
    return false
  end
  for name, value in next, opts do
    if type(value) ~= few_options[name] then
      return false
    end
  end
  return opts.timeout == nil or options.check_seconds(opts.timeout) == true
end

local paths -- loaded at the first call with params or a query

--- Returns the path as sent.
---@return any filled nil: `build` has to check the call
local function fill(path, opts)
  if type(path) ~= "string" or path == "" or not are_few(opts) then
    return nil
  end
  if not opts.params and not opts.query then
    return path
  end
  paths = paths or pcall_compat.load "mic.http.path"
  if not paths then
    return nil -- as `build` reports
  end
  local filled = opts.params and paths.fill(path, opts.params) or path -- the core checks a path
  return paths.query(filled, opts.query)
end

--- Continues a call whose first attempt brought no 2xx answer.
local function continue(self, call, status, second, third, fourth)
  local attempt, kind, code, message = pcall_compat.load "mic.request.attempt"
  if not attempt then
    call.attempts = status and 1
    return nil, unloaded(self, call, status, second, third, fourth, kind, code, message)
  end
  attempt.count(self, call, status, second)
  local again, made, err = conclude(self, call, status, second, third, fourth)
  if again then
    return repeat_attempts(self, call)
  end
  return made, err
end

--- Returns what `build` would make of a call with few options.
local function describe(method, path, timeout, resend, body, ends)
  return {
    method = method,
    path = path,
    shown = path:match "^[^?]*",
    timeout = timeout,
    resend = resend,
    body = body,
    headers = body and { ["Content-Type"] = "application/json" },
    decode = true,
    attempts = 0,
    ends = ends,
  }
end

--- Sends a verb's call. The client is connected.
---@param self table the client state
---@param what string for messages
---@param method string
---@param path any as the caller passed it
---@param data any
---@param opts table|nil
---@return table|nil response
---@return table|nil err
function send.verb(self, what, method, path, data, opts)
  local filled
  if not self.listens and not self.headers then
    filled = path
    if opts ~= nil then
      filled = fill(path, opts)
    end
  end
  if filled == nil then
    return build_and_send(self, what, method, path, data, opts)
  end
  local body
  if data ~= nil then
    local build, err = send.load_build()
    if not build then
      return nil, err
    end
    build.check_data(data, what, method)
    body = json.encode(data)
  end
  local source, ends, left = self.token_source, time_limit.ends(self), self.deadline
  if not source.loaded or is_dirty(source) then
    if is_dirty(source) then
      source:flush(ends)
    end
    source:load() -- otherwise a stored token is found only after a refused attempt
    left = ends and ends - self.transport.now()
  end
  local timeout, resend = opts and opts.timeout,
    retry.is_idempotent(method, filled, self.profile.searches)
  local seconds = time_limit.of_attempt(timeout or self.timeout, left)
  if not seconds and type(filled) == "string" then
    return nil, deadline_error(self, describe(method, filled))
  end
  local status, second, third, fourth, advisory =
    present_transport(self).call(self.core, method, filled, seconds, resend, body)
  if status == false then -- the path has to be filled, or is misuse
    return build_and_send(self, what, method, path, data, opts)
  elseif not status and second == "phase" then
    return nil, errors.new("phase", fourth)
  end
  source.counters.calls = source.counters.calls + 1
  local made, problem
  if status and third then
    made, problem = receive(self, ends, 1, true, status, second, third, fourth, advisory)
    if not problem then
      return made
    end
  end
  local call = describe(method, filled, timeout, resend, body, ends)
  if made then
    call.attempts = 1
    return nil, success_error(self, call, made, problem)
  end
  return continue(self, call, status, second, third, fourth)
end

return send
