--- Refresh transaction: takes the store's lock, adopts what another process has saved or else
--- refreshes or logs in, saves, adopts, unlocks. Its outcome is left in a table and so outlives the
--- caller that started it. All that it needs is in that table and in its `account`.

local auth_request = require "mic.credentials.auth_request"
local core_module = require "mic.core"
local errors = require "mic.error"
local events = require "mic.events"
local password_option = require "mic.credentials.password"
local pcall_compat = require "mic.pcall_compat"
local renewal_policy = require "mic.credentials.renewal_policy"
local retry = require "mic.http.retry"

local refresh = {}

local WAIT_SECONDS = 50 -- for the lock: longer than the lease of a holder that was killed
local FLIGHT_SECONDS = 30 -- for the transaction, once it asks for the lock
local SAVE_SECONDS = 2 -- of these, reserved for saving
local LOCK_POLL = 0.1 -- seconds

--- Seconds that must be left for a retry. A refresh whose answer is not awaited may use up its
--- refresh token.
local LEAST = { login = 0, refresh = 1 }

--- Codes of local failures: no request was sent.
local local_codes = { CURLE_OUT_OF_MEMORY = true, EMFILE = true, ENFILE = true }

--- Codes of this client's own TLS files: its backoff does not apply to others.
local own_codes = { CURLE_SSL_CACERT_BADFILE = true, CURLE_SSL_CERTPROBLEM = true }

--- Codes of a store that is unsafe, not down. That needs a fix by the user, not a workaround.
local unsafe = { EPERM = true, ELOOP = true, EINVAL = true, EISDIR = true }

local function now(flight)
  return flight.account.transport.now()
end

--- A timeout error if no time is left. A refresh sent too late would spend its token unanswered.
local function no_time(flight)
  if now(flight) >= flight.ends then
    return errors.new("timeout", "another client or process holds the lock of the store")
  end
end

--- True if the transaction may write to the store: it holds the lock, and the lock has not expired.
local function may_save(flight)
  return flight.token and now(flight) < flight.saves_until
end

--- Records the generation that the transaction works on. Returns the state of the token.
local function see_generation(flight)
  local state, generation = flight.account.core:freshness()
  flight.generation = generation
  return state
end

local function is_outdated(flight)
  local _, present = flight.account.core:freshness()
  return present ~= flight.generation
end

local function outdated()
  return errors.new("cancelled", "the credentials were replaced in the meantime")
end

--- ---- memory and store ----

--- Adopts what others have saved. Returns an error if the store fails.
local function reload(flight)
  local saved, adopted, err = flight.account.cache:reload(flight.token)
  if err then
    return err
  end
  flight.saved, flight.seen = saved or false, flight.seen or saved ~= nil
  flight.record = adopted and saved or flight.record
end

--- Saves, then adopts: a rotated refresh token is saved before it is used. A failed save is
--- reported in `store_err`; the new credentials are used all the same.
local function keep(flight, record)
  local cache = flight.account.cache
  local saved
  if is_outdated(flight) then
    return nil, outdated()
  end
  if may_save(flight) and not flight.saves then
    flight.saves = true -- an interrupted save is not repeated
    saved, flight.store_err = cache:save(record)
  end
  local dirty = cache.dirty
  if not saved then
    -- Before `adopt`: it allocates, and what is adopted must be saved.
    cache:mark_dirty(flight.saved)
  end
  local ran, adopted, err = pcall(cache.adopt, cache, record, flight.generation)
  if not (ran and adopted) then
    cache.dirty = dirty
  end
  if not ran then
    error(adopted, 0)
  elseif not adopted then
    return nil, err
  end
  flight.generation, flight.record, flight.kept = adopted, record, true
  if saved then
    cache.dirty = nil
  end
  flight.account.group.backoff:finish()
  return true
end

