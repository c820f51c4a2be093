--- Dispatcher of an nginx worker: one light thread reads the engine's wake bytes from a cosocket
--- and wakes the requests whose exchanges have an update; a second one, the reaper, cancels the
--- exchanges of killed requests. Both run in a zero-delay timer while exchanges are in flight and
--- shortly after.

local core = require "mic.core"
local semaphore = require "ngx.semaphore"

local ngx = ngx
local spawn_thread, kill_thread = ngx.thread.spawn, ngx.thread.kill

local dispatcher = {}

local SLICE = 1 -- seconds of a wait, before the request checks itself
local CHECK = 0.5 -- seconds between two checks of the reaper
local CHECK_WAITS = 1000 -- waits between two checks: abandoned exchanges must not fill the engine
local START_SECONDS = 1 -- after which a dispatcher that has not started counts as lost
local POLLS = { 0.001, 0.002, 0.004, 0.008, 0.016, 0.032 } -- seconds, without a dispatcher
local NO_SOCKET_SECONDS = 30 -- before the next attempt to get a socket
local LONGEST_READ = 2147483647 -- milliseconds; the engine ends an idle dispatcher long before
local POOL_SIZE = 64
local END_BYTE = "e"

local waiting = {} -- semaphores by exchange
local pool, pooled = {}, 0
local present = nil -- the current dispatcher: started_at, reading
local refused_at, refusal -- when and why no socket was available
local reaper = semaphore.new(0) -- wakes the reaper early
local checked_at, waits = 0, 0 -- time of the last check, and waits since then

local function take_semaphore()
  if pooled == 0 then
    return semaphore.new(0)
  end
  pooled = pooled - 1
  return pool[pooled + 1]
end

--- Returns a semaphore to the pool. Its post was consumed, so that no late one can arrive.
local function give_semaphore(one)
  if pooled < POOL_SIZE then
    pooled = pooled + 1
    pool[pooled] = one
  end
end

--- Cancels the exchanges of killed requests, for example those whose client disconnected. nginx has
--- removed such a request from its semaphore's queue.
local function cancel_abandoned()
  checked_at, waits = core.now(), 0
  for exchange, one in pairs(waiting) do
    if one:count() >= 0 then
      waiting[exchange] = nil
      exchange:cancel()
    end
  end
end

--- Dispatches the engine's completions.
local function dispatch(engine)
  for _, exchange in ipairs(engine:collect()) do
    local one = waiting[exchange]
    if one then
      waiting[exchange] = nil
      one:post(1)
    end
  end
  if core.now() - checked_at >= CHECK then
    cancel_abandoned()
  end
end

local function count_waiting()
  local count = 0
  for _ in pairs(waiting) do
    count = count + 1
  end
  return count
end

--- ---- the two light threads ----

--- Reads wake bytes until the engine sends its end byte or the socket fails.
local function read(engine, socket)
  while true do
    local byte = socket:receive(1)
    if not byte or byte == END_BYTE then
      return
    end
    dispatch(engine)
  end
end

--- Checks periodically for lost wake bytes and killed requests. Exchanges abandoned outside our
--- wait are released by the garbage collector only, so it is stepped.
local function reap(engine, own, reading)
  while own.reading and present == own do
    reaper:wait(CHECK)
    dispatch(engine)
    local in_flight = engine:in_flight()
    if in_flight > count_waiting() then
      collectgarbage("step", 100)
    elseif in_flight == 0 and ngx.worker.exiting() then
      kill_thread(reading)
      return
    end
  end
end

local function connect(engine)
  local path, _, _, message = engine:listen()
  if not path then
    return nil, message
  end
  local socket = ngx.socket.tcp()
  socket:settimeouts(1000, 1000, LONGEST_READ)
  local ok, err = socket:connect("unix:" .. path)
  if not ok then
    return nil, err
  end
  return socket
end

local function read_to_end(engine, own, socket)
  read(engine, socket)
  own.reading = false
  reaper:post(1)
end

--- Runs the dispatcher in its timer, unless it starts so late that another one has replaced it.
local function run(_, engine, own)
  local socket, problem
  if present == own then
    socket, problem = connect(engine)
  end
  if present ~= own then
    return
  end
  if not socket then
    present, refused_at, refusal = nil, core.now(), problem
    ngx.log(ngx.WARN, "mic: cannot open the wake-up socket, so calls poll: ", problem)
    return
  end
  own.reading, refusal = true, nil
  reap(engine, own, spawn_thread(read_to_end, engine, own, socket))
  if present == own then
    present = nil
  end
  dispatch(engine)
end

--- True if a dispatcher reads or is starting; starts one if there is none.
local function is_dispatching(engine)
  if present and present.reading then
    return true
  end
  local now = core.now()
  if present and present.reading == nil and now - present.started_at < START_SECONDS then
    return true
  end
  if refusal and now - refused_at < NO_SOCKET_SECONDS then
    return false
  end
  present = { started_at = now }
  local ok, err = ngx.timer.at(0, run, engine, present)
  if not ok then
    present, refused_at, refusal = nil, now, err
  end
  return ok
end

--- ---- interface for the transport ----

--- Suspends the light thread until the exchange may have an update.
---@param engine table the core's engine
---@param exchange table started and not ended
---@param turn number consecutive waits without an update, from 1
function dispatcher.wait(engine, exchange, turn)
  local slice = SLICE
  waits = waits + 1
  if waits == CHECK_WAITS then
    cancel_abandoned()
  end
  if not is_dispatching(engine) then
    slice = POLLS[turn] or POLLS[#POLLS]
  end
  local one = take_semaphore()
  waiting[exchange] = one
  local woken = one:wait(slice)
  waiting[exchange] = nil
  if woken then
    give_semaphore(one)
  else
    dispatch(engine)
  end
end

--- Called at the end of a call: in an exiting worker, the last call stops the reaper.
---@param engine table
function dispatcher.leave(engine)
  if present and present.reading and ngx.worker.exiting() and engine:in_flight() == 0 then
    reaper:post(1)
  end
end

--- Returns why calls poll; nil if they do not.
---@return string|nil problem
function dispatcher.problem()
  return refusal
end

return dispatcher
