--- Batch: tasks share the calls, each sending one after the other. They are tasks of the event loop
--- around the caller; outside of one, of `mic.transport.blocking_loop`.

local batch_requests = require "mic.request.batch_requests"
local blocking_loop = require "mic.transport.blocking_loop"
local pcall_compat = require "mic.pcall_compat"
local plain = require "mic.request.plain"
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

--- Returns a client state whose running exchanges are recorded, so that they can be cancelled.
local function watched(inside, state)
  local outer = state.transport
  local transport = setmetatable({}, { __index = outer })
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
  function transport.request(core, spec)
    local exchange, kind, code, message = transport.start(core, "request", spec)
    if not exchange then
      return nil, kind, code, message
    end
    return transport.finish(core, exchange)
  end
  return setmetatable({ transport = transport }, { __index = inside })
end

--- Sends a GET with only a path, without options or a new exchange.
local function send_plain(state, path)
  local self = state.client
  local counters, idle = self.token_source.counters, self.idle
  counters.calls = counters.calls + 1
  local count = #idle
  local exchange = idle[count]
  idle[count] = nil
  local timeout, deadline, ends = self.timeout, self.deadline, nil
  if deadline then
    ends = self.transport.now() + deadline
    timeout = timeout < deadline and timeout or deadline
  end
  exchange = self.core:start_plain(path, timeout, exchange)
  state.exchanges[exchange] = true
  state.transport.wait(exchange)
  state.exchanges[exchange] = nil
  local status, second, packed, content_type, advisory = self.core:plain_result(exchange)
  if #idle < IDLE then
    idle[#idle + 1] = exchange
  end
  local made, problem, good =
    plain.answer(self, ends, status, second, packed, content_type, advisory)
  if good then
    return made
  end
  local built = batch_requests.whole(path)
  built.ends = ends
  if made then
    return sender.refuse(state.inside, built, made, problem)
  end
  return sender.go_on(state.inside, built, status, second, packed, content_type)
end

local function send(state, call)
  if type(call) ~= "string" then
    return state.send(state.inside, call)
  elseif state.transport.wait and plain.is_open(state.client) then
    return send_plain(state, call)
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
