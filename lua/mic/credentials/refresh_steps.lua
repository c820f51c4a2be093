--- What a flight asks the API for, and what comes of it: new credentials that are saved and then
--- used, a login where a refresh was refused, a pause where there was no answer.

local core_module = require "mic.core"
local errors = require "mic.error"
local events = require "mic.events"
local auth_request = require "mic.credentials.auth_request"
local password_option = require "mic.credentials.password"
local renewal_policy = require "mic.credentials.renewal_policy"
local retry = require "mic.http.retry"

local refresh_steps = {}

--- Codes of failures for which this process is the reason, and no request was sent.
local local_codes = { CURLE_OUT_OF_MEMORY = true, EMFILE = true, ENFILE = true }

--- Seconds that have to be left for another try: a refresh whose answer is not waited for may spend
--- its token.
local LEAST = { login = 0, refresh = 1 }

local function now(this)
  return this.session.transport.now()
end

--- Whether the flight may write to the store: it holds the lock, and its time is not over, so that
--- the lock is still its own.
local function may_save(this)
  return this.has_lock and now(this) < this.saves_until
end

local function time_left(this)
  return math.max(0.001, math.min(this.ends - now(this), this.session.timeout))
end

--- Notes the generation that the flight is about.
---@param this table the flight
---@return string state as the core's `freshness`
function refresh_steps.see_generation(this)
  local state, generation = this.session.core:freshness()
  this.generation = generation
  return state
end

--- The seconds for which the answer asks to be left alone.
local function asked_wait(session, err)
  return err.response and retry.after(err.response.headers, session.core)
end

--- Before a login or refresh is sent again: waits, and tells. Nil: it is not sent again.
local function wait_for_retry(this, what, tries, err)
  local session = this.session
  local delay = retry.delay(this.retry, {
    tries = tries,
    status = err.status,
    kind = not err.status and errors.is_passing(err.kind, err.code) and err.kind or nil,
    idempotent = true, -- a refresh token that may be used up is all that there is: see the docs
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

--- Sends a login or refresh, again as often as a call that waits for it would be.
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

--- A login or refresh has failed for a reason that time may cure: nobody tries again before the
--- pause is over, here or wherever else this record is read.
local function begin_pause(this, err)
  local session = this.session
  local pause = session.shared.pause
  if err.kind == "closed" or err.kind == "cancelled" or local_codes[err.code] then
    return -- the API is not what failed
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
    session.vault:save((this.saved or session.core:no_login()):with_retry_at(this.retry_at))
  end
end

--- Saves, then adopts: a rotated refresh token is never used before it is safe. A save that failed
--- is told in `store_err`; the new credentials are used all the same.
---@param this table the flight
---@param record table
---@return true|nil ok
---@return table|nil err
function refresh_steps.keep(this, record)
  local vault = this.session.vault
  local saved
  if is_outdated(this) then
    return nil, outdated()
  end
  if may_save(this) and not this.saves then
    this.saves = true -- an error from outside in the middle of it is no reason to begin again
    saved, this.store_err = vault:save(record)
  end
  local owed = vault.unsaved
  if not saved then
    vault:owe(this.saved) -- first, since it needs memory: nothing is adopted and then not saved
  end
  local ran, adopted, err = pcall(vault.adopt, vault, record, this.generation)
  if not (ran and adopted) then
    vault.unsaved = owed
  end
  if not ran then
    error(adopted, 0)
  elseif not adopted then
    return nil, err
  end
  this.generation, this.record, this.kept = adopted, record, true
  if saved then
    vault.unsaved = nil
  end
  this.session.shared.pause:finish()
  return true
end

--- The API has refused this login: so that no account gets locked, nobody sends it again by himself
--- for a while, here or wherever else this record is read.
local function note_refused(this, username, password)
  local session = this.session
  local digest = session:digest(username, password)
  session.shared.refusals:note(digest, session:wall())
  if not this.unread and may_save(this) then
    session.vault:save(this.saved or nil)
  end
end

local function note_worked(this, username, password)
  local session = this.session
  if not session.shared.refusals:is_empty() then
    session.shared.refusals:forget(session:digest(username, password))
    session.digested = nil -- it holds the password
  end
end

--- `own`: the password is that of the options. Only a refusal of such a one is remembered.
---@param this table the flight
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
---@param this table the flight
---@param err table what is returned when there are none
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
    return nil, refused_error(password, left)
  end
  return refresh_steps.log_in(this, session.username, password, true)
end

--- A refresh token was refused: it is forgotten, in the store only if that still holds it, and a
--- login takes its place where there is a password.
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
    if saved and may_save(this) and not session.vault:save(pause) then
      session.vault:owe(this.saved)
    end
  end
  return nil, problem
end

--- Refreshes.
---@param this table the flight
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
  -- A token outlives its refresh token: it is used up, and the refresh is not asked again.
  session.dead_generation, session.dead_err = this.generation, record
  return log_in_instead(this, record)
end

return refresh_steps
