--- What follows an attempt that was not a success: the action of the policy, a retry, or the end.

local core = require "mic.core"
local errors = require "mic.error"
local events = require "mic.events"
local policy = require "mic.request.policy"
local redirect = require "mic.request.redirect"
local retry = require "mic.http.retry"

local recovery = {}

--- Actions of the policy; false ends the call.
local actions = {}

--- Adds the call to the error of a renewal that sent nothing.
local function name_call(self, call, err)
  if err.path == nil then
    err.method, err.path = call.method, self.mask(call.shown)
  end
end

--- When a renewal before the call has to have ended. While the token is good it gets half of the
--- time that is left, so that the call can still be sent when the renewal hangs.
local function renewal_ends(self, call)
  if not call.ends or not self.token_source:is_usable() then
    return call.ends
  end
  local now = self.transport.now()
  return now + (call.ends - now) / 2
end

function actions.ensure(self, call)
  call.ensured = (call.ensured or 0) + 1
  local settings = retry.settings(self, call.retry)
  local ok, err = self.token_source:ensure(renewal_ends(self, call), settings)
  if ok then
    return true
  end
  --- The renewal failed, but the token is still good: use it.
  if not call.allow_stale and self.token_source:is_usable() then
    call.allow_stale = true
    return true
  end
  name_call(self, call, err)
  call.err = err
  return false
end

function actions.renew(self, call, reply)
  if self.token_source:is_renewal_useless() then
    call.resent = (call.resent or 0) + 1
    return self.token_source:look() -- another worker may have saved a better token
  end
  local before = self.token_source:renewals()
  local settings = retry.settings(self, call.retry)
  local ok, err = self.token_source:replace(reply.generation, call.ends, settings)
  -- An adopted token may be refused, too: it does not count as a renewal.
  local count = before == self.token_source:renewals() and "resent" or "renewed"
  call[count] = (call[count] or 0) + 1
  if err then
    name_call(self, call, err)
  end
  call.err = err
  return ok
end

function actions.resend(_, call)
  call.resent = (call.resent or 0) + 1
  return true
end

actions.redirect = redirect.follow

local function decide(self, call, reply, kind)
  local _, generation = self.core:freshness()
  return policy.decide {
    kind = not reply and kind or nil,
    status = reply and reply.status,
    means = reply and reply.means,
    auth = reply and reply.authenticated,
    generation = reply and reply.generation,
    present_generation = generation,
    renewed = call.renewed or 0,
    resent = call.resent or 0,
    ensured = call.ensured or 0,
    method = call.method,
    location = reply and reply.location,
    same_origin = reply and reply.same_origin,
    is_foreign = reply and reply.is_foreign,
    fetch = call.fetch,
    redirects = call.redirects or 0,
  }
end

--- Waits before a retry; false: no retry.
local function wait_for_retry(self, call, reply, kind, code)
  local settings = not call.handed and retry.settings(self, call.retry)
  local headers = settings and reply and core.parse_headers(reply.head)
  local delay = retry.delay(settings, {
    tries = (call.retries or 0) + 1,
    status = reply and reply.status,
    kind = not reply and errors.is_passing(kind, code) and kind or nil,
    idempotent = call.resend,
    sent = reply ~= nil or self.core:was_sent(),
    retry_after = retry.after(headers, self.core),
    left = call.ends and call.ends - self.transport.now(),
    random = self.transport.random(),
  })
  if not delay then
    return false
  end
  call.retries = (call.retries or 0) + 1
  self.token_source.counters.retries = self.token_source.counters.retries + 1
  if self.listens then
    events.retry(self, call, delay, reply and ("%d"):format(reply.status) or kind)
  end
  self.transport.sleep(delay)
  return true
end

--- Prepares the next attempt of a call: renews the credentials, follows a redirect, or waits.
---@param self table the client state
---@param call table of `build`
---@param reply table|nil of the last attempt
---@param kind string|nil of its failure
---@param code string|nil of its failure
---@return boolean again false: the call has ended
function recovery.prepare(self, call, reply, kind, code)
  if reply and reply.means == "expired" and (call.renewed or 0) > 0 then
    self.token_source:note_useless_renewal(reply.generation)
  end
  if reply and reply.status == 401 and reply.authenticated then
    self.token_source:drop_password()
  end
  local action = actions[decide(self, call, reply, kind)]
  local again
  if action then
    again = action(self, call, reply)
  else
    again = wait_for_retry(self, call, reply, kind, code)
  end
  if not again and reply and reply.location then
    call.unfollowed = redirect.reason(call, reply)
  end
  return again
end

return recovery
