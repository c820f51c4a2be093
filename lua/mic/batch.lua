--- Many calls at once: each runs in a coroutine of its own, over a small scheduler that waits for
--- the first exchange that ends. In an event loop they are tasks of that instead: task_batch.

local builder = require "mic.builder"
local errors = require "mic.error"
local task_batch = require "mic.task_batch"

local batch = {}

local CONCURRENCY = 16
local SLICE = 60 -- seconds to wait at the most before looking again
local OURS = {} -- the first value of every yield of ours

--- One request; whatever is wrong with it is said of it by its number.
local function build_one(request, what)
  local ok, built = pcall(builder.call, request, what)
  if ok then
    return built
  end
  errors.pass_memory(built)
  local text = tostring(built)
  if not text:find(what, 1, true) then
    local position, message = text:match "^(.-:%d+: )(.*)$"
    text = (position or "") .. what .. ": " .. (message or text)
  end
  error(text, 0)
end

--- Checks and builds every request before anything is sent. Raises for misuse.
---@param requests table
---@return table[] calls
---@return number concurrency
function batch.build(requests)
  if type(requests) ~= "table" then
    errors.raise(("client:batch takes a table of requests (got %s)"):format(type(requests)))
  end
  local count = 0
  for name in pairs(requests) do
    if type(name) == "number" then
      count = count + 1
    elseif name ~= "concurrency" then
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
    calls[index] = build_one(request, what)
    calls[index].share_connection = true
  end
  if #calls < count then
    errors.raise(("client:batch: request %d is nil; a list has no holes"):format(#calls + 1))
  end
  return calls, concurrency
end

--- A client's inside whose transport yields to the scheduler where it would wait.
local function yielding(inside)
  local transport = setmetatable({}, { __index = inside.transport })
  function transport.request(core, spec)
    local exchange = core:start("request", spec)
    coroutine.yield(OURS, exchange)
    return exchange:result()
  end
  function transport.can_suspend()
    return false
  end
  function transport.finish(core, exchange, listener)
    if listener then
      return inside.transport.finish(core, exchange, listener)
    end
    coroutine.yield(OURS, exchange)
    return exchange:result()
  end
  function transport.sleep(seconds)
    local ends = inside.transport.now() + seconds
    while inside.transport.now() < ends do
      coroutine.yield(OURS, ends)
    end
  end
  return setmetatable({ transport = transport }, { __index = inside })
end

local function in_coroutine()
  local running, is_main = coroutine.running()
  return running ~= nil and not is_main
end

--- What a task yields that is not ours (a listener's own yield) is for whoever runs the batch.
local function pass_on(task, ok, mark, ...)
  if not ok or mark == OURS or coroutine.status(task) == "dead" then
    return ok, ok and (...) or mark
  end
  if not in_coroutine() then
    return false, "attempt to yield from a batch that runs outside a coroutine"
  end
  return pass_on(task, coroutine.resume(task, coroutine.yield(mark, ...)))
end

--- Resumes a task; notes what it waits for: an exchange, or a time.
local function resume(state, task, ...)
  local ok, waits_for = pass_on(task, coroutine.resume(task, ...))
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

--- Exchanges that ended and are waited for here. A batch inside another one (in an on_data) may
--- find those of the outer one: they are left in `strays`.
local function take_ended(state, inside, seconds)
  local ended = {}
  for exchange in pairs(inside.strays) do
    ended[#ended + 1] = state.waiting[exchange] and exchange or nil
  end
  if #ended == 0 and next(state.waiting) ~= nil then
    ended = inside.core:collect(seconds)
  end
  for index = #ended, 1, -1 do
    local ours = state.waiting[ended[index]] ~= nil
    inside.strays[ended[index]] = not ours or nil
    if not ours then
      table.remove(ended, index)
    end
  end
  return ended
end

--- Runs calls, and returns when the last one has ended.
---@param calls table[] of `build`
---@param concurrency number
---@param inside table the inside of the client
---@param send fun(inside: table, call: table): table|nil, table|nil
---@return table results
function batch.run(calls, concurrency, inside, send)
  if inside.transport.can_suspend() then
    return task_batch.run(calls, concurrency, inside, send)
  end
  local results, next_call = {}, 1
  local state = { running = 0, waiting = {}, sleeping = {} }
  local inner = yielding(inside)
  inside.strays = inside.strays or setmetatable({}, { __mode = "k" })
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
    if next(state.waiting) == nil and next(state.sleeping) ~= nil then
      inside.transport.sleep(seconds)
    end
    for _, exchange in ipairs(take_ended(state, inside, seconds)) do
      local task = state.waiting[exchange]
      state.waiting[exchange] = nil
      resume(state, task)
    end
  end
  return results
end

return batch
