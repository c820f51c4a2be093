--- Batch: tasks share the calls, each sending one after the other. They are tasks of the event loop
--- around the caller; outside of one, of `mic.transport.blocking_loop`.

local batch_requests = require "mic.request.batch_requests"
local blocking_loop = require "mic.transport.blocking_loop"
local pcall_compat = require "mic.pcall_compat"
local sender = require "mic.request.send"

local batch = { build = batch_requests.build }

local SLICE = 1 -- seconds between checks, in case a task is lost
local IDLE = 64 -- exchanges of finished calls kept for reuse

--- Stops the batch after an error, usually of a user's function; running exchanges are cancelled.
local function break_off(state, problem)
  if not state.broken then
    state.broken, state.problem = true, problem
  end
  for exchange in pairs(state.exchanges) do
    exchange:cancel()
  end
  state.transport.wake(state)
end

local function forget(state, exchange, ...)
  state.exchanges[exchange] = nil
  return ...
end

--- Keeps an exchange whose result was read; returns that result.
local function keep_idle(idle, exchange, ...)
  if #idle < IDLE then
    idle[#idle + 1] = exchange
  end
  return ...
end

--- Returns a client state whose running exchanges are recorded, so that they can be cancelled.
local function watched(inside, state)
  local outer = state.transport
  local transport = setmetatable({ current = false }, { __index = outer })
  function transport.start(core, ...)
    if state.broken then
      return nil, "cancelled", nil, "the batch was broken off"
    end
    return outer.start(core, ...)
  end
  function transport.finish(core, exchange, listener)
    state.exchanges[exchange] = true
    return forget(state, exchange, outer.finish(core, exchange, listener))
  end
  function transport.call(core, method, path, seconds, resend, body, more)
    local idle = state.client.idle
    local count = #idle
    local spare = idle[count]
    idle[count] = nil
    local exchange, kind, code, message =
      transport.start(core, "call", method, path, seconds, resend, body, more, spare)
    if not exchange then
      idle[count] = spare
      return exchange, kind, code, message
    end
    return keep_idle(idle, exchange, transport.finish(core, exchange))
  end
  return setmetatable({ transport = transport }, { __index = inside })
end

local function send(state, call)
  local client = state.client
  if type(call) == "string" and client.core and not client.closed then
    return sender.verb(state.inside, "client:batch", "GET", call)
  end
  return state.send(state.inside, batch_requests.whole(call))
end

--- Task: sends calls until there are no more.
local function work(state)
  local calls, results = state.calls, state.results
  while state.next <= #calls and not state.broken do
    local index = state.next
    state.next = index + 1
    local response, err = send(state, calls[index])
    results[index] = response and { response = response } or { err = err }
  end
  state.running = state.running - 1
  if state.running == 0 then
    state.transport.wake(state)
  end
end

--- The same for an event loop, which an error in a task would end.
local function work_guarded(state)
  local ok, problem = pcall_compat.call(work, state)
  if not ok then
    break_off(state, problem)
  end
end

local function run_tasks(state, task)
  local transport = state.transport
  local spawn = transport.spawn_beside or transport.spawn
  for _ = 1, state.running do
    spawn(task, state)
  end
  while state.running > 0 and not state.broken do
    transport.park(state, SLICE)
  end
end

--- Runs the calls and returns when the last one has ended.
---@param calls table[] of `build`
---@param concurrency number
---@param inside table the client state
---@param send_built fun(inside: table, call: table): table|nil, table|nil
---@return table results
function batch.run(calls, concurrency, inside, send_built)
  local transport, task = inside.transport, work_guarded
  if not transport.can_suspend() then
    task, transport = work, blocking_loop.new(inside.core)
  end
  inside.idle = inside.idle or {}
  local state = {
    client = inside,
    calls = calls,
    results = {},
    next = 1,
    running = math.min(concurrency, #calls),
    transport = transport,
    send = send_built,
    exchanges = {},
    broken = false,
    problem = nil,
  }
  state.inside = watched(inside, state)
  local ok, problem = pcall_compat.call(run_tasks, state, task)
  if not ok then
    break_off(state, problem)
  end
  if state.broken then
    error(state.problem, 0)
  end
  return state.results
end

return batch
