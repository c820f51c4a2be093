--- Many calls at once: each runs in a coroutine of its own, over a small scheduler that waits for
--- the first exchange that ends.

local builder = require "mic.builder"
local errors = require "mic.error"

local batch = {}

local CONCURRENCY = 16
local SLICE = 60 -- seconds to wait at the most before looking again

--- Checks and builds every request before anything is sent. Raises for misuse.
---@param requests table
---@return table[] calls
---@return number concurrency
function batch.build(requests)
  if type(requests) ~= "table" then
    errors.raise(("client:batch takes a table of requests (got %s)"):format(type(requests)))
  end
  for name in pairs(requests) do
    if type(name) ~= "number" and name ~= "concurrency" then
      errors.raise(("client:batch: unknown option %q; known: concurrency"):format(tostring(name)))
    end
  end
  local concurrency = requests.concurrency or CONCURRENCY
  if type(concurrency) ~= "number" or concurrency < 1 or concurrency % 1 ~= 0 then
    errors.raise "client:batch: concurrency must be a whole number from 1"
  end
  local calls = {}
  for index, request in ipairs(requests) do
    local what = ("client:batch: request %d"):format(index)
    if type(request) ~= "table" then
      errors.raise(("%s must be a table (got %s)"):format(what, type(request)))
    end
    calls[index] = builder.call(request, what)
    calls[index].share_connection = true
  end
  return calls, concurrency
end

--- A client's inside whose transport yields to the scheduler where it would wait.
local function yielding(inside)
  local transport = setmetatable({}, { __index = inside.transport })
  function transport.request(core, spec)
    local exchange = core:start("request", spec)
    coroutine.yield(exchange)
    return exchange:result()
  end
  function transport.finish(core, exchange, listener)
    if listener then
      return inside.transport.finish(core, exchange, listener)
    end
    coroutine.yield(exchange)
    return exchange:result()
  end
  function transport.sleep(seconds)
    local ends = inside.transport.now() + seconds
    while inside.transport.now() < ends do
      coroutine.yield(ends)
    end
  end
  return setmetatable({ transport = transport }, { __index = inside })
end

--- Resumes a task; notes what it waits for: an exchange, or a time.
local function resume(state, task, ...)
  local ok, waits_for = coroutine.resume(task, ...)
  if not ok then
    for exchange in pairs(state.waiting) do
      exchange:cancel()
    end
    error(waits_for, 0)
  end
  if coroutine.status(task) == "dead" then
    state.running = state.running - 1
  elseif type(waits_for) == "number" then
    state.sleeping[task] = waits_for
  else
    state.waiting[waits_for] = task
  end
end

local function wake_sleepers(state, now)
  local first = now + SLICE
  local due = {}
  for task, ends in pairs(state.sleeping) do
    if ends <= now then
      due[#due + 1] = task
    else
      first = math.min(first, ends)
    end
  end
  for _, task in ipairs(due) do
    state.sleeping[task] = nil
    resume(state, task)
  end
  return #due > 0 and 0 or first - now
end

--- Runs calls, and returns when the last one has ended.
---@param calls table[] of `build`
---@param concurrency number
---@param inside table the inside of the client
---@param send fun(inside: table, call: table): table|nil, table|nil
---@return table results
function batch.run(calls, concurrency, inside, send)
  local results, next_call = {}, 1
  local state = { running = 0, waiting = {}, sleeping = {} }
  local inner = yielding(inside)
  local function work(index)
    local response, err = send(inner, calls[index])
    results[index] = response and { response = response } or { err = err }
  end
  while next_call <= #calls or state.running > 0 do
    while next_call <= #calls and state.running < concurrency do
      local index = next_call
      next_call = next_call + 1
      state.running = state.running + 1
      resume(state, coroutine.create(work), index)
    end
    local seconds = wake_sleepers(state, inside.transport.now())
    for _, exchange in ipairs(next(state.waiting) and inside.core:collect(seconds) or {}) do
      local task = state.waiting[exchange]
      if task then
        state.waiting[exchange] = nil
        resume(state, task)
      end
    end
    if next(state.waiting) == nil and next(state.sleeping) ~= nil then
      inside.transport.sleep(math.min(seconds, SLICE))
    end
  end
  return results
end

return batch
