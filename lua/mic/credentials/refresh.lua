--- Refresh transaction: lock, reload, adopt what another process saved or else log in or refresh,
--- save, adopt, unlock. Runs as a task of its own and leaves its outcome in a table, so that it
--- survives the caller that started it.

local core_module = require "mic.core"
local errors = require "mic.error"
local renewal_policy = require "mic.credentials.renewal_policy"
local pcall_compat = require "mic.pcall_compat"
local refresh_steps = require "mic.credentials.refresh_steps"

local refresh = {}

local WAIT_SECONDS = 50 -- for the lock: longer than the lease of a holder that was killed
local FLIGHT_SECONDS = 30 -- for the transaction, once it asks for the lock
local SAVE_SECONDS = 2 -- of these, reserved for saving
local LOCK_POLL = 0.1 -- seconds

local function now(this)
  return this.session.transport.now()
end

--- True if the present credentials already satisfy the purpose of the transaction.
local function is_there(this)
  local state = refresh_steps.see_generation(this)
  if this.purpose == "refresh" then
    return this.record and (state == "fresh" or state == "advisory")
  end
  return state == "fresh" or (state == "advisory" and this.purpose ~= "ahead")
end

--- Starts the saved backoff here if it is not over, and returns its error.
local function saved_pause(this)
  local session = this.session
  local left = renewal_policy.pause_left(session.cache.retry_at, session:wall())
  if not left or this.purpose == "refresh" then
    return nil
  end
  local pause = session.group.pause
  if not pause:left(now(this)) then
    local message = "the last login or refresh has failed, in another program"
    pause.failures = pause.failures + 1
    pause:begin(now(this), left, errors.new("auth", message, { retryable = true }))
  end
  return pause:error(now(this))
end

--- ---- work under the lock, by purpose ----

local purposes = {}

--- Reloads and reconciles memory and store; nil and an error when the store fails.
local function load_again(this)
  local cache = this.session.cache
  local saved, err = cache:saved()
  if err then
    return nil, err
  end
  if cache.dirty and cache:flush(saved) then
    saved = this.session.core:record()
  end
  this.saved = saved
  if saved and cache:adopt_saved(saved) then
    this.record = saved
  end
  return true
end

--- Codes of a store that is unsafe, not down. That needs a fix by the user, not a workaround.
local unsafe = { EPERM = true, ELOOP = true, EINVAL = true, EISDIR = true }

--- Proceeds without the store when it cannot be locked or read. A refresh could spend a token that
--- another process is using; a login is safe.
local function without_store(this, err)
  refresh_steps.see_generation(this)
  if this.purpose == "refresh" or this.session:is_usable() or unsafe[err.code] then
    return nil, err
  end
  this.unread, this.saved = true, this.session.core:record() -- the best guess at what is saved
  return refresh_steps.log_in_by_itself(this, err)
end

--- Gets usable credentials with as few requests as possible.
function purposes.renew(this)
  local before = this.saved or this.seen
  local loaded, err = load_again(this)
  if not loaded then
    return without_store(this, err)
  end
  if is_there(this) and (this.purpose ~= "refresh" or this.waited) then
    return true
  end
  err = saved_pause(this)
  if err then
    return nil, err
  end
  if before and this.waited and not this.saved then
    this.session.core:forget(this.generation)
    refresh_steps.see_generation(this)
    local message = "logged out elsewhere while this call waited"
    return refresh_steps.log_in_by_itself(this, errors.new("auth", message, { missing = true }))
  end
  if this.session.core:can_refresh() then
    return refresh_steps.refresh(this)
  end
  err = errors.from_fail("missing", nil, "not logged in")
  if refresh_steps.see_generation(this) ~= "none" then
    local message = "the token has expired, and there is no refresh token"
    err = errors.new("auth", message, { missing = true })
  end
  return refresh_steps.log_in_by_itself(this, err)
end

purposes.ahead = purposes.renew
purposes.refresh = purposes.renew

function purposes.login(this)
  local saved, err = this.session.cache:saved()
  this.saved, this.unread = saved or this.saved, err ~= nil
  return refresh_steps.log_in(this, this.username, this.password, this.own)
end

--- Restores in memory what is to be saved: given credentials, or none after a logout. Another
--- transaction may have adopted what the store held while this one waited.
local function insist(this)
  local core = this.session.core
  if not this.wanted then
    core:forget()
  elseif not core:holds(this.wanted) then
    this.session.cache:adopt(this.wanted)
  end
end

--- Saves what memory holds.
function purposes.save(this)
  local cache = this.session.cache
  insist(this)
  this.saved = cache:saved() or this.saved
  local saved, err = cache:save(this.session.core:record())
  if saved then
    cache.dirty = nil
  else
    this.store_err = err
    cache:mark_dirty(this.saved)
  end
  return true
end

--- Saves what an earlier transaction could not.
function purposes.settle(this)
  local loaded, err = load_again(this)
  return loaded, err
end

--- What each purpose does when the store is down.
local lockless = { renew = without_store, ahead = without_store, refresh = without_store }

function lockless.login(this, err)
  this.store_err = err
  return refresh_steps.log_in(this, this.username, this.password, this.own)
end

function lockless.save(this, err)
  insist(this)
  this.store_err = err
  this.session.cache:mark_dirty(this.saved)
  return true
end

function lockless.settle(this, err)
  this.session.cache:mark_dirty(this.session.cache.dirty.base)
  return nil, err
end

--- ---- the lock ----

