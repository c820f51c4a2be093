--- One flight: the transaction that changes credentials. Lock, load again, adopt what somebody else
--- saved or log in or refresh, save, adopt, unlock. It runs as a task of its own and leaves its
--- outcome in the flight's table, so that whoever started it may die meanwhile.

local errors = require "mic.error"
local login_exchange = require "mic.login_exchange"

local flight = {}

local LOCK_POLL = 0.1 -- seconds

local function emitter(this)
  return function(event)
    this.events[#this.events + 1] = event
  end
end

local function time_left(this)
  local left = this.ends - this.session.transport.now()
  return math.max(0.001, math.min(left, this.session.timeout))
end

local function see_generation(this)
  local state, generation = this.session.core:freshness()
  this.generation = generation
  return state
end

--- Saves, then adopts: a rotated refresh token is never used before it is safe. A save that failed
--- is told in `store_err`; the new credentials are used all the same.
local function keep(this, record)
  local _
  _, this.store_err = this.session.vault:save(record)
  local adopted, err = this.session.vault:adopt(record, this.generation)
  if not adopted then
    return nil, err
  end
  this.generation = adopted
  return true
end

--- `own`: the password is that of the options. Only such a one is kept, to know if it was refused.
local function log_in(this, username, password, own)
  local session = this.session
  this.sent = "login"
  local reply, record, refused =
    login_exchange.send(session.vault, emitter(this), "login", time_left(this), username, password)
  if not reply then
    session.refused_password = refused and own and password or session.refused_password
    return nil, record
  end
  session.counters.logins = session.counters.logins + 1
  session.refused_password = nil
  session.user = username
  this.reply = reply
  return keep(this, record)
end

--- Logs in with the user name and password of the options; `err` is returned when there are none.
local function log_in_by_itself(this, err)
  local session = this.session
  if not session.username or not session.password then
    return nil, err
  end
  local password, problem = session:own_password()
  if not password then
    return nil, problem
  end
  if password == session.refused_password then
    return nil, errors.new("auth", "the API has refused this password; it is not tried again")
  end
  return log_in(this, session.username, password, true)
end

local function refresh(this)
  local session = this.session
  if session.dead_generation == this.generation then
    return log_in_by_itself(this, session.dead_err)
  end
  this.sent = "refresh"
  local reply, record, refused =
    login_exchange.send(session.vault, emitter(this), "refresh", time_left(this))
  if reply then
    session.counters.refreshes = session.counters.refreshes + 1
    return keep(this, record)
  end
  if not refused then
    return nil, record
  end
  if session:is_usable() then
    --- The token outlives its refresh token: it is used up, and the refresh is not asked again.
    session.dead_generation, session.dead_err = this.generation, record
  else
    session.vault:clear_own()
    if session.core:forget(this.generation) then
      see_generation(this)
    end
  end
  return log_in_by_itself(this, record)
end

--- What each kind of flight does while it holds the lock.
local purposes = {}

function purposes.login(this)
  return log_in(this, this.username, this.password, this.own)
end

function purposes.refresh(this)
  this.session.vault:adopt_saved()
  see_generation(this)
  return refresh(this)
end

--- Credentials that can be sent, by the least that is needed.
function purposes.renew(this)
  local changed = this.session.vault:adopt_saved()
  local state = see_generation(this)
  if changed and (state == "fresh" or state == "advisory") then
    return true
  end
  if this.session.core:can_refresh() then
    return refresh(this)
  end
  local err = errors.from_fail("missing", nil, "not logged in")
  if state ~= "none" then
    local message = "the token has expired, and there is no refresh token"
    err = errors.new("auth", message, { missing = true })
  end
  return log_in_by_itself(this, err)
end

function purposes.save(this)
  return this.session.vault:save(this.session.core:record())
end

function purposes.logout(this)
  return this.session.vault:save(nil)
end

local function take_lock(this)
  while true do
    local token, err = this.session.vault:lock()
    if err or token then
      return token, err
    end
    if this.session.transport.now() >= this.ends then
      return nil, errors.new("timeout", "somebody else holds the lock of the store")
    end
    this.session.transport.sleep(LOCK_POLL)
  end
end

--- Makes a flight.
---@param session table
---@param purpose "login"|"refresh"|"renew"|"save"|"logout"
---@param ends number on the transport's clock
---@return table this
function flight.new(session, purpose, ends)
  --- Every member is there from the start: setting one later needs no memory, so a flight can be
  --- ended when there is none.
  local this = {
    session = session,
    purpose = purpose,
    ends = ends,
    events = {},
    generation = 0,
    username = false,
    password = false,
    own = false,
    sent = false,
    reply = false,
    store_err = false,
    ok = false,
    err = false,
    raised = false,
    ended = false,
  }
  see_generation(this)
  return this
end

--- Runs the transaction; to be spawned. Afterwards `ended` is true, `ok` or `err` tell the outcome,
--- `sent` what the API was asked for last ("login", "refresh" or false), and `raised` is what broke
--- it, to be raised again.
---@param this table
function flight.fly(this)
  local token, err = take_lock(this)
  if token then
    local ran, ok, problem = pcall(purposes[this.purpose], this)
    this.session.vault:unlock(token)
    if ran then
      this.ok, err = ok, problem
    else
      this.raised = ok
    end
  end
  this.err = err or false
  this.ended = true
  this.session.vault.owner.ended = true
end

return flight
