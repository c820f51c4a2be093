--- Batch: tasks share the calls, each sending one after the other. They are tasks of the event loop
--- around the caller; outside of one, of `mic.transport.blocking_loop`.

local batch_requests = require "mic.request.batch_requests"
local blocking_loop = require "mic.transport.blocking_loop"
local cancellable = require "mic.transport.cancellable"
local pcall_compat = require "mic.pcall_compat"
local sender = require "mic.request.send"

local batch = { build = batch_requests.build }

local SLICE = 1 -- seconds between checks, in case a task is lost

--- Stops the batch after an error, usually of a user's function.
local function break_off(state, problem)
  if not state.broken then
    state.broken, state.problem = true, problem
  end
  state.transport.cancel()
  state.transport.wake(state)
end

local function send(state, client, call)
  if type(call) ~= "string" then
    return state.send_built(client, call)
  elseif client.closed then
    return state.send_built(client, batch_requests.of_path(call)) -- for its error
  end
  return sender.verb(client, "client:batch", "GET", call)
end

--- Task: sends calls until there are no more.
local function work(state)
  local calls, results, client = state.calls, state.results, state.client
  while state.next <= #calls and not state.broken do
    local index = state.next
    state.next = index + 1
    local response, err = send(state, client, calls[index])
    results[index] = response and { response = response } or { err = err }
    if state.on_result then
      state.on_result(index, results[index])
    end
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
---@param calls (table|string)[] of `build`
---@param concurrency number
---@param self table the client state, connected
---@param send_built fun(self: table, call: table): table|nil, table|nil
---@param on_result? fun(index: integer, result: table) is called for each result as it comes
---@return table results
function batch.run(calls, concurrency, self, send_built, on_result)
  local transport, task
  if self.transport.can_suspend() then
    transport, task = cancellable.over(self.transport, "the batch was aborted"), work_guarded
  else
    self.idle_exchanges = self.idle_exchanges or {}
    transport, task = blocking_loop.new(self.core, self.idle_exchanges), work
  end
  local state = {
    client = cancellable.with_transport(self, transport),
    transport = transport,
    send_built = send_built,
    on_result = on_result,
    calls = calls,
    results = {},
    next = 1, -- index of the next call
    running = math.min(concurrency, #calls), -- number of tasks
    broken = false,
    problem = nil, -- why it is broken
  }
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