--- Reads the store before the lock is taken: whether the transaction is over, and its outcome.
local function look(this)
  local session = this.session
  local saved, err = session.cache:saved()
  if err then
    return false
  end
  this.seen = this.seen or saved ~= nil
  if saved and session.cache:adopt_saved(saved) then
    this.record = saved
  end
  if saved and is_there(this) then
    return true, true
  end
  err = saved_pause(this)
  return err ~= nil, nil, err
end

local looks = { renew = true, ahead = true, refresh = true }

--- Starts the transaction's own time limit, which is shorter than the lock's lease.
---@param since number when the lock was requested
local function begin_work(this, since)
  this.saves_until = since + FLIGHT_SECONDS
  this.ends = math.min(this.saves_until - SAVE_SECONDS, this.limit)
end

--- A timeout error if no time is left. A refresh sent too late would spend its token unanswered.
local function no_time(this)
  if now(this) >= this.ends then
    return errors.new("timeout", "somebody else holds the lock of the store")
  end
end

--- Polls the lock. What others save meanwhile may end the transaction: then `over` is set.
local function take_lock(this)
  local shared, cache = this.session.group, this.session.cache
  shared:give_back(cache)
  while true do
    local pid, since = core_module.pid(), now(this)
    local token, err = cache:lock()
    if token then
      this.token, shared.token, shared.token_pid = token, token, pid
      this.has_lock = true
    end
    if token or err then
      begin_work(this, since)
      return token, err
    end
    if this.purpose == "ahead" then
      return false -- another holder is refreshing, and the token is good
    end
    if looks[this.purpose] and now(this) < this.ends then
      this.waited = true
      local over, ok, problem = look(this)
      if over then
        this.over = true
        return ok, problem
      end
    end
    err = no_time(this)
    if err then
      return nil, err
    end
    this.session.transport.sleep(math.min(this.ends - now(this), LOCK_POLL))
  end
end

local function release(this)
  local shared = this.session.group
  if this.has_lock then
    this.session.cache:unlock(this.token)
    this.has_lock = false
    shared.token = shared.token ~= this.token and shared.token
  end
end

local function transact(this)
  if this.purpose == "renew" or this.purpose == "ahead" then
    local over, ok, err = look(this)
    if over then
      return ok, err
    end
  end
  local got, err = take_lock(this)
  if this.over or got == false then
    return got, err
  end
  if got then
    err = this.purpose ~= "save" and no_time(this)
    if err then
      return nil, err
    end
    return purposes[this.purpose](this)
  end
  if err.kind ~= "store" then
    return nil, err
  end
  return lockless[this.purpose](this, err)
end

--- Runs after an error from outside, such as Ctrl-C. If the answer has arrived, its record is kept:
--- it may hold the only valid refresh token.
local function rescue(this)
  local exchange = this.exchange
  if not exchange then
    collectgarbage() -- collect an exchange that was started but never assigned, so it is not sent
    return
  end
  exchange:cancel()
  pcall(exchange.result, exchange)
  local record = exchange:record()
  if record then
    refresh_steps.keep(this, record)
  end
end

--- ---- interface ----

--- Makes a transaction.
---@param session table
---@param purpose "login"|"refresh"|"renew"|"ahead"|"save"|"settle"
---@param deadline number|nil of the caller, on the transport's clock; applies when it runs in line
---@param caller any the coroutine that starts it
---@return table this
function refresh.new(session, purpose, deadline, caller)
  local launched = session.transport.now()
  local ends = launched + WAIT_SECONDS
  --- Every field exists from the start: setting one allocates nothing, so a transaction can be
  --- ended when memory is exhausted.
  local this = {
    session = session,
    purpose = purpose,
    launched = launched,
    ends = ends, -- deadline of its exchanges
    saves_until = ends,
    limit = math.huge, -- upper bound of `ends`: the caller's deadline, when it runs in line
    deadline = deadline or false,
    caller = caller or false,
    pid = core_module.pid(),
    events = {},
    generation = 0,
    spawned = false,
    fly = false,
    thread = false,
    username = false,
    password = false,
    own = false,
    wanted = false, -- credentials that `save` writes
    retry = false, -- settings of `mic.http.retry`, from the calls that wait
    retry_ends = 0, -- latest deadline of these calls
    token = false, -- of the lock
    has_lock = false,
    waited = false,
    over = false,
    seen = false,
    saved = false,
    unread = false,
    exchange = false,
    sent = false,
    reply = false,
    saves = false,
    store_err = false,
    record = false,
    kept = false,
    retry_at = false, -- end of the backoff that was saved
    ok = false,
    err = false,
    raised = false,
    ended = false,
  }
  refresh_steps.see_generation(this)
  return this
end

--- Runs the transaction; pass it to `spawn`. Afterwards `ended` is true and `ok` or `err` is set
--- (neither: another holder was refreshing). `sent` is the last request to the API ("login",
--- "refresh" or false), `record` what was adopted, `raised` an error to raise again in the caller.
---@param this table
function refresh.fly(this)
  this.thread = coroutine.running() or false
  if this.thread == this.caller then
    this.limit = this.deadline or this.limit
    this.ends = math.min(this.ends, this.limit)
  end
  this.fly = refresh.fly
  if this.session.group.flight ~= this then
    this.ended = true -- replaced before it started
    return
  end
  local ran, ok, err = pcall_compat.call(transact, this)
  if ran then
    this.ok, this.err = ok or false, err or false
  else
    this.raised = ok or false
  end
  if not ran and not this.kept then
    pcall_compat.call(rescue, this)
  end
  release(this)
  this.password = false
  this.session:land(this)
end

return refresh
