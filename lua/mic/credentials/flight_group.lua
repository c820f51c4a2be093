--- State shared by the clients of one Lua state with the same store object and key: the current
--- refresh transaction, the backoff, the refused logins, the lock token.

local core_module = require "mic.core"
local errors = require "mic.error"
local rate_limit = require "mic.credentials.rate_limit"
local backoff = require "mic.credentials.backoff"
local refused_logins = require "mic.credentials.refused_logins"

local flight_group = {}
local shared_methods = {}
local shared_mt = { __name = "mic.credentials.flight_group", __index = shared_methods }

local getinfo = type(debug) == "table" and debug.getinfo
local in_nginx = rawget(_G, "ngx") ~= nil -- coroutines of other requests may have status "dead"

local GRACE_SECONDS = 5 -- after its deadline, before a transaction counts as lost
local BEGIN_SECONDS = 5 -- in which its task must start
local SLICE, POLL = 1, 0.05 -- seconds between checks, with and without wake-ups

--- Groups by store, then by key. Weak: an unused store or key is collected.
local registry = setmetatable({}, { __mode = "k" })

--- Returns the group of a store and key.
---@param store table
---@param key string
---@return table shared
function flight_group.of(store, key)
  registry[store] = registry[store] or setmetatable({}, { __mode = "v" })
  local found = registry[store][key]
  if not found then
    found = setmetatable({
      flight = nil, -- the current transaction
      pause = backoff.new(),
      refusals = refused_logins.new(),
      minute_limit = rate_limit.new(store, key),
      token = false, -- of the lock, while one of our transactions holds it. Both fields exist from
      token_pid = false, -- the start, so that noting a taken lock allocates nothing.
    }, shared_mt)
    registry[store][key] = found
  end
  return found
end

--- True if waiting blocks the whole thread. A loop's transport blocks too outside its tasks.
local function blocks(transport)
  if transport.can_suspend and not transport.blocks then
    return not transport.can_suspend()
  end
  return transport.blocks
end

--- True if the transaction's function is still on the stack of its coroutine. An error from
--- outside, such as one raised by a debug hook, may have unwound it.
local function is_on_stack(this)
  if not this.fly then
    -- The task has not started yet, or could not be created or started for lack of memory.
    return this.spawned and this.session.transport.now() < this.launched + BEGIN_SECONDS
  end
  if this.thread and not in_nginx and coroutine.status(this.thread) == "dead" then
    return false -- a coroutine that ended with an error keeps its stack
  end
  if not getinfo or (not this.thread and coroutine.running()) then
    return true -- the stack cannot be inspected
  end
  local level = 1
  while true do
    local info
    if this.thread then
      info = getinfo(this.thread, level - 1, "f")
    else
      info = getinfo(level, "f")
    end
    if not info or info.func == this.fly then
      return info ~= nil
    end
    level = level + 1
  end
end

local function is_alive(this)
  return not this.ended
    and this.pid == core_module.pid() -- a forked child has a copy that never ends
    and this.session.transport.now() < this.saves_until + GRACE_SECONDS
    and is_on_stack(this)
end

--- Returns the current transaction, if it is alive.
---@return table|nil flight
function shared_methods:present()
  local this = self.flight
  if this and not is_alive(this) then
    self.flight = nil
  end
  return self.flight
end

--- Releases the lock of an interrupted transaction. Call it only while none is running.
---@param cache table
function shared_methods:give_back(cache)
  if self.token and self.token_pid == core_module.pid() then
    cache:unlock(self.token)
  end
  self.token = false
end

--- True if the running code was called by the transaction itself and would wait for itself. (In
--- nginx, coroutines of other requests have the status "running".)
local function is_inside(this)
  if not this.fly then
    return false
  end
  if not this.thread then
    return true
  end
  return coroutine.running() == this.thread or coroutine.status(this.thread) == "normal"
end

--- Waits until a transaction has ended, in slices, so that a lost wake-up only delays it.
---@param this table the transaction
---@param transport table of the waiting caller
---@param deadline number|nil on the transport's clock
---@return boolean|nil ended true also when the transaction is lost; nil when waiting is impossible
---@return table|nil err
function shared_methods:wait(this, transport, deadline)
  while self.flight == this and is_alive(this) do
    if is_inside(this) or blocks(transport) then
      local message = "a call made during a login or refresh would have to wait for it for ever"
      return nil, errors.new("auth", message)
    end
    local left = deadline and deadline - transport.now() or SLICE
    if left <= 0 then
      return nil, errors.new("timeout", "the deadline has passed during a login or refresh")
    end
    if transport.park then
      transport.park(this, math.min(left, SLICE))
    else
      transport.sleep(math.min(left, POLL))
    end
  end
  return true
end

return flight_group
