--- Transport for any event loop. Transfers run on the core's I/O thread (the engine); only the
--- calling task is suspended. Outside a task, calls block as with `blocking`.

local blocking = require "mic.transport.blocking"
local core = require "mic.core"
local pcall_compat = require "mic.pcall_compat"

local loop = {}

--- Seconds after which a waiting task checks its exchange itself, in case the task that watches the
--- descriptor was lost.
local SLICE = 1

--- Waiters by exchange, for all loops of this Lua state, which share one engine.
local waiters = setmetatable({}, { __mode = "k" })

--- Exchanges that do not run on the engine, because the client has another one in this thread.
local in_thread = setmetatable({}, { __mode = "k" })

--- Parked tasks of all loops: by what they wait for, sets of spots with their `wake`.
local parked = setmetatable({}, { __mode = "k" })

--- Wakes all tasks parked on this, in any loop.
---@param what table
function loop.wake(what)
  local spots = parked[what]
  parked[what] = nil
  for spot, wake in pairs(spots or {}) do
    wake(spot)
  end
end

local function park(functions, what, seconds)
  local spot = {}
  parked[what] = parked[what] or {}
  parked[what][spot] = functions.wake
  pcall_compat.outside(functions.park, spot, seconds)
  if parked[what] then
    parked[what][spot] = nil
  end
end

--- Dispatches the engine's completions to the waiting tasks; `own` is the running one.
local function tell(engine, own)
  for _, exchange in ipairs(engine:collect()) do
    local waiter = waiters[exchange]
    if waiter then
      waiter.told = true
      waiter.followers[waiter] = nil
      if waiter ~= own then
        waiter.wake(waiter.spot)
      end
    end
  end
end

--- Watches the engine's descriptor for all tasks, until the exchange of `own` has an update.
local function lead(self, own, engine, tick)
  self.leader = own
  while not own.told and self.leader == own do
    self.led_at = core.now()
    local descriptor = engine:fd()
    if not descriptor then -- the engine was closed; its exchanges are gone
      pcall_compat.outside(self.functions.park, {}, SLICE)
      break
    end
    pcall_compat.outside(self.functions.wait, descriptor, SLICE)
    tell(engine, own)
    if tick and not own.told then
      tick()
    end
  end
  if self.leader == own then
    self.leader = nil
  end
end

--- Makes another waiting task watch the descriptor, unless one does.
local function pass_on(self)
  local heir = not self.leader and next(self.followers)
  if heir then
    self.followers[heir] = nil
    heir.wake(heir.spot)
  end
end

local function has_leader(self)
  return self.leader and core.now() - self.led_at < 2 * SLICE
end

--- Suspends the task until the exchange may have an update.
local function wait_for(self, exchange, engine, tick)
  local own =
    { spot = {}, wake = self.functions.wake, followers = self.followers, told = false }
  waiters[exchange] = own
  if has_leader(self) then
    self.followers[own] = true
    pcall_compat.outside(self.functions.park, own.spot, SLICE)
    self.followers[own] = nil
  else
    lead(self, own, engine, tick)
  end
  waiters[exchange] = nil
end

local function finish(self, exchange, listener, tick)
  while true do
    if tick then
      tick() -- a wait lasts a second at most
    end
    local state, first, second = exchange:run(0)
    if state == "wait" then
      wait_for(self, exchange, core.engine(), tick)
    else
      pass_on(self)
    end
    if state == "done" then
      return exchange:result()
    elseif state ~= "wait"
      and not pcall_compat.listen(exchange, listener, state, first, second) then
      return nil, "cancelled", nil, "the call was cancelled"
    end
  end
end

--- Assigns the client to the engine. False while one of its exchanges runs in this thread; nil,
--- kind, code, message on failure.
local function engage(core_client)
  local engine, kind, code, message = core.engine()
  if not engine then
    return nil, kind, code, message
  end
  return core_client:use_engine(engine)
end

local function in_coroutine()
  local running, is_main = coroutine.running()
  return running ~= nil and not is_main
end

--- Adds the methods of a transport over the functions of a loop.
local function complete(self, functions)
  local transport =
    { name = functions.name or "loop", now = core.now, wall = core.wall, random = core.random }
  local is_task = functions.running or in_coroutine

  local function running()
    return pcall_compat.outside(is_task) and true or false
  end

  transport.can_suspend = running
  transport.wake = loop.wake

  function transport.park(what, seconds)
    park(functions, what, seconds)
  end

  function transport.sleep(seconds)
    if not running() then
      return blocking.sleep(seconds)
    end
    local ends = core.now() + seconds
    repeat
      park(functions, {}, math.max(0, ends - core.now()))
    until core.now() >= ends
  end

  function transport.spawn(task, ...)
    if running() then
      pcall_compat.outside(functions.spawn, task, ...)
      return true
    end
    task(...)
    return false
  end

  function transport.start(core_client, ...)
    if running() then
      local engaged, kind, code, message = engage(core_client)
      if engaged == nil then
        return nil, kind, code, message
      end
      local exchange = core_client:start(...)
      if exchange and not engaged then
        in_thread[exchange] = true
      end
      return exchange
    end
    return core_client:start(...)
  end

  function transport.call(core_client, ...)
    if not running() then
      return core_client:call(...)
    end
    local exchange, kind, code, message = transport.start(core_client, "call", ...)
    if not exchange then
      return exchange, kind, code, message
    end
    return transport.finish(core_client, exchange)
  end

  function transport.finish(core_client, exchange, listener, tick)
    if running() and not in_thread[exchange] then
      return finish(self, exchange, listener, tick)
    end
    return blocking.finish(core_client, exchange, listener, tick)
  end

  return transport
end

--- Makes a transport.
---@param functions table of the loop, all called in its thread:
--- `wait(descriptor, seconds)` suspends the task until the descriptor is readable;
--- `park(spot, seconds)` suspends it until `wake(spot)`, which only makes it runnable;
--- `spawn(task, ...)` runs a function as a task of its own;
--- `running()`, optional, tells whether the caller is in a task; default: in a coroutine.
--- `spot` is an empty table for the loop's use. Both waits end after `seconds` and may end
--- earlier.
---@return table transport
function loop.new(functions)
  return complete({
    functions = functions,
    leader = nil, -- waiter whose task watches the descriptor
    led_at = 0,
    followers = {}, -- the other waiters of this loop
  }, functions)
end

return loop
