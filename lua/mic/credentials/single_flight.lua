--- Single flight: at most one login or refresh at a time per store and key. Starts a refresh
--- transaction, or joins the current one and shares its outcome.

local errors = require "mic.error"
local pcall_compat = require "mic.pcall_compat"

local single_flight = {}

--- Purposes with the same goal: valid credentials of the options' user.
local renewing = { renew = true, ahead = true, refresh = true }

--- Merges a waiting call's retry settings into the transaction: the most attempts and the latest
--- deadline apply.
---@param this table
---@param retry table|false|nil of `mic.http.retry`
---@param deadline number|nil on the transport's clock
function single_flight.lend(this, retry, deadline)
  if not retry then
    return
  end
  if not this.retry or this.retry.attempts < retry.attempts then
    this.retry = retry
  end
  this.retry_ends = math.max(this.retry_ends, deadline or math.huge)
end

--- Starts a transaction. None may be running.
---@param self table the session
---@param purpose string see `refresh.new`
---@param deadline number|nil of the caller
---@param details table|nil fields of the transaction
---@return table this
function single_flight.launch(self, purpose, deadline, details)
  local refresh, kind, code, message = pcall_compat.load "mic.credentials.refresh"
  if not refresh then
    local err = errors.from_fail(kind, code, message)
    return { session = self, purpose = purpose, ok = false, err = err, ended = true }
  end
  local this = refresh.new(self, purpose, deadline, coroutine.running())
  for name, value in pairs(details or {}) do
    this[name] = value
  end
  single_flight.lend(this, this.retry, deadline)
  self.group.flight = this
  this.spawned = self.transport.spawn(refresh.fly, this) ~= false
  return this
end

--- Raises the transaction's error again in the task that started it.
---@param this table
function single_flight.check_raised(this)
  if this.raised then
    error(this.raised, 0)
  end
end

--- Waits for the current transaction, then starts one and waits for its end. If `take` accepts the
--- outcome of the one it waited for, none is started.
---@param self table the session
---@param purpose string
---@param deadline number|nil on the transport's clock
---@param details table|nil
---@param take (fun(other: table): boolean)|nil
---@return table|nil this
---@return table|nil err
function single_flight.run(self, purpose, deadline, details, take)
  while true do
    local other = self.group:present()
    if not other then
      break
    end
    if take then
      single_flight.lend(other, details and details.retry, deadline)
    end
    local _, err = self.group:wait(other, self.transport, deadline)
    if err then
      return nil, err
    end
    if take and take(other) then
      return other
    end
  end
  local this = single_flight.launch(self, purpose, deadline, details)
  local _, err = self.group:wait(this, self.transport, deadline)
  single_flight.check_raised(this)
  if err then
    return nil, err
  end
  return this
end

--- The error for a transaction that ended without an outcome.
---@return table err
function single_flight.broken_off()
  return errors.new("auth", "the login or refresh was broken off", { retryable = true })
end

--- Returns the outcome for an explicit call; a failed save is an error there.
---@param this table|nil
---@param err table|nil
---@return table|true|nil ok
---@return table|nil err
function single_flight.outcome(this, err)
  if not this then
    return nil, err
  end
  if not this.ok then
    return nil, this.err and errors.copy(this.err) or single_flight.broken_off()
  end
  if this.store_err then
    return nil, this.store_err
  end
  return this.reply or true
end

--- True if a transaction's failure applies to a client that waited for it. A client with a password
--- may succeed where one without failed.
---@param self table the session of the waiting client
---@param this table
---@return boolean
function single_flight.is_shared(self, this)
  local kind = this.err and this.err.kind
  if not kind or kind == "cancelled" or not renewing[this.purpose] then
    return false
  end
  return this.session == self
    or (kind ~= "closed" and (this.session.password ~= nil or not self.password))
end

--- Adopts the record of another client's transaction.
---@param self table the session of the waiting client
---@param this table
---@param generation number the session's generation before the wait
---@return boolean changed the credentials are new
function single_flight.share(self, this, generation)
  local _, present = self.core:freshness()
  if present == generation and this.session ~= self and this.record then
    return self.cache:adopt_saved(this.record)
  end
  return present ~= generation
end

return single_flight
