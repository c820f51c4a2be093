--- Steps of a refresh transaction: send a login or refresh, save and adopt the new credentials, log
--- in after a refused refresh, back off after a failure.

local core_module = require "mic.core"
local errors = require "mic.error"
local events = require "mic.events"
local auth_request = require "mic.credentials.auth_request"
local password_option = require "mic.credentials.password"
local renewal_policy = require "mic.credentials.renewal_policy"
local retry = require "mic.http.retry"

local refresh_steps = {}

--- Codes of local failures: no request was sent.
local local_codes = { CURLE_OUT_OF_MEMORY = true, EMFILE = true, ENFILE = true }

--- Seconds that must be left for a retry. A refresh whose answer is not awaited may use up its
--- refresh token.
local LEAST = { login = 0, refresh = 1 }

local function now(this)
  return this.session.transport.now()
end

--- True if the transaction may write to the store: it holds the lock, and the lock has not expired.
local function may_save(this)
  return this.has_lock and now(this) < this.saves_until
end

local function time_left(this)
  return math.max(0.001, math.min(this.ends - now(this), this.session.timeout))
end

--- Records the generation that the transaction works on.
---@param this table the transaction
---@return string state as the core's `freshness`
function refresh_steps.see_generation(this)
  local state, generation = this.session.core:freshness()
  this.generation = generation
  return state
end

--- Seconds of the answer's Retry-After; nil without one.
local function asked_wait(session, err)
  return err.response and retry.after(err.response.headers, session.core)
end

--- Waits before a retry and adds the event. Nil: no retry.
local function wait_for_retry(this, what, tries, err)
  local session = this.session
  local delay = retry.delay(this.retry, {
    tries = tries,
    status = err.status,
    kind = not err.status and errors.is_passing(err.kind, err.code) and err.kind or nil,
    idempotent = true, -- sent again even if the refresh token may be used up: see the docs
    sent = true,
    retry_after = asked_wait(session, err),
    left = math.min(this.ends - LEAST[what], this.retry_ends) - now(this),
    random = session.transport.random(),
  })
  if not delay then
    return nil
  end
  session.counters.retries = session.counters.retries + 1
  this.events[#this.events + 1] = {
    type = "retry",
    method = "POST",
    path = core_module.auth_paths[what],
    attempt = tries + 1,
    delay = events.rounded(delay),
    reason = err.status and ("%d"):format(err.status) or err.kind,
  }
  session.transport.sleep(delay)
  return true
end

local function is_outdated(this)
  local _, present = this.session.core:freshness()
  return present ~= this.generation
end

local function outdated()
  return errors.new("cancelled", "other credentials came in the meantime")
end

--- Sends a login or refresh, with the retries of the calls that wait for it.
local function send(this, what, username, password)
  local tries = 0
  while true do
    tries = tries + 1
    local reply, record, refused =
      auth_request.send(this, what, tries, time_left(this), username, password)
    if reply or refused or not wait_for_retry(this, what, tries, record) then
      return reply, record, refused
    end
    if is_outdated(this) then
      return nil, outdated()
    end
  end
end

