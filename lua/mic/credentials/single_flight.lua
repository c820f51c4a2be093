--- Single flight: at most one login or refresh at a time per store and key. Starts a refresh
--- transaction or joins the current one, waits for it, and says what a call does with its outcome.

local core_module = require "mic.core"
local errors = require "mic.error"
local events = require "mic.events"
local pcall_compat = require "mic.pcall_compat"
local refresh = require "mic.credentials.refresh"
local renewal_policy = require "mic.credentials.renewal_policy"

local single_flight = {}

local in_nginx = rawget(_G, "ngx") ~= nil -- coroutines of other requests may have status "dead"

local GRACE_SECONDS = 5 -- after its deadline, before a transaction counts as lost
local BEGIN_SECONDS = 5 -- in which its task must start
local SLICE, POLL = 1, 0.05 -- seconds between checks, with and without wake-ups
local LAUNCHES = 2 -- transactions per call, if one ends without an outcome

--- ---- the current transaction ----

--- True if a transaction may still end by itself. One that has ended by any means says so: `fly`
--- sets `started` and `ended`.
local function is_alive(flight)
  if flight.ended or flight.pid ~= core_module.pid() then -- a fork's child has a copy, without task
    return false
  end
  if flight.thread and not in_nginx and coroutine.status(flight.thread) == "dead" then
    return false
  end
  local now = flight.account.transport.now()
  if not flight.started then
    -- The task has not started yet, or could not be created or started for lack of memory.
    return flight.spawned and now < flight.launched + BEGIN_SECONDS
  end
  return now < flight.saves_until + GRACE_SECONDS
end

--- Returns the current transaction of a group, if it is alive.
local function present(group)
  if group.flight and not is_alive(group.flight) then
    group.flight = nil
  end
  return group.flight
end

--- True if a transaction of the client's group is running.
---@param account table
---@return boolean
function single_flight.is_running(account)
  return present(account.group) ~= nil
end

--- Adopts what the store holds, unless a transaction is running.
---@param account table
---@return boolean adopted the credentials are new
function single_flight.look(account)
  if present(account.group) then
    return false
  end
  local _, adopted = account.cache:reload()
  return adopted
end

--- True if the running code was called by the transaction itself and would wait for itself. (In
--- nginx, coroutines of other requests have the status "running".)
local function is_inside(flight)
  if not flight.started then
    return false
  end
  if not flight.thread then
    return true
  end
  return coroutine.running() == flight.thread or coroutine.status(flight.thread) == "normal"
end

--- True if waiting blocks the whole thread. A loop's transport blocks too outside its tasks.
local function blocks(transport)
  if transport.can_suspend and not transport.blocks then
    return not transport.can_suspend()
  end
  return transport.blocks
end

--- Waits until a transaction has ended, in slices, so that a lost wake-up only delays it. Returns
--- an error if it cannot wait any longer.
local function wait(flight, account, deadline)
  local transport = account.transport
  while account.group.flight == flight and is_alive(flight) do
    if is_inside(flight) or blocks(transport) then
      local message = "a call made during a login or refresh would wait for itself"
      return errors.new("auth", message)
    end
    local left = deadline and deadline - transport.now() or SLICE
    if left <= 0 then
      return errors.new("timeout", "the deadline has passed during a login or refresh")
    end
    if transport.park then
      transport.park(flight, math.min(left, SLICE))
    else
      transport.sleep(math.min(left, POLL))
    end
  end
end

--- ---- start and end ----

--- Merges a waiting call's retry settings into the transaction: the most attempts and the latest
--- deadline apply.
local function lend(flight, retry, deadline)
  if not retry then
    return
  end
  if not flight.retry or flight.retry.attempts < retry.attempts then
    flight.retry = retry
  end
  flight.retry_ends = math.max(flight.retry_ends, deadline or math.huge)
end

--- Makes the event of a login or refresh that has ended.
local function end_event(flight, err)
  local event = { type = flight.sent, err = err }
  local cache = flight.account.cache
  local _, _, left = flight.account.core:freshness()
  if left and not err then
    local expires = cache:wall() + left
    event.expires = math.floor(expires + 0.5)
    event.next_refresh = math.floor(expires - (cache.advisory or 0))
  end
  return event
end

