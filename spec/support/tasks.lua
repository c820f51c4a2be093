--- A small event loop and its transport: a call suspends only its coroutine, and `spawn` starts a
--- task. A killed task is never resumed, as in a program that drops it.

local core = require "mic.core"

local tasks = {}
local loop_methods = {}
local loop_mt = { __index = loop_methods }

local LIMIT = 120 -- seconds that a run may take
local STEP = 0.02 -- seconds by which the clock advances at most while each task runs once

--- Makes a loop. Its clock advances while it runs; when the process has to wait for its turn, the
--- clock does too, so that no time limit of a task passes by that.
---@return table loop `transport`; `later` shifts its clock
function tasks.new()
  local loop = setmetatable({ list = {}, later = 0, parked = {}, spawned = 0 }, loop_mt)
  local transport = { name = "tasks", random = core.random }
  loop.began, loop.began_wall, loop.passed = core.now(), core.wall(), 0
  function transport.now()
    return loop.began + loop.passed + loop.later
  end
  function transport.wall()
    return loop.began_wall + loop.passed + loop.later
  end
  function transport.sleep(seconds)
    local ends = transport.now() + seconds
    repeat
      coroutine.yield()
    until transport.now() >= ends
  end
  function transport.spawn(task, ...)
    loop.spawned = loop.spawned + 1
    loop.last_spawned = loop:add(task, ...)
    return true
  end
  function transport.park(what, seconds)
    local ends = transport.now() + seconds
    loop.parked[what] = true
    while loop.parked[what] and transport.now() < ends do
      coroutine.yield()
    end
  end
  function transport.wake(what)
    loop.parked[what] = nil
  end
  function transport.finish(_, exchange)
    while exchange:run(0) == "wait" do
      coroutine.yield()
    end
    return exchange:result()
  end
  function transport.can_suspend()
    return true
  end
  function transport.start(core_client, ...)
    return core_client:start(...)
  end
  function transport.call(core_client, ...)
    local exchange = core_client:start("call", ...)
    if not exchange then
      return false
    end
    return transport.finish(core_client, exchange)
  end
  loop.transport = transport
  return loop
end

--- Adds a task. An error in it comes out of `run`.
---@return table task
function loop_methods:add(fn, ...)
  local task = { thread = coroutine.create(fn), arguments = { ... } }
  self.list[#self.list + 1] = task
  return task
end

--- Never resumes a task again.
function loop_methods.kill(_, task)
  task.killed = true
end

local unpack = unpack or table.unpack -- luacheck: ignore 113 143

local function step(task)
  local ok, problem = coroutine.resume(task.thread, unpack(task.arguments))
  task.arguments = {}
  if not ok then
    error(problem, 0)
  end
end

--- Runs until every task has ended, or `is_enough` says so.
---@param is_enough? fun(): boolean
function loop_methods:run(is_enough)
  local last = core.now()
  local ends = last + LIMIT
  while #self.list > 0 and not (is_enough and is_enough()) do
    assert(core.now() < ends, "the tasks do not end")
    local present = self.list
    self.list = {}
    for _, task in ipairs(present) do
      if not task.killed then
        step(task)
      end
      if not task.killed and coroutine.status(task.thread) ~= "dead" then
        self.list[#self.list + 1] = task
      end
    end
    core.sleep(0.001)
    local now = core.now()
    self.passed, last = self.passed + math.min(now - last, STEP), now
  end
end

return tasks