--- Starts the backoff after a failure that may be temporary. It is saved in the record, so that it
--- applies to every process that reads the record.
local function begin_pause(this, err)
  local session = this.session
  local pause = session.group.pause
  if err.kind == "closed" or err.kind == "cancelled" or local_codes[err.code] then
    return -- not a failure of the API
  end
  local _, _, left, lifetime = session.core:freshness()
  pause.failures = pause.failures + 1
  local seconds = renewal_policy.pause {
    left = session:is_usable() and (left or math.huge) or nil,
    lifetime = lifetime,
    failures = pause.failures,
    retry_after = asked_wait(session, err),
    random = session.transport.random(),
  }
  pause:begin(now(this), seconds, err)
  this.events[#this.events + 1] = { type = "pause", delay = seconds, err = err }
  if not this.unread and may_save(this) then
    this.retry_at = session:wall() + seconds
    session.cache:save((this.saved or session.core:no_login()):with_retry_at(this.retry_at))
  end
end

--- Saves, then adopts: a rotated refresh token is saved before it is used. A failed save is
--- reported in `store_err`; the new credentials are used all the same.
---@param this table the transaction
---@param record table
---@return true|nil ok
---@return table|nil err
function refresh_steps.keep(this, record)
  local cache = this.session.cache
  local saved
  if is_outdated(this) then
    return nil, outdated()
  end
  if may_save(this) and not this.saves then
    this.saves = true -- an interrupted save is not repeated
    saved, this.store_err = cache:save(record)
  end
  local owed = cache.dirty
  if not saved then
    cache:mark_dirty(this.saved) -- before `adopt`: it allocates, and what is adopted must be saved
  end
  local ran, adopted, err = pcall(cache.adopt, cache, record, this.generation)
  if not (ran and adopted) then
    cache.dirty = owed
  end
  if not ran then
    error(adopted, 0)
  elseif not adopted then
    return nil, err
  end
  this.generation, this.record, this.kept = adopted, record, true
  if saved then
    cache.dirty = nil
  end
  this.session.group.pause:finish()
  return true
end

--- Takes the lock where the store could not give it before; the transaction's end releases it.
local function take_lock_again(this)
  local shared = this.session.group
  local pid = core_module.pid()
  local token = this.session.cache:lock()
  if token then
    this.token, shared.token, shared.token_pid = token, token, pid
    this.has_lock, this.unread = true, true
  end
end

--- Saves refused logins that are not saved yet, beside the credentials in the store.
local function save_refusals(this)
  local cache = this.session.cache
  if not this.session.group.refusals.owed then
    return
  end
  if not this.has_lock then
    take_lock_again(this)
  end
  if not may_save(this) then
    return
  end
  if this.unread then -- the store failed before; what it holds must not be lost
    local saved, err = cache:saved()
    if err then
      return
    end
    this.saved, this.unread = saved or false, false
  end
  cache:save(this.saved or nil)
end

--- Records a refused login, here and in the saved record. It is not retried automatically for a
--- while, so that the account is not locked.
local function note_refused(this, username, password)
  local session = this.session
  local digest = session:digest(username, password)
  session.group.refusals:note(digest, session:wall())
  save_refusals(this)
end

local function note_worked(this, username, password)
  local session = this.session
  if not session.group.refusals:is_empty() then
    session.group.refusals:forget(session:digest(username, password), session:wall())
    session.digested = nil -- it holds the password
  end
end

--- Logs in. `own`: the password is that of the options; only then is a refusal recorded.
---@param this table the transaction
---@param username string
---@param password string
---@param own boolean
---@return true|nil ok
---@return table|nil err
function refresh_steps.log_in(this, username, password, own)
  local session = this.session
  this.sent = "login"
  local reply, record, refused = send(this, "login", username, password)
  if not reply then
    if refused then
      record.hint = password_option.ending(password) or record.hint
    end
    if refused and own then
      note_refused(this, username, password)
    elseif not refused then
      begin_pause(this, record)
    end
    return nil, record
  end
  session.counters.logins = session.counters.logins + 1
  note_worked(this, username, password)
  session.user = username
  this.reply = reply
  return refresh_steps.keep(this, record)
end

local function refused_error(password, left)
  local message = "the API has refused this password; it is not tried again for %d min"
  local ending = password_option.ending(password)
  return errors.new("auth", message:format(math.ceil(left / 60)), {
    hint = (ending and ending .. "; " or "")
      .. "another one is sent at once, and so is client:login()",
  })
end

--- Logs in with the user name and password of the options.
---@param this table the transaction
---@param err table returned when there is no user name or password
---@return true|nil ok
---@return table|nil err
function refresh_steps.log_in_by_itself(this, err)
  local session = this.session
  if not session.username or not session.password then
    return nil, err
  end
  local password, problem = session:own_password()
  if not password then
    return nil, problem
  end
  local left = session:refused_for(password)
  if left then
    save_refusals(this) -- the store may have failed when it was refused
    return nil, refused_error(password, left)
  end
  return refresh_steps.log_in(this, session.username, password, true)
end

--- Logs in after the refresh token was refused. If that fails and the token is unusable, the
--- credentials are forgotten, in the store only if it still holds them.
local function log_in_instead(this, err)
  local session = this.session
  local ok, problem = refresh_steps.log_in_by_itself(this, err)
  if ok or this.kept or session:is_usable() then
    return ok, problem
  end
  local saved = this.saved and session.core:holds(this.saved)
  if session.core:forget(this.generation) then
    refresh_steps.see_generation(this)
    local pause = this.retry_at and session.core:no_login():with_retry_at(this.retry_at) or nil
    if saved and may_save(this) and not session.cache:save(pause) then
      session.cache:mark_dirty(this.saved)
    end
  end
  return nil, problem
end

--- Refreshes.
---@param this table the transaction
---@return true|nil ok
---@return table|nil err
function refresh_steps.refresh(this)
  local session = this.session
  if session.dead_generation == this.generation then
    return log_in_instead(this, session.dead_err)
  end
  this.sent = "refresh"
  local reply, record, refused = send(this, "refresh")
  if reply then
    session.counters.refreshes = session.counters.refreshes + 1
    return refresh_steps.keep(this, record)
  end
  if not refused then
    begin_pause(this, record)
    return nil, record
  end
  -- The token may outlive its refresh token: it stays in use, and the refresh is not repeated.
  session.dead_generation, session.dead_err = this.generation, record
  return log_in_instead(this, record)
end

return refresh_steps
