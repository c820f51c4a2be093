--- Sends a call: repeats attempts until the policy ends it.

local core = require "mic.core"
local errors = require "mic.error"
local json = require "mic.json"
local events = require "mic.events"
local policy = require "mic.request.policy"
local redirect = require "mic.request.redirect"
local response = require "mic.http.response"
local retry = require "mic.http.retry"

local send = {}

local FILE_NAME_LIMIT = 200 -- bytes of a file name that a message shows

--- Fields of the call for its error.
local function context(self, state)
  return {
    method = state.method,
    path = state.shown,
    attempts = state.attempts,
    mask = self.mask,
  }
end

--- Sets the time limit of the next attempt; false if the deadline has passed. For streaming bodies
--- the timeout is the longest time without progress.
local function set_timeouts(self, state)
  local timeout = state.own_timeout or self.timeout
  local left = state.ends and state.ends - self.transport.now()
  if left and left <= 0 then
    return false
  end
  if state.flows then
    state.idle_timeout, state.timeout = timeout, left
  else
    state.timeout = left and math.min(timeout, left) or timeout
  end
  return true
end

--- Makes a listener that passes data and progress to the user's functions, outside libcurl.
local function listener(state)
  return function(news, first, second)
    if news == "progress" then
      return state.listen(first, second)
    end
    state.handed = true
    return state.on_data(first)
  end
end

local function exchange(self, state)
  if not state.stream and not state.progress then
    return self.transport.request(self.core, state)
  end
  local running, kind, code, message = self.transport.start(self.core, "request", state)
  if not running then
    return nil, kind, code, message
  end
  return self.transport.finish(self.core, running, listener(state))
end

--- Kinds of failures that may occur before the request is sent.
local never_begun =
  { phase = true, missing = true, stale = true, closed = true, file = true, config = true }

local function count_attempt(self, state, reply, kind)
  local tried = reply or not never_begun[kind] or self.core:was_sent()
  if tried then
    state.attempts = state.attempts + 1
  end
  return tried
end

--- Adds the file name to the core's message, for example "save_to: permission denied".
local function name_file(state, message)
  local option, reason = message:match "^([%l_]+): (.*)$"
  if not option then
    return message
  end
  return ('%s "%s": %s'):format(option, errors.one_line(state[option], FILE_NAME_LIMIT), reason)
end

--- Returns an error if `save_to` cannot be written. Used only before the stack is known; later the
--- core checks it before it connects.
---@param self table as for `call`
---@param state table as for `call`
---@return table|nil err
function send.unwritable(self, state)
  if not state.save_to or self.core then
    return nil
  end
  local ok, kind, code, message = core.check_download(state.save_to)
  return not ok and errors.from_fail(kind, code, name_file(state, message), context(self, state))
    or nil
end

--- Performs one attempt. Returns reply and hint, or nil, kind, code, message.
local function attempt(self, state)
  local listens = self.listens
  local started
  if listens and self.core:ready(state) then
    started = self.transport.now()
    events.request(self, state)
  end
  local reply, second, code, message = exchange(self, state)
  if second == "file" and not reply then
    message = name_file(state, message)
  end
  local tried = count_attempt(self, state, reply, second)
  if started and (tried or second == "file") then
    local err = not reply and errors.from_fail(second, code, message, context(self, state)) or nil
    events.response(self, state, started, reply, err)
  end
  return reply, second, code, message
end

local function decode_failure(self, state, made, problem)
  local facts = context(self, state)
  facts.status = made.status
  facts.response = made
  response.seal(made)
  local kind = json.too_large[problem] and "too_large" or "decode"
  return errors.new(kind, "the answer holds " .. problem, facts)
end

local function reply_failure(self, state, made)
  local facts = context(self, state)
  facts.unfollowed = made.location and redirect.reason(state, made)
  facts.response = made
  facts.headers = made.headers
  facts.fresh_token = made.authenticated
  local err = errors.from_reply(made, made.data, facts)
  response.seal(made)
  return err
end

--- Returns the response of a 2xx reply, or its error: the API sends errors with status 200 too.
local function succeed(self, state, made, problem)
  if problem then
    return nil, decode_failure(self, state, made, problem)
  end
  if errors.is_in(made.data) then
    return nil, reply_failure(self, state, made)
  end
  return response.seal(made)
end

local function fail(self, state, reply, kind, code, message)
  if state.err then -- that of a renewal, which is more specific than "the token is stale"
    state.err.attempts = state.attempts
    return nil, state.err
  end
  if not reply then
    return nil, errors.from_fail(kind, code, message, context(self, state))
  end
  local made = response.new(reply, state.attempts, state.decode, self.most_values)
  return nil, reply_failure(self, state, made)
end

--- ---- actions of the policy; false ends the call ----

local actions = {}

--- Adds the call to the error of a renewal that sent nothing.
local function name_call(self, state, err)
  if err.path == nil then
    err.method, err.path = state.method, self.mask(state.shown)
  end
end

--- When a renewal before the call has to have ended. While the token is good it gets half of the
--- time that is left, so that the call can still be sent when the renewal hangs.
local function renewal_ends(self, state)
  if not state.ends or not self.token_source:is_usable() then
    return state.ends
  end
  local now = self.transport.now()
  return now + (state.ends - now) / 2
