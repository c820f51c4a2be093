--- What the clients of one Lua state share when they have the same store object and key: the flight
--- under way, the pause after a failure, the passwords that were refused.

local core_module = require "mic.core"
local errors = require "mic.error"
local rate_limit = require "mic.credentials.rate_limit"
local backoff = require "mic.credentials.backoff"
local refused_logins = require "mic.credentials.refused_logins"

local flight_group = {}
local shared_methods = {}
local shared_mt = { __name = "mic.credentials.flight_group", __index = shared_methods }

local getinfo = type(debug) == "table" and debug.getinfo
local in_nginx = rawget(_G, "ngx") ~= nil -- there other requests' coroutines may look dead

local GRACE_SECONDS = 5 -- a flight that has not ended so long after its deadline is given up
local BEGIN_SECONDS = 5 -- in which its task has to begin
local SLICE, POLL = 1, 0.05 -- seconds of a wait before a look: with somebody who wakes, and without

--- By store, then by key. A store that nobody else holds goes, and so does a key without clients.
local registry = setmetatable({}, { __mode = "k" })

--- What a client shares with the others of this store and key.
---@param store table
---@param key string
---@return table shared
function flight_group.of(store, key)
  registry[store] = registry[store] or setmetatable({}, { __mode = "v" })
  local found = registry[store][key]
  if not found then
    found = setmetatable({
      flight = nil, -- the one under way
      pause = backoff.new(),
      refusals = refused_logins.new(),
      minute_limit = rate_limit.new(store, key),
      token = false, -- of the lock, while a flight of ours has it; a member from the start, so that
      token_pid = false, -- no lock that was taken can fail to be noted
    }, shared_mt)
    registry[store][key] = found
  end
  return found
end

--- Whether waiting stops the whole thread. A loop's transport is asked, since outside of its tasks
--- that is so there, too.
local function blocks(transport)
  if transport.can_suspend and not transport.blocks then
    return not transport.can_suspend()
  end
  return transport.blocks
end

--- Whether the function that runs the flight is still on the stack of its coroutine. An error from
--- outside, such as a debug hook's, may have torn it out.
local function is_on_stack(this)
  if not this.fly then
    -- A task that has not begun yet; or there was no memory for one, or none to begin it.
    return this.spawned and this.session.transport.now() < this.launched + BEGIN_SECONDS
  end
  if this.thread and not in_nginx and coroutine.status(this.thread) == "dead" then
    return false -- one that an error has ended still shows its stack
  end
  if not getinfo or (not this.thread and coroutine.running()) then
    return true -- one cannot look
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

--- The flight under way, if there is one.
---@return table|nil flight
function shared_methods:present()
  local this = self.flight
  if this and not is_alive(this) then
    self.flight = nil
  end
  return self.flight
end

--- Gives back the lock of a flight that was torn out of its way; there must be none that flies.
---@param vault table
function shared_methods:give_back(vault)
  if self.token and self.token_pid == core_module.pid() then
    vault:unlock(self.token)
  end
  self.token = false
end

--- Whether the running code was called by the flight, so that it would wait for itself. (nginx
--- calls the coroutines of other requests "running".)
local function is_inside(this)
  if not this.fly then
    return false
  end
  if not this.thread then
    return true
  end
  return coroutine.running() == this.thread or coroutine.status(this.thread) == "normal"
end

--- Waits until a flight has ended, in slices, so that nothing depends on being woken.
---@param this table the flight
---@param transport table of the one who waits
---@param deadline number|nil on the transport's clock
---@return boolean|nil ended nil when it cannot be waited for; also true when the flight is no more
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
