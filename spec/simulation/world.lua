--- Discrete event simulation: simulated time, an event queue, and tasks (coroutines) that sleep and
--- are woken.

local unpack = rawget(table, "unpack") or rawget(_G, "unpack")

local world = {}
local world_methods = {}
local world_mt = { __index = world_methods }

--- All events are at whole ticks. Tokens expire between two ticks, so that the microseconds of the
--- real clock in the core never change a decision.
local TICK = 1 / 32
local TRACED = 80 -- events that a trace keeps

--- Makes a world in which it is time 0.
---@return table world now (seconds), current (the task that runs)
function world.new()
  return setmetatable({
    now = 0,
    current = nil,
    stopped = false,
    resumed = nil, -- called before a task goes on; may kill it
    failed = nil, -- called with a task and what it raised
    queue = {},
    length = 0,
    count = 0,
    trace = {},
    traced = 0,
  }, world_mt)
end

--- The tick at or after a time.
---@param time number
---@return number
function world.round_up(time)
  return math.ceil(time / TICK) * TICK
end

--- The tick nearest to a time.
---@param time number
---@return number
function world.round(time)
  return math.floor(time / TICK + 0.5) * TICK
end

world.TICK = TICK

--- ---- the queue: a heap, ordered by time and then by number ----

local function before(first, second)
  if first.time ~= second.time then
    return first.time < second.time
  end
  return first.number < second.number
end

local function push(self, event)
  local queue, index = self.queue, self.length + 1
  self.length = index
  while index > 1 do
    local parent = (index - index % 2) / 2
    if not before(event, queue[parent]) then
      break
    end
    queue[index] = queue[parent]
    index = parent
  end
  queue[index] = event
end

local function pop(self)
  local queue, length = self.queue, self.length
  local first, last = queue[1], queue[length]
  queue[length] = nil
  length = length - 1
  self.length = length
  if length > 0 then
    local index = 1
    while true do
      local child = index * 2
      if child > length then
        break
      end
      if child < length and before(queue[child + 1], queue[child]) then
        child = child + 1
      end
      if not before(queue[child], last) then
        break
      end
      queue[index] = queue[child]
      index = child
    end
    queue[index] = last
  end
  return first
end

--- Calls a function later.
---@param seconds number from now; rounded up to a tick
---@param action function
---@param ... any up to two arguments
function world_methods:after(seconds, action, ...)
  local first, second = ...
  self.count = self.count + 1
  push(self, {
    time = world.round_up(self.now + math.max(0, seconds)),
    number = self.count,
    action = action,
    first = first,
    second = second,
  })
end

--- Advances the time.
---@param seconds number from now
function world_methods:run(seconds)
  local ends = world.round_up(self.now + seconds)
  while not self.stopped and self.length > 0 and self.queue[1].time <= ends do
    local event = pop(self)
    self.now = event.time
    event.action(event.first, event.second)
  end
  if not self.stopped then
    self.now = ends
  end
end

--- ---- tasks ----

local function resume(self, task)
  if task.dead or not task.owner.alive then
    return
  end
  if self.resumed and self.resumed(task) then
    return
  end
  local outer = self.current
  self.current = task
  local ok, problem = coroutine.resume(task.thread)
  self.current = outer
  if not ok then
    task.dead = true
    self.failed(task, problem)
  elseif coroutine.status(task.thread) == "dead" then
    task.dead = true
  end
end

--- Starts a task, which runs as soon as the current one waits.
---@param owner table whose `alive` says whether the task goes on
---@param kind string what it is, for traces
---@param action function
---@param ... any its arguments
---@return table task
function world_methods:spawn(owner, kind, action, ...)
  local arguments, count = { ... }, select("#", ...)
  local task = { owner = owner, kind = kind, parked = 0 }
  task.thread = coroutine.create(function()
    return action(unpack(arguments, 1, count))
  end)
  self:after(0, function()
    resume(self, task)
  end)
  return task
end

--- Suspends the current task. The holder of the ticket wakes it, once.
---@return table ticket
function world_methods:ticket()
  local task = self.current
  task.parked = task.parked + 1
  return { task = task, parked = task.parked }
end

--- Waits until the ticket is used.
function world_methods.wait()
  coroutine.yield()
end

--- Resumes the task of a ticket.
---@param ticket table
function world_methods:wake(ticket)
  local task = ticket.task
  if task.parked == ticket.parked then
    task.parked = task.parked + 1
    resume(self, task)
  end
end

--- Suspends the current task for a time.
---@param seconds number
function world_methods:sleep(seconds)
  self:after(seconds, self:wake_event(), self:ticket())
  self.wait()
end

--- One function per world instead of one per sleep.
function world_methods:wake_event()
  local event = self.waker
  if not event then
    event = function(ticket)
      self:wake(ticket)
    end
    self.waker = event
  end
  return event
end

--- ---- trace ----

--- Notes what happened, for the trace of a failure.
---@param who string
---@param what string
---@param detail? any made text of when it is shown
function world_methods:note(who, what, detail)
  self.traced = self.traced + 1
  local index = self.traced % TRACED
  local entry = self.trace[index]
  if not entry then
    entry = {}
    self.trace[index] = entry
  end
  entry.time, entry.who, entry.what, entry.detail = self.now, who, what, detail
end

--- The last events as lines.
---@param most? number how many
---@return string[] lines
function world_methods:history(most)
  local lines = {}
  local first = math.max(1, self.traced - math.min(most or TRACED, TRACED) + 1)
  for number = first, self.traced do
    local entry = self.trace[number % TRACED]
    local detail = entry.detail ~= nil and " " .. tostring(entry.detail) or ""
    lines[#lines + 1] = ("%12.5f  %-6s %s%s"):format(entry.time, entry.who, entry.what, detail)
  end
  return lines
end

return world