end

function actions.ensure(self, state)
  state.ensured = (state.ensured or 0) + 1
  local settings = retry.settings(self, state.retry)
  local ok, err = self.token_source:ensure(renewal_ends(self, state), settings)
  if ok then
    return true
  end
  --- The renewal failed, but the token is still good: use it.
  if not state.allow_stale and self.token_source:is_usable() then
    state.allow_stale = true
    return true
  end
  name_call(self, state, err)
  state.err = err
  return false
end

function actions.renew(self, state, reply)
  if self.token_source:is_vain() then
    state.resent = (state.resent or 0) + 1
    return self.token_source:look() -- another worker may have saved a better token
  end
  local before = self.token_source:renewals()
  local settings = retry.settings(self, state.retry)
  local ok, err = self.token_source:replace(reply.generation, state.ends, settings)
  -- An adopted token may be refused, too: it does not count as a renewal.
  local count = before == self.token_source:renewals() and "resent" or "renewed"
  state[count] = (state[count] or 0) + 1
  if err then
    name_call(self, state, err)
  end
  state.err = err
  return ok
end

function actions.resend(_, state)
  state.resent = (state.resent or 0) + 1
  return true
end

actions.redirect = redirect.follow

local function decide(self, state, reply, kind)
  local _, generation = self.core:freshness()
  return policy.decide {
    kind = not reply and kind or nil,
    status = reply and reply.status,
    means = reply and reply.means,
    auth = reply and reply.authenticated,
    generation = reply and reply.generation,
    present_generation = generation,
    renewed = state.renewed or 0,
    resent = state.resent or 0,
    ensured = state.ensured or 0,
    method = state.method,
    location = reply and reply.location,
    same_origin = reply and reply.same_origin,
    is_foreign = reply and reply.is_foreign,
    fetch = state.fetch,
    redirects = state.redirects or 0,
  }
end

--- Waits before a retry; false: no retry.
local function wait_for_retry(self, state, reply, kind, code)
  local settings = not state.handed and retry.settings(self, state.retry)
  local headers = settings and reply and core.parse_headers(reply.head)
  local delay = retry.delay(settings, {
    tries = (state.retries or 0) + 1,
    status = reply and reply.status,
    kind = not reply and errors.is_passing(kind, code) and kind or nil,
    idempotent = state.resend,
    sent = reply ~= nil or self.core:was_sent(),
    retry_after = retry.after(headers, self.core),
    left = state.ends and state.ends - self.transport.now(),
    random = self.transport.random(),
  })
  if not delay then
    return false
  end
  state.retries = (state.retries or 0) + 1
  self.token_source.counters.retries = self.token_source.counters.retries + 1
  if self.listens then
    events.retry(self, state, delay, reply and ("%d"):format(reply.status) or kind)
  end
  self.transport.sleep(delay)
  return true
end

--- Handles the outcome of an attempt. Returns whether the call has ended, and then its results.
local function settle(self, state, reply, second, code, message)
  if reply and reply.status >= 200 and reply.status < 300 then
    if second == "advisory" then
      self.token_source:prefetch(state.ends)
    end
    self.retry_budget:earn()
    local made, problem = response.new(reply, state.attempts, state.decode, self.most_values)
    return true, succeed(self, state, made, problem)
  end
  if reply and reply.means == "expired" and (state.renewed or 0) > 0 then
    self.token_source:note_vain(reply.generation)
  end
  local action = actions[decide(self, state, reply, second)]
  local again
  if action then
    again = action(self, state, reply)
  else
    again = wait_for_retry(self, state, reply, second, code)
  end
  if again then
    return false
  end
  return true, fail(self, state, reply, second, code, message)
end

--- Sends a built request.
---@param self table the client state: core, transport, token_source, mask, emit, listens, timeout,
--- retry, retry_defaults, retry_budget
---@param state table of `build`, with `ends` (on the transport's clock) if there is a deadline
---@return table|nil response
---@return table|nil err
function send.call(self, state)
  if self.token_source.cache.dirty or self.token_source.group.token then
    self.token_source:flush(state.ends)
  end
  while true do
    if not set_timeouts(self, state) then
      return nil,
        errors.new("timeout", "the deadline of the call has passed", context(self, state))
    end
    local ended, made, err = settle(self, state, attempt(self, state))
    if ended then
      return made, err
    end
  end
end

--- Continues a call after a first attempt by the fast path that did not succeed.
---@param self table as for `call`
---@param state table as for `call`
---@param reply table|nil
---@param second string|nil the reply's hint, or the kind of the failure
---@param code string|nil of the failure
---@param message string|nil of the failure
---@return table|nil response
---@return table|nil err
function send.go_on(self, state, reply, second, code, message)
  count_attempt(self, state, reply, second)
  local ended, made, err = settle(self, state, reply, second, code, message)
  if ended then
    return made, err
  end
  return send.call(self, state)
end

--- Returns the error of a 2xx answer that cannot be used.
---@param self table as for `call`
---@param state table as for `call`
---@param made table the response
---@param problem string|nil why its body could not be decoded
---@return nil
---@return table err
function send.refuse(self, state, made, problem)
  state.attempts = made.attempts
  return succeed(self, state, made, problem)
end

return send
