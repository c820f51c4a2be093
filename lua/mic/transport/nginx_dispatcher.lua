--- Who tells the waiting requests of an nginx worker that their exchanges have moved: one light
--- thread per worker that reads the engine's wake bytes from a cosocket, and one beside it that
--- looks after what nobody reads for. Both live in a zero-delay timer, and only while something is
--- in flight or was shortly before.

local core = require "mic.core"
local semaphore = require "ngx.semaphore"

local ngx = ngx
local spawn_thread, kill_thread = ngx.thread.spawn, ngx.thread.kill

local reader = {}

local SLICE = 1 -- seconds of a wait, before the request looks for itself
local LOOK = 0.5 -- seconds between two looks of the keeper
local LOOK_WAITS = 1000 -- and waits between two looks, so that orphans do not fill the engine
local START_SECONDS = 1 -- a reader that has not come by then is taken for lost
local POLLS = { 0.001, 0.002, 0.004, 0.008, 0.016, 0.032 } -- seconds, where there is no reader
local NO_SOCKET_SECONDS = 30 -- before another try to get one
local LONGEST_READ = 2147483647 -- milliseconds; the engine ends an idle reader long before
local POOL_SIZE = 64
local END_BYTE = "e"

local waiting = {} -- semaphores by exchange
local pool, pooled = {}, 0
local present = nil -- the reader that there is: started_at, reading
local refused_at, refusal -- when no socket was to be had, and why
local keeper = semaphore.new(0) -- wakes the keeper before its time
local looked_at, waits = 0, 0 -- the last look, and how many have waited since

local function take_semaphore()
  if pooled == 0 then
    return semaphore.new(0)
  end
  pooled = pooled - 1
  return pool[pooled + 1]
end

--- For one whose post has been waited for: none can come late.
local function give_semaphore(one)
  if pooled < POOL_SIZE then
    pooled = pooled + 1
    pool[pooled] = one
  end
end

--- A request that was killed, because its client gave up, say, does not wait any longer: nginx has
--- taken it out of its semaphore's queue. Nobody else would end its exchange.
local function cancel_orphans()
  looked_at, waits = core.now(), 0
  for exchange, one in pairs(waiting) do
    if one:count() >= 0 then
      waiting[exchange] = nil
      exchange:cancel()
    end
  end
end

--- Hands round what the engine has to tell.
local function tell(engine)
  for _, exchange in ipairs(engine:collect()) do
    local one = waiting[exchange]
    if one then
      waiting[exchange] = nil
      one:post(1)
    end
  end
  if core.now() - looked_at >= LOOK then
    cancel_orphans()
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

--- Reads until the engine says that there is no more to expect, or the socket breaks.
local function read(engine, socket)
  while true do
    local byte = socket:receive(1)
    if not byte or byte == END_BYTE then
      return
    end
    tell(engine)
  end
end

--- Looks every now and then: for wake bytes that went astray, for requests that are no more. What
--- died elsewhere than in our wait is found by the garbage collector alone, which is helped along.
local function keep(engine, own, reading)
  while own.reading and present == own do
    keeper:wait(LOOK)
    tell(engine)
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
  keeper:post(1)
end

--- A reader's life, in its timer. One that comes so late that another was started does nothing.
local function live(_, engine, own)
  local socket, problem
  if present == own then
    socket, problem = connect(engine)
  end
  if present ~= own then
    return
  end
  if not socket then
    present, refused_at, refusal = nil, core.now(), problem
    ngx.log(ngx.WARN, "mic: no socket for wake bytes, so calls poll: ", problem)
    return
  end
  own.reading, refusal = true, nil
  keep(engine, own, spawn_thread(read_to_end, engine, own, socket))
  if present == own then
    present = nil
  end
  tell(engine)
end

--- Whether somebody reads or is about to; one is started where nobody does.
local function is_read(engine)
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
  local ok, err = ngx.timer.at(0, live, engine, present)
  if not ok then
    present, refused_at, refusal = nil, now, err
  end
  return ok
end

--- ---- for the transport ----

--- Suspends the running light thread until there may be news of the exchange.
---@param engine table the core's engine
---@param exchange table one that was started and has not ended
---@param turn number how often this exchange has been waited for without news, from 1
function reader.wait(engine, exchange, turn)
  local slice = SLICE
  waits = waits + 1
  if waits == LOOK_WAITS then
    cancel_orphans()
  end
  if not is_read(engine) then
    slice = POLLS[turn] or POLLS[#POLLS]
  end
  local one = take_semaphore()
  waiting[exchange] = one
  local told = one:wait(slice)
  waiting[exchange] = nil
  if told then
    give_semaphore(one)
  else
    tell(engine)
  end
end

--- A call has ended: where the worker is leaving, the last one lets the keeper go.
---@param engine table
function reader.leave(engine)
  if present and present.reading and ngx.worker.exiting() and engine:in_flight() == 0 then
    keeper:post(1)
  end
end

--- Why calls poll; nil while they do not.
---@return string|nil problem
function reader.problem()
  return refusal
end

return reader
