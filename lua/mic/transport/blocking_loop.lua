--- Small event loop of the blocking transport: coroutines share the calling thread, each suspended
--- until the core's `collect` returns its exchange.
---
--- Only code that is handed this transport suspends. A call that a user's function makes in a task
--- blocks the thread, since the function may run where Lua cannot suspend it. So does a refresh: a
--- suspended one would never end if another task raised an error.

local blocking = require "mic.transport.blocking"

local blocking_loop = {}

local EARLY = 4 -- tasks whose exchanges are sent before the other tasks start
local SPARE = 64 -- idle coroutines and, of each client, idle exchanges that are kept
local WAITS, SLEEPS, ENDED = {}, {}, {} -- first values of the yields of this file

local create, resume, yield = coroutine.create, coroutine.resume, coroutine.yield

--- Idle coroutines of all loops.
local shared_spare = {}

--- Returns the idle coroutines of a loop. A coroutine inherits its creator's debug hook. If there
--- is one, the list is the loop's own, so that the hook does not outlive it.
local function find_spare()
  if type(debug) == "table" and debug.gethook and debug.gethook() == nil then
    return shared_spare
  end
  return {}
end

--- Exchanges that were collected by another loop than their own: by a batch within an on_data.
local strays = setmetatable({}, { __mode = "k" })

local function in_coroutine()
  local running, is_main = coroutine.running()
  return running ~= nil and not is_main
end

local function call(task, argument)
  task(argument)
end

--- Runs one task after the other. While it is idle, no slot of its stack refers to a task.
local function serve()
  while true do
    call(yield(ENDED))
  end
end

--- Returns a new idle coroutine.
local function new_thread()
  local thread = create(serve)
  local ok, problem = resume(thread)
  if not ok then
    error(problem, 0) -- out of memory
  end
  return thread
end

--- Records what a task waits for. Raises what the task has raised. Any other yield, such as that of
--- a listener, is passed on to the caller of the loop.
local function record(self, thread, ok, mark, ...)
  if mark == WAITS then
    self.waiting[...] = thread
  elseif mark == ENDED then
    local spare = self.spare
    if #spare < SPARE then
      spare[#spare + 1] = thread
    end
  elseif mark == SLEEPS then
    self.sleeping[thread] = ...
  elseif not ok then
    error(mark, 0)
  elseif not in_coroutine() then
    error("attempt to yield from a batch that runs outside a coroutine", 0)
  else
    record(self, thread, resume(thread, yield(mark, ...)))
  end
end

--- Runs the tasks whose sleep is over.
---@return number seconds until the next one is due, at most `longest`
local function run_due(self, longest)
  if next(self.sleeping) == nil then
    return longest
  end
  local now = blocking.now()
  local first, due = now + longest, {}
  for thread, ends in pairs(self.sleeping) do
    if ends <= now then
      due[#due + 1] = thread
    else
      first = math.min(first, ends)
    end
  end
  for _, thread in ipairs(due) do
    self.sleeping[thread] = nil
    record(self, thread, resume(thread))
  end
  return due[1] and 0 or first - now
end

--- Returns the exchanges of this loop that a nested one has collected; nil for none.
local function take_strays(self)
  local ended
  for exchange in pairs(strays) do
    if self.waiting[exchange] then
      ended = ended or {}
      ended[#ended + 1] = exchange
    end
  end
  for _, exchange in ipairs(ended or {}) do
    strays[exchange] = nil
  end
  return ended
end

local function tick_all(self)
  for _, tick in pairs(self.ticks) do
    tick()
  end
end

--- Waits until a task can continue, and runs each that can.
local function drive(self, seconds)
  local waiting = self.waiting
  if next(self.ticks) ~= nil then
    tick_all(self)
  end
  seconds = run_due(self, seconds)
  local ended = next(strays) ~= nil and take_strays(self)
  if not ended and next(waiting) == nil then
    return blocking.sleep(seconds)
  end
  ended = ended or self.core:collect(seconds)
  for index = 1, #ended do
    local exchange = ended[index]
    local thread = waiting[exchange]
    if thread then
      waiting[exchange] = nil
      record(self, thread, resume(thread))
    else
      strays[exchange] = true
    end
  end
end

--- Makes a transport for tasks, which run while the main program is in `park`.
---@param core_client table of all its exchanges
---@param idle table list of the client's idle exchanges
---@return table transport
function blocking_loop.new(core_client, idle)
  local self = {
    core = core_client,
    spare = find_spare(),
    spawned = 0,
    waiting = {}, -- coroutines by exchange
    ticks = {}, -- of exchanges that have one: see `blocking.finish`
    sleeping = {}, -- ends of their sleeps by coroutine
  }
  local transport = setmetatable({ current = false }, { __index = blocking })

  --- True: only tasks get this transport.
  function transport.can_suspend()
    return true
  end

  --- Runs a task until it first waits.
  function transport.spawn(task, argument)
    local spare = self.spare
    local thread = spare[#spare] or new_thread()
    spare[#spare] = nil
    record(self, thread, resume(thread, task, argument))
    self.spawned = self.spawned + 1
    if self.spawned == EARLY then
      drive(self, 0)
    end
  end

  --- Runs the loop until tasks have run, at most for `seconds`.
  function transport.park(_, seconds)
    drive(self, seconds)
  end

  function transport.sleep(seconds)
    local ends = blocking.now() + seconds
    while blocking.now() < ends do
      yield(SLEEPS, ends)
    end
  end

  --- Suspends only the task. With a listener it blocks the thread: `collect` returns exchanges that
  --- have ended, and no pieces of others.
  function transport.finish(core, exchange, listener, tick)
    if listener then
      return blocking.finish(core, exchange, listener, tick)
    end
    self.ticks[exchange] = tick
    yield(WAITS, exchange)
    self.ticks[exchange] = nil
    return exchange:result()
  end

  function transport.call(core, method, path, seconds, resend, body, more)
    local count = #idle
    local spare = idle[count]
    idle[count] = nil
    local exchange, running =
      core:start("call", method, path, seconds, resend, body, more, spare)
    if not exchange then
      idle[count] = spare
      return exchange
    end
    if running then
      yield(WAITS, exchange)
    end
    local status, second, third, fourth, advisory, authenticated = exchange:result()
    count = #idle
    if count < SPARE then
      idle[count + 1] = exchange
    end
    return status, second, third, fourth, advisory, authenticated
  end

  --- Cancels the exchanges of all tasks.
  function transport.cancel()
    for exchange in pairs(self.waiting) do
      exchange:cancel()
    end
  end

  return transport
end

return blocking_loop
