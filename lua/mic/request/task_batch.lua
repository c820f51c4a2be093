--- Batch in an event loop: a few tasks of the loop share the calls.

local pcall_compat = require "mic.pcall_compat"

local task_batch = {}

local SLICE = 1 -- seconds between checks, in case a task is lost

--- Stops the batch after a user's function has raised an error; running exchanges are cancelled.
local function break_off(state, problem)
  state.raised = state.raised or { problem }
  for exchange in pairs(state.exchanges) do
    exchange:cancel()
  end
  state.transport.wake(state.spot)
end

local function forget(state, exchange, ...)
  state.exchanges[exchange] = nil
  return ...
end

local function guard(state, listener)
  return function(...)
    local ok, wanted = pcall(listener, ...)
    if not ok then
      break_off(state, wanted)
      return false
    end
    return wanted
  end
end

--- Client state whose exchanges are registered here.
local function watched(inside, state)
  local outer = inside.transport
  local transport = setmetatable({}, { __index = outer })
  function transport.start(core, ...)
    if state.raised then
      return nil, "cancelled", nil, "the batch was broken off"
    end
    return outer.start(core, ...)
  end
  function transport.finish(core, exchange, listener)
    state.exchanges[exchange] = true
    listener = listener and guard(state, listener)
    return forget(state, exchange, outer.finish(core, exchange, listener))
  end
  function transport.request(core, spec)
    local exchange, kind, code, message = transport.start(core, "request", spec)
    if not exchange then
      return nil, kind, code, message
    end
    return transport.finish(core, exchange)
  end
  return setmetatable({ transport = transport }, { __index = inside })
end

local function work(state)
  while state.next <= #state.calls and not state.raised do
    local index = state.next
    state.next = index + 1
    local ok, response, err = pcall_compat.call(state.send, state.inside, state.calls[index])
    if not ok then
      break_off(state, response)
    else
      state.results[index] = response and { response = response } or { err = err }
    end
  end
  state.running = state.running - 1
  if state.running == 0 then
    state.transport.wake(state.spot)
  end
end

--- Runs the calls and returns when the last one has ended; for `batch.run`.
---@param calls table[]
---@param concurrency number
---@param inside table the client state
---@param send fun(inside: table, call: table): table|nil, table|nil
---@return table results
function task_batch.run(calls, concurrency, inside, send)
  local transport = inside.transport
  local state = {
    calls = calls,
    next = 1,
    running = math.min(concurrency, #calls),
    send = send,
    transport = transport,
    results = {},
    exchanges = {},
    spot = {},
    raised = nil, -- in a table: the error of a user's function
  }
  state.inside = watched(inside, state)
  local spawn = transport.spawn_beside or transport.spawn
  for _ = 1, state.running do
    spawn(work, state)
  end
  while state.running > 0 and not state.raised do
    transport.park(state.spot, SLICE)
  end
  if state.raised then
    error(state.raised[1], 0)
  end
  return state.results
end

return task_batch
