--- Lets one flight of a session fly at a time. Callers only wait for it, in slices: whoever started
--- it may die meanwhile, and what it brings is not lost.

local errors = require "mic.error"
local flight = require "mic.flight"
local policy = require "mic.policy"

local tower = {}

local FLIGHT_SECONDS = 30 -- a flight's own deadline
local GRACE_SECONDS = 5
local SLICE = 1 -- seconds, of a wait for somebody else's flight

--- Whether a flight is under way. One that an error from outside (a debug hook's) has torn out of
--- its way does not count for ever.
---@param self table the session
---@return boolean|nil
function tower.is_flying(self)
  local this = self.flight
  return this and not this.ended and self.transport.now() < this.ends + GRACE_SECONDS
end

--- After an early refresh that failed there is a pause.
local function note_pause(self)
  local _, _, _, lifetime = self.core:freshness()
  self.quiet_until = self.transport.now() + policy.pause(lifetime, self.transport.random())
end

--- What follows a flight, in its own task: events, and whoever waits for its end goes on.
local function land(self, this)
  self.flight = nil
  this.password = nil
  if this.ahead and not this.ok then
    note_pause(self)
  end
  if this.purpose ~= "save" and this.purpose ~= "logout" then
    self.last_error = this.err
  end
  for spot in pairs(this.spots) do
    self.transport.wake(spot)
  end
  for _, event in ipairs(this.events) do
    self.emit(event)
  end
  if this.sent then
    self.emit { type = this.sent, err = this.err }
  end
end

local function fly(self, this)
  this.task = coroutine.running()
  flight.fly(this)
  land(self, this)
end

local function launch(self, this)
  self.flight = this
  self.transport.spawn(fly, self, this)
end

--- Waits for the end of somebody's flight; false when the deadline comes first.
local function join(self, this, deadline)
  local limit = math.min(deadline or math.huge, this.ends + GRACE_SECONDS)
  while not this.ended do
    local left = limit - self.transport.now()
    if left <= 0 then
      return false
    end
    local spot = {}
    this.spots[spot] = true
    self.transport.park(spot, math.min(left, SLICE))
    this.spots[spot] = nil
  end
  return true
end

--- Whether the present token can be sent as it is.
---@param self table the session
---@return boolean
function tower.is_fresh(self)
  local state = self.core:freshness()
  return state == "fresh" or state == "advisory"
end

--- Whether what a flight has brought, or failed to bring, is an answer to a wish of this purpose.
local function answers(self, this, purpose)
  if this.purpose == purpose then
    return purpose == "renew" or purpose == "refresh"
  end
  return purpose == "renew" and (this.purpose == "refresh" or tower.is_fresh(self))
    or purpose == "refresh" and this.sent ~= nil and this.ok
end

--- Waits until nobody else's flight is under way: true; or that flight, when its outcome is shared;
--- or nil and an error.
local function wait_for_others(self, purpose, deadline)
  while tower.is_flying(self) do
    local this = self.flight
    if not self.transport.can_suspend() or coroutine.running() == this.task then
      local message = "a call made during a login or refresh would have to wait for it for ever"
      return nil, errors.new("auth", message)
    end
    if not join(self, this, deadline) then
      return nil, errors.new("timeout", "the deadline passed during a login or refresh")
    end
    if answers(self, this, purpose) then
      return this
    end
  end
  return true
end

--- Starts a flight and waits for its end; or shares that of somebody else.
---@param self table the session
---@param purpose "login"|"refresh"|"renew"|"save"|"logout"
---@param deadline number|nil on the transport's clock
---@param extra table|nil username, password and own of a login; ahead: nobody needs to wait for it
---@return table|nil flight
---@return true|table|nil ok or, without a flight, the error
---@return table|nil err
function tower.run(self, purpose, deadline, extra)
  local other, problem = wait_for_others(self, purpose, deadline)
  if other ~= true then
    if not other then
      return nil, problem
    end
    local ok = other.ok or other.purpose ~= purpose and tower.is_fresh(self) or nil
    return other, ok, not ok and other.err or nil
  end
  local suspends = self.transport.can_suspend()
  local now = self.transport.now()
  local ends = now + FLIGHT_SECONDS
  if not suspends and deadline then
    ends = math.min(ends, deadline) -- in line it is a part of its caller's call
  end
  local this = flight.new(self, purpose, ends)
  for name, value in pairs(extra or {}) do
    this[name] = value
  end
  local spawned, raised = pcall(launch, self, this)
  if not spawned then
    this.ended, this.raised = true, raised
    land(self, this)
  elseif this.ahead and suspends then
    return this, true
  elseif not join(self, this, deadline) then
    return nil, errors.new("timeout", "the deadline passed during a login or refresh")
  end
  if this.raised then
    error(this.raised, 0)
  end
  return this, this.ok or nil, this.err
end

return tower