--- Ends a transaction: the waiting tasks get its outcome, and its events are delivered. `ended` is
--- set before anything that allocates.
local function land(flight)
  local account, err = flight.account, flight.err or nil
  local transport = account.transport
  flight.ended = true
  if account.group.flight == flight then
    account.group.flight = nil
  end
  if flight.purpose ~= "flush" then
    account.last_error = err
  end
  if flight.purpose == "prefetch" and err then
    local _, _, left, lifetime = account.core:freshness()
    local facts = { left = left or math.huge, lifetime = lifetime, failures = 1, random = 0 }
    account.quiet_until = transport.now() + renewal_policy.backoff(facts)
  end
  if transport.wake then
    transport.wake(flight)
  end
  if flight.sent then
    flight.events[#flight.events + 1] = end_event(flight, err)
  end
  local call = flight.events[1] and (flight.call or events.next_call())
  for _, event in ipairs(flight.events) do
    event.call = call
    account.emit(event)
  end
end

local function complete(flight)
  if flight.account.group.flight == flight then -- otherwise it was replaced before it started
    flight.started = true
    refresh.run(flight)
    land(flight)
  end
end

--- The task of a transaction. An error from outside (no memory, a debug hook) may be raised at any
--- instruction. Before `started` is set, a transaction that was not spawned is not alive; from then
--- on all runs in a protected call. Its handler is called inside the hook that raised the error,
--- where no hook runs; without memory there is no handler, and what follows allocates nothing.
local function fly(flight)
  flight.thread = coroutine.running() or false
  if flight.thread == flight.caller then -- in line: it ends at the caller's deadline, too
    flight.limit = flight.deadline or flight.limit
    flight.ends = math.min(flight.ends, flight.limit)
  end
  local ran, problem = pcall_compat.handled(function()
    complete(flight)
  end, function(raised)
    flight.ended = true
    return raised
  end)
  flight.ended = true
  flight.password = false
  if not ran then
    error(problem, 0)
  end
end

local function launch(account, purpose, deadline, details)
  local flight = refresh.new(account, purpose, deadline, coroutine.running(), details or {})
  lend(flight, flight.retry, deadline)
  account.group.flight = flight
  flight.spawned = account.transport.spawn(fly, flight) ~= false
  return flight
end

--- Raises an error from outside again in the task that started the transaction.
local function check_raised(flight)
  if flight.raised then
    error(flight.raised, 0)
  end
end

--- Starts a transaction that no call waits for, unless one is running.
---@param account table
---@param purpose "prefetch"|"flush"
---@param deadline number|nil on the transport's clock; applies when it runs in line
function single_flight.start(account, purpose, deadline)
  if not present(account.group) then
    check_raised(launch(account, purpose, deadline))
  end
end

--- ---- what a call does with an outcome ----
--
-- transaction of      ended: ok                    failed                     cancelled or neither
-- own: ensure         true                         its error                  starts another one
-- own: force, flush   reply, or error of the save  its error                  its error
-- joined: ensure      true if credentials are new  its error, unless the      looks again
--                                                  store has better ones
-- joined: refresh     true if they are good, too   its error if a request     looks again
--                                                  was sent
-- joined: login,      looks again                  looks again                looks again
--   flush
--
-- The failure of another client's transaction may not apply to this one: see `applies`.

local function broken_off()
  return errors.new("auth", "the login or refresh was aborted", { retryable = true })
end

--- True if a transaction's failure applies to a client that waited for it. A client with a password
--- may succeed where one without failed.
local function applies(flight, account)
  local kind = flight.err and flight.err.kind
  if not kind or kind == "cancelled" then
    return false
  end
  return flight.account == account
    or (kind ~= "closed" and (flight.account.can_log_in() or not account.can_log_in()))
end

--- Outcome of a call's own transaction. Returns done, ok, err.
local function own_outcome(flight, purpose, launches)
  if flight.ok then
    if flight.store_err and purpose ~= "ensure" then
      return true, nil, flight.store_err
    end
    return true, flight.reply or true
  end
  local again = purpose == "ensure"
    and launches < LAUNCHES
    and not applies(flight, flight.account)
  return not again, nil, flight.err and errors.copy(flight.err) or broken_off()
end

--- Outcome of a transaction that another call started. Returns done, ok, err.
local function joined_outcome(flight, account, purpose, generation)
  local cache = account.cache
  local _, now = account.core:freshness()
  local changed = now ~= generation
  if not changed and flight.account ~= account and flight.record then
    changed = cache:adopt_saved(flight.record)
  end
  if flight.ok then
    return changed and (purpose == "ensure" or cache:is_good()), true
  end
  if not flight.renews or not applies(flight, account) then
    return false
  elseif purpose == "force" then
    return flight.sent, nil, errors.copy(flight.err)
  end
  local better = flight.account ~= account and single_flight.look(account) and cache:is_good()
  return not better, nil, errors.copy(flight.err)
end

--- Returns the error of the backoff, unless the store has better credentials by now.
local function in_backoff(account)
  local err = account.group.backoff:error(account.transport.now())
  if not account.cache:is_usable() then
    single_flight.look(account)
    if account.cache:is_good() then
      return true
    end
  end
  return nil, err
end

--- Joins the current transaction or starts one, and waits for it, until the purpose is met.
---@param account table the client's token source, of which only the fields are used
---@param purpose "ensure"|"force"|"flush" see `refresh.new`
---@param deadline number|nil on the transport's clock
---@param details table|nil fields of the transaction
---@return table|true|nil ok masked reply of a login or refresh, or true
---@return table|nil err
function single_flight.run(account, purpose, deadline, details)
  local group, transport = account.group, account.transport
  local joins = purpose ~= "flush" and not details.login
  local launches = 0
  while purpose ~= "ensure" or not account.cache:is_good() do
    local _, generation = account.core:freshness()
    local flight = present(group)
    local own = not flight
    if own then
      local able = account.core:can "refresh" or account.can_log_in()
      if purpose == "ensure" and able and group.backoff:left(transport.now()) then
        return in_backoff(account)
      end
      launches = launches + 1
      flight = launch(account, purpose, deadline, details)
    elseif joins then
      lend(flight, details.retry, deadline)
    end
    local problem = wait(flight, account, deadline)
    if own then
      check_raised(flight)
    end
    if problem then
      return nil, problem
    end
    local done, ok, err
    if own then
      done, ok, err = own_outcome(flight, purpose, launches)
    elseif joins then
      done, ok, err = joined_outcome(flight, account, purpose, generation)
    end
    if done then
      return ok, err
    end
  end
  return true
end

return single_flight
