--- One call: sends it, and asks the policy what to do with what came.

local core = require "mic.core"
local errors = require "mic.error"
local json = require "mic.json"
local events = require "mic.events"
local policy = require "mic.request.policy"
local redirect = require "mic.request.redirect"
local response = require "mic.http.response"
local retry = require "mic.http.retry"

local send = {}

local FILE_NAME_LIMIT = 200 -- bytes of it that a message shows

--- What the call is about, for the error that ends it.
local function context(self, state)
  return {
    method = state.method,
    path = state.shown,
    attempts = state.attempts,
    mask = self.mask,
  }
end

--- Sets the time that this attempt may take; false when there is none left. Where bodies flow, the
--- timeout is how long nothing may move.
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

--- What `run` hands over goes to the caller's functions, outside libcurl.
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

--- Kinds of failures with which a request may not have begun at all.
local never_begun =
  { phase = true, missing = true, stale = true, closed = true, file = true, config = true }

local function count_attempt(self, state, reply, kind)
  local tried = reply or not never_begun[kind] or self.core:was_sent()
  if tried then
    state.attempts = state.attempts + 1
  end
  return tried
end

--- The core says which file it was, "save_to: permission denied", and here is what it is called.
local function name_file(state, message)
  local option, reason = message:match "^([%l_]+): (.*)$"
  if not option then
    return message
  end
  return ('%s "%s": %s'):format(option, errors.one_line(state[option], FILE_NAME_LIMIT), reason)
end

--- Before a client finds out what its stack is: the error where `save_to` cannot be written. Later
--- the core looks for itself, before it connects.
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

--- One attempt: reply, hint, or nil, kind, code, message.
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

--- A 2xx reply, made a response, as the caller gets it; the API sends errors under 200 too.
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
  if state.err then -- a renewal's, which says more than "the token is stale"
    state.err.attempts = state.attempts
    return nil, state.err
  end
  if not reply then
    return nil, errors.from_fail(kind, code, message, context(self, state))
  end
  local made = response.new(reply, state.attempts, state.decode, self.most_values)
  return nil, reply_failure(self, state, made)
end

--- ---- acting on the policy's decisions; false ends the call ----

local actions = {}

--- A renewal that failed before it sent anything: the call itself is what failed.
local function name_call(self, state, err)
  if err.path == nil then
    err.method, err.path = state.method, self.mask(state.shown)
  end
end

function actions.ensure(self, state)
  state.ensured = (state.ensured or 0) + 1
  local ok, err = self.session:renew(state.ends, retry.settings(self, state.retry))
  if ok then
    return true
  end
  --- A renewal that failed is no reason not to use a token that is still good.
  if not state.allow_stale and self.session:is_usable() then
    state.allow_stale = true
    return true
  end
  name_call(self, state, err)
  state.err = err
  return false
end

function actions.renew(self, state, reply)
  if self.session:is_vain() then
    state.resent = (state.resent or 0) + 1
    return self.session:look() -- what another worker has brought may be better
  end
  local brought = self.session:brought()
  local settings = retry.settings(self, state.retry)
  local ok, err = self.session:renew_refused(reply.generation, state.ends, settings)
  -- What was only adopted may be refused as well.
  local count = brought == self.session:brought() and "resent" or "renewed"
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

--- Waits before another try; false when there is to be none.
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
  self.session.counters.retries = self.session.counters.retries + 1
  if self.listens then
    events.retry(self, state, delay, reply and ("%d"):format(reply.status) or kind)
  end
  self.transport.sleep(delay)
  return true
end

--- What became of the call after an attempt: whether it has ended, and then its results.
local function settle(self, state, reply, second, code, message)
  if reply and reply.status >= 200 and reply.status < 300 then
    if second == "advisory" then
      self.session:refresh_ahead(state.ends)
    end
    self.retry_budget:earn()
    local made, problem = response.new(reply, state.attempts, state.decode, self.most_values)
    return true, succeed(self, state, made, problem)
  end
  if reply and reply.means == "expired" and (state.renewed or 0) > 0 then
    self.session:note_vain(reply.generation)
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

--- Sends what the builder made.
---@param self table the inside of a client: core, transport, session, mask, emit, listens, timeout,
--- retry, retry_defaults, retry_budget
---@param state table of the builder, with `ends` (transport's clock) where there is a deadline
---@return table|nil response
---@return table|nil err
function send.call(self, state)
  if self.session.vault.unsaved or self.session.shared.token then
    self.session:save_first(state.ends)
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

--- Goes on with a call whose first attempt somebody else has made, without success.
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

--- The error of a 2xx answer that is none.
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