--- Saves refused logins that are not saved yet, beside the credentials in the store. Takes the lock
--- where the store could not give it before; the transaction's end releases it.
local function save_refusals(flight)
  local cache = flight.account.cache
  if not flight.account.group.refusals.owed then
    return
  end
  if not flight.token then
    flight.token = cache:lock() or false
    flight.unread = true
  end
  if not may_save(flight) then
    return
  end
  if flight.unread then -- the store failed before; what it holds must not be lost
    local saved, err = cache:load()
    if err then
      return
    end
    flight.saved, flight.unread = saved or false, false
  end
  cache:save(flight.saved or nil)
end

--- ---- backoff ----

--- Seconds of the answer's Retry-After; nil without one.
local function asked_wait(account, err)
  local response = err.response or (errors.is(err.cause) and err.cause.response)
  return response and retry.after(response.headers, account.core)
end

--- Failures in a row before this one, of this process or of one that has saved them in the record.
local function failures_before(flight)
  local backoff, cache = flight.account.group.backoff, flight.account.cache
  return backoff:failures_before(now(flight), cache.failures, cache.retry_at - cache:wall())
end

--- Starts the backoff after a failure that may be temporary. It is saved, so that it applies to
--- every process that reads the record, unless the cause is a file of this one.
local function begin_backoff(flight, err)
  local account = flight.account
  local backoff, cache = account.group.backoff, account.cache
  if err.kind == "closed" or err.kind == "cancelled" or local_codes[err.code] then
    return -- not a failure of the API
  end
  local _, _, left, lifetime = account.core:freshness()
  local usable = cache:is_usable()
  backoff.failures = failures_before(flight) + 1
  local seconds = renewal_policy.backoff {
    left = usable and (left or math.huge) or nil,
    lifetime = lifetime,
    failures = backoff.failures,
    retry_after = asked_wait(account, err),
    random = account.transport.random(),
  }
  backoff:begin(now(flight), seconds, err)
  flight.events[#flight.events + 1] = { type = "pause", delay = seconds, err = err }
  if not own_codes[err.code] and not flight.unread and may_save(flight) then
    flight.retry_at = cache:wall() + seconds
    local record = flight.saved or account.core:no_login()
    -- Beside a usable token the count has no effect. Without it older versions can read the record.
    local count = usable and flight.saved and 1 or backoff.failures
    cache:save(record:with_retry_at(flight.retry_at, count))
  end
end

--- Starts the saved backoff here if it is not over, and returns its error. `force` ignores it.
local function saved_backoff(flight)
  local backoff, cache = flight.account.group.backoff, flight.account.cache
  local left = renewal_policy.backoff_left(cache.retry_at, cache:wall())
  if not left or flight.purpose == "force" then
    return nil
  end
  if not backoff:left(now(flight)) then
    local message = "the last login or refresh failed in another process"
    backoff.failures = failures_before(flight)
    backoff:begin(now(flight), left, errors.new("auth", message, { retryable = true }))
  end
  return backoff:error(now(flight))
end

--- ---- requests ----

--- Waits before a retry and adds the event. Nil: no retry.
local function wait_for_retry(flight, what, tries, err)
  local account = flight.account
  local delay = retry.delay(flight.retry, {
    tries = tries,
    status = err.status,
    again = err.retryable and err.status ~= nil, -- a conflict: see auth_request
    kind = not err.status and errors.is_passing(err.kind, err.code) and err.kind or nil,
    idempotent = true, -- sent again even if the refresh token may be used up: see the docs
    sent = true,
    retry_after = asked_wait(account, err),
    left = math.min(flight.ends - LEAST[what], flight.retry_ends) - now(flight),
    random = account.transport.random(),
  })
  if not delay then
    return nil
  end
  account.counters.retries = account.counters.retries + 1
  flight.events[#flight.events + 1] = {
    type = "retry",
    method = account.profile.requests[what].method,
    path = account.profile.requests[what].path,
    attempt = tries + 1,
    delay = events.rounded(delay),
    reason = err.status and ("%d"):format(err.status) or err.kind,
  }
  account.transport.sleep(delay)
  return true
end

--- Sends a login or refresh, with the retries of the calls that wait for it. A failure that is no
--- refusal starts the backoff.
---@return table|nil record of the new credentials
---@return table|nil err
---@return boolean|nil refused the API said that these credentials are wrong
local function send(flight, what, username, password)
  local account = flight.account
  local send_once = auth_request.send
  if account.authenticate then
    send_once = pcall_compat.need("mic.credentials.authenticate").send
  end
  flight.sent = what
  local tries = 0
  while true do
    tries = tries + 1
    local seconds = math.max(0.001, math.min(flight.ends - now(flight), account.timeout))
    local reply, record, refused =
      send_once(flight, what, tries, seconds, username, password)
    if reply then
      flight.reply = reply
      return record
    elseif refused then
      return nil, record, true
    elseif not wait_for_retry(flight, what, tries, record) then
      begin_backoff(flight, record)
      return nil, record
    elseif is_outdated(flight) then
      return nil, outdated()
    end
  end
end

--- Logs in. `own`: the password is that of the options; only then is a refusal recorded, so that it
--- is not retried for a while and the account is not locked.
local function log_in(flight, username, password, own)
  local account = flight.account
  local refusals = account.group.refusals
  local record, err, refused = send(flight, "login", username, password)
  if not record then
    if refused and password then
      err.hint = password_option.ending(password) or err.hint
    end
    if refused and own then
      refusals:note(account, username, password, account.cache:wall())
      save_refusals(flight)
    end
    return nil, err
  end
  account.counters.logins = account.counters.logins + 1
  refusals:forget(account, username, password, account.cache:wall())
  account.user = username
  return keep(flight, record)
end

local function refused_error(password, left)
  local message = "the API has refused this %s; it is not tried again for %d min"
  local ending = password and password_option.ending(password)
  message = message:format(password and "password" or "login", math.ceil(left / 60))
  return errors.new("auth", message, {
    hint = (ending and ending .. "; " or "")
      .. (password and "a new password is" or "other credentials are")
      .. " sent at once, client:login() too",
  })
end

--- Logs in with the user name and password of the options. `err` is returned when there are none.
local function log_in_by_itself(flight, err)
  local account = flight.account
  if not account.can_log_in() then
    return nil, err
  end
  local password, problem
  if not account.authenticate then
    password, problem = password_option.get(account.password, account.mask)
  end
  if problem then
    return nil, problem
  end
  local left =
    account.group.refusals:left(account, account.username, password, account.cache:wall())
  if left then
    save_refusals(flight) -- the store may have failed when it was refused
    return nil, refused_error(password, left)
  end
  return log_in(flight, account.username, password, true)
end

--- Logs in after the refresh token was refused. If that fails and the token is unusable, the
--- credentials are forgotten, in the store only if it still holds them.
local function log_in_instead(flight, err)
  local account = flight.account
  local cache, core = account.cache, account.core
  local ok, problem = log_in_by_itself(flight, err)
  if ok or flight.kept or cache:is_usable() then
    return ok, problem
  end
  local saved = flight.saved and core:holds(flight.saved)
  if core:forget(flight.generation) then
    see_generation(flight)
    local record = flight.retry_at
      and core:no_login():with_retry_at(flight.retry_at, account.group.backoff.failures)
    if saved and may_save(flight) and not cache:save(record or nil) then
      cache:mark_dirty(flight.saved)
    end
  end
  return nil, problem
end

local function send_refresh(flight)
  local account = flight.account
  if account.refused_generation == flight.generation then
    return log_in_instead(flight, account.refused_err)
  end
  local record, err, refused = send(flight, "refresh")
  if record then
    account.counters.refreshes = account.counters.refreshes + 1
    return keep(flight, record)
  end
  if not refused then
    return nil, err
  end
  -- The token may outlive its refresh token: it stays in use, and the refresh is not repeated.
  account.refused_generation, account.refused_err = flight.generation, err
  return log_in_instead(flight, err)
end

--- ---- what each purpose does; `flight.down` is the failure of a store that cannot be locked ----

--- True if the present credentials already satisfy the purpose.
local function is_met(flight)
  local state = see_generation(flight)
  if flight.purpose == "force" then
    return flight.waited and flight.record and (state == "fresh" or state == "advisory")
  end
  return state == "fresh" or (state == "advisory" and flight.purpose ~= "prefetch")
end

--- Proceeds without the store when it cannot be locked or read. A refresh could spend a token that
--- another process is using; a login is safe.
local function without_store(flight, err)
  local account = flight.account
  see_generation(flight)
  if flight.purpose == "force" or account.cache:is_usable() or unsafe[err.code] then
    return nil, err
  end
  flight.unread, flight.saved = true, account.core:record() or false -- the best guess
  return log_in_by_itself(flight, err)
end

--- Gets usable credentials with as few requests as possible.
local function renew(flight)
  local account, before = flight.account, flight.seen
  local err = flight.down or reload(flight)
  if err then
    return without_store(flight, err)
  end
  if is_met(flight) then
    return true
  end
  err = saved_backoff(flight)
  if err then
    return nil, err
  end
  if before and flight.waited and not flight.saved then
    account.core:forget(flight.generation)
    see_generation(flight)
    local facts = errors.context(account, {})
    facts.missing = true
    local message = "another client logged out while this call waited"
    return log_in_by_itself(flight, errors.new("auth", message, facts))
  end
  if account.can_refresh() then
    return send_refresh(flight)
  end
  local facts = errors.context(account, {})
  err = errors.from_fail("missing", nil, "not logged in", facts)
  if see_generation(flight) ~= "none" then
    facts.missing = true
    err = errors.new("auth", "the token has expired, and there is no refresh token", facts)
  end
  return log_in_by_itself(flight, err)
end

--- Logs in with a given password, whatever the credentials in memory and store are.
local function log_in_as_given(flight)
  flight.store_err = flight.down
  if not flight.down then
    local saved, err = flight.account.cache:load()
    flight.saved, flight.unread = saved or flight.saved, err ~= nil
  end
  return log_in(flight, flight.username or nil, flight.password or nil, flight.own)
end

--- Saves what memory holds: after a change by the caller, over anything; later, only over what the
--- store held before.
local function flush(flight)
  local cache, core = flight.account.cache, flight.account.core
  if flight.explicit then -- another transaction may have adopted other credentials meanwhile
    if not flight.wanted then
      core:forget()
    elseif not core:holds(flight.wanted) then
      cache:adopt(flight.wanted)
    end
  end
  if flight.down then
    flight.store_err = flight.down
    if flight.explicit or cache.dirty then
      cache:mark_dirty(flight.saved)
    end
  elseif flight.explicit then
    flight.saved = cache:load() or flight.saved
    local ok, err = cache:flush(flight.saved)
    flight.store_err = not ok and err
  else
    cache:reload(true)
  end
  return true
end

--- ---- the lock ----

--- Waits for the lock, or for what others save meanwhile. Returns true if the transaction is over,
--- and its outcome; otherwise it has the lock, or `down` is set.
local function take_lock(flight)
  local account = flight.account
  account.cache:unlock_left()
  while true do
    if flight.renews and (flight.waited or flight.purpose ~= "force") and not reload(flight) then
      if is_met(flight) then
        return true, true
      end
      local err = saved_backoff(flight)
      if err then
        return true, nil, err
      end
    end
    local since = now(flight)
    local token, err = account.cache:lock()
    if token or err then
      flight.token, flight.down = token or false, err or false
      -- From here on it has less time than the lease of the lock.
      flight.saves_until = since + FLIGHT_SECONDS
      flight.ends = math.min(flight.saves_until - SAVE_SECONDS, flight.limit)
      local late = token and not flight.explicit and no_time(flight)
      return late and true, nil, late
    elseif flight.purpose == "prefetch" then
      return true, false -- another holder is refreshing, and the token is good
    end
    local late = no_time(flight)
    if late then
      return true, nil, late
    end
    flight.waited = true
    account.transport.sleep(math.min(flight.ends - now(flight), LOCK_POLL))
  end
end

local function transact(flight)
  local over, ok, err = take_lock(flight)
  if over then
    return ok, err
  elseif flight.purpose == "flush" then
    return flush(flight)
  elseif flight.login then
    return log_in_as_given(flight)
  end
  return renew(flight)
end

--- Runs after an error from outside, such as Ctrl-C. If the answer has arrived, its record is kept:
--- it may hold the only valid refresh token.
local function rescue(flight)
  local exchange = flight.exchange
  if not exchange then
    collectgarbage() -- collect an exchange that was started but never assigned, so it is not sent
    return
  end
  exchange:cancel()
  pcall(exchange.result, exchange)
  local record = exchange:record()
  if record then
    keep(flight, record)
  end
end

--- ---- interface ----

--- Makes a transaction. Its purpose: `ensure` usable credentials, `prefetch` new ones while the
--- token is good, `force` a refresh (with `login`: a login), `flush` memory to the store.
---@param account table the client's token source, of which only the fields are used
---@param purpose "ensure"|"prefetch"|"force"|"flush"
---@param deadline number|nil of the caller, on the transport's clock; applies when it runs in line
---@param caller any the coroutine that starts it
---@param details table further fields, given by the caller
---@return table flight
function refresh.new(account, purpose, deadline, caller, details)
  local launched = account.transport.now()
  local ends = launched + WAIT_SECONDS
  --- Every field exists from the start: setting one allocates nothing, so a transaction can be
  --- ended when memory is exhausted.
  local flight = {
    account = account,
    purpose = purpose,
    -- given by the caller
    deadline = deadline or false,
    caller = caller or false,
    retry = false, -- settings of `mic.http.retry`, from the calls that wait
    retry_ends = 0, -- latest deadline of these calls
    login = false, -- the caller asks for a login, with this user name and password
    username = false,
    password = false,
    own = false, -- it is the password of the options
    explicit = false, -- `flush`: the caller has changed the credentials
    wanted = false, -- `flush`: to these, or to none
    renews = purpose ~= "flush" and not details.login,
    -- its life: see `single_flight`
    launched = launched,
    pid = core_module.pid(),
    spawned = false,
    started = false,
    thread = false,
    ended = false,
    -- its time
    ends = ends, -- deadline of its exchanges
    saves_until = ends,
    limit = math.huge, -- upper bound of `ends`: the caller's deadline, when it runs in line
    -- its work
    generation = 0,
    token = false, -- of the lock
    down = false, -- why the store gives no lock
    waited = false, -- another holder had the lock
    seen = false, -- the store has held credentials
    saved = false, -- record in the store
    unread = false, -- it is not known what the store holds
    exchange = false,
    reply = false,
    saves = false,
    kept = false,
    retry_at = false, -- end of the backoff that was saved
    events = {},
    -- its outcome: ok or err, or neither if another holder was refreshing
    ok = false,
    err = false,
    raised = false, -- error to raise again in the caller
    store_err = false, -- why the new credentials are not saved
    call = false, -- number of its events; otherwise they get one at its end
    sent = false, -- the last request to the API: "login" or "refresh"
    record = false, -- what was adopted
  }
  for name, value in pairs(details) do
    flight[name] = value
  end
  see_generation(flight)
  return flight
end

--- Runs the transaction. Afterwards its outcome is set and its lock released.
---@param flight table
function refresh.run(flight)
  local ran, ok, err = pcall_compat.call(transact, flight)
  if ran then
    flight.ok, flight.err = ok or false, err or false
  else
    flight.raised = ok or false
    if not flight.kept then
      pcall_compat.call(rescue, flight)
    end
  end
  if flight.token then
    flight.account.cache:unlock(flight.token)
    flight.token = false
  end
end

return refresh
