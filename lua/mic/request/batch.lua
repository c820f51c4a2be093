--- Batch for the blocking transport: a small scheduler over the core's `collect`. A plain GET needs
--- only its exchange; any other call runs in a coroutine. In an event loop `task_batch` is used.

local batch_requests = require "mic.request.batch_requests"
local sender = require "mic.request.send"
local plain = require "mic.request.plain"
local task_batch = require "mic.request.task_batch"

local batch = { build = batch_requests.build }

local SLICE = 60 -- longest wait between two checks, in seconds
local EARLY = 4 -- calls sent before the others are prepared
local IDLE = 64 -- exchanges of finished calls kept for reuse
local OURS = {} -- first value of each yield of this file

--- Client state whose transport yields to the scheduler instead of waiting.
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

local function keep(state, index, made, err)
  state.results[index] = made and { response = made } or { err = err }
end

local function in_coroutine()
  local running, is_main = coroutine.running()
  return running ~= nil and not is_main
end

--- Passes on what a task yields that is not ours, such as a listener's own yield, to the caller of
--- the batch.
local function pass_on(task, ok, mark, ...)
  if not ok or mark == OURS or coroutine.status(task) == "dead" then
    return ok, ok and (...) or mark
  end
  if not in_coroutine() then
    return false, "attempt to yield from a batch that runs outside a coroutine"
  end
  return pass_on(task, coroutine.resume(task, coroutine.yield(mark, ...)))
end

--- Resumes a task and records what it waits for: an exchange, or a time.
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

--- Resumes the tasks whose sleep is over.
---@return number seconds until the next one is due, at most SLICE
local function wake_sleepers(state, transport)
  if next(state.sleeping) == nil then
    return SLICE
  end
  local now = transport.now()
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

--- Takes our exchanges that a nested batch (one in an on_data) collected.
local function take_strays(state, strays)
  local ended = {}
  for exchange in pairs(strays) do
    if state.waiting[exchange] then
      ended[#ended + 1] = exchange
    end
  end
  for index = 1, #ended do
    strays[ended[index]] = nil
  end
  return ended
end

--- Waits for exchanges that have ended and returns them.
local function take_ended(state, inside, seconds)
  local ended = next(inside.strays) ~= nil and take_strays(state, inside.strays)
  if ended and ended[1] then
    return ended
  end
  return next(state.waiting) ~= nil and inside.core:collect(seconds) or {}
end

--- Starts a GET with only a path, without a coroutine.
local function begin_plain(state, inside, index)
  local source = inside.token_source
  source.counters.calls = source.counters.calls + 1
  local idle = inside.idle
  local count = #idle
  local exchange = idle[count]
  idle[count] = nil
  local timeout, deadline = inside.timeout, inside.deadline
  if deadline then
    state.ends[index] = inside.transport.now() + deadline
    timeout = timeout < deadline and timeout or deadline
  end
  exchange = inside.core:start_plain(state.calls[index], timeout, exchange)
  state.running = state.running + 1
  state.waiting[exchange] = index
end

--- Finishes a plain GET. If it did not succeed, it continues in a coroutine.
local function end_plain(state, inside, index, status, second, packed, content_type, advisory)
  local made, problem, good = plain.answer(
    inside, state.ends[index], status, second, packed, content_type, advisory
  )
  if good then
    state.running = state.running - 1
    keep(state, index, made)
    return
  end
  local task = coroutine.create(function(yielding_inside)
    local built = batch_requests.whole(state.calls[index])
    built.ends = state.ends[index]
    if made then
      keep(state, index, sender.refuse(yielding_inside, built, made, problem))
    else
      keep(state, index, sender.go_on(yielding_inside, built, status, second, packed, content_type))
    end
  end)
  resume(state, task, state.inner)
end

--- Runs the calls and returns when the last one has ended.
---@param calls table[] of `build`
---@param concurrency number
---@param inside table the client state
---@param send fun(inside: table, call: table): table|nil, table|nil
---@return table results
function batch.run(calls, concurrency, inside, send)
  local function send_whole(inner, path_or_call)
    return send(inner, batch_requests.whole(path_or_call))
  end
  if inside.transport.can_suspend() then
    return task_batch.run(calls, concurrency, inside, send_whole)
  end
  local next_call = 1
  local state = {
    calls = calls,
    results = {},
    ends = {},
    running = 0,
    waiting = {},
    sleeping = {},
    inner = yielding(inside),
  }
  inside.strays = inside.strays or setmetatable({}, { __mode = "k" })
  inside.idle = inside.idle or {}
  local function work(index)
    keep(state, index, send_whole(state.inner, calls[index]))
  end
  local room = math.min(EARLY, concurrency)
  while next_call <= #calls or state.running > 0 do
    while next_call <= #calls and state.running < room do
      local index = next_call
      next_call = next_call + 1
      if type(calls[index]) == "string" and plain.is_open(inside) then
        begin_plain(state, inside, index)
      else
        state.running = state.running + 1
        resume(state, coroutine.create(work), index)
      end
    end
    local seconds = room < concurrency and next_call <= #calls and 0
      or wake_sleepers(state, inside.transport)
    room = concurrency
    if next(state.waiting) == nil and next(state.sleeping) ~= nil then
      inside.transport.sleep(seconds)
    end
    for _, exchange in ipairs(take_ended(state, inside, seconds)) do
      local task = state.waiting[exchange]
      state.waiting[exchange] = nil
      if not task then
        inside.strays[exchange] = true
      elseif type(task) == "number" then
        end_plain(state, inside, task, inside.core:plain_result(exchange))
        inside.idle[math.min(#inside.idle + 1, IDLE)] = exchange
      else
        resume(state, task)
      end
    end
  end
  return state.results
end

return batch
