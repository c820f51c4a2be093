--- Transport for nginx and OpenResty: a call suspends its light thread and never blocks the worker.
--- Transfers run on the core's I/O thread (the engine), one per Lua VM, started at the first use in
--- a worker.

local core = require "mic.core"
local pcall_compat = require "mic.pcall_compat"

local ngx = ngx
if type(ngx) ~= "table" then
  error("this is not nginx", 0)
end

local nginx = { name = "nginx" }

--- Loaded at first use: their requirements are not available in every phase of nginx's start.
local dispatcher, semaphore

--- Phases in which a light thread can be suspended.
local waiting_phases = {
  rewrite = true,
  server_rewrite = true,
  access = true,
  precontent = true,
  content = true,
  timer = true,
  preread = true,
  ssl_cert = true,
  ssl_client_hello = true,
  ssl_session_fetch = true,
  proxy_ssl_cert = true,
  proxy_ssl_verify = true,
}

--- Advice by phase.
local advice = {
  init = "make the client here, and call in a worker, for example in a timer that"
    .. " init_worker_by_lua starts",
  init_worker = "call from a timer: ngx.timer.at(0, …)",
  set = "call in rewrite_by_lua or access_by_lua instead",
  header_filter = "call in access_by_lua, or from a timer: ngx.timer.at(0, …)",
  body_filter = "call in access_by_lua, or from a timer: ngx.timer.at(0, …)",
  log = "call from a timer: ngx.timer.at(0, …)",
  balancer = "call in access_by_lua instead",
  exit_worker = "the worker is exiting",
}

--- Returns why a call cannot wait here; nil if it can.
---@return string|nil problem with advice
function nginx.problem()
  local phase = ngx.get_phase()
  if not waiting_phases[phase] then
    return ("nginx cannot wait in the phase %s: %s"):format(
      phase,
      advice[phase] or "call in access_by_lua or content_by_lua, or from a timer"
    )
  end
  if not core.is_yieldable() then
    return "nginx cannot wait inside a C function (require, table.sort, gsub …):"
      .. " make the call outside of it"
  end
  return nil
end

--- True if a call can wait here; only its light thread waits.
---@return boolean
function nginx.can_suspend()
  return nginx.problem() == nil
end

--- Seconds on a monotonic clock.
---@return number
nginx.now = core.now

--- A random number, 0 <= random < 1, from the operating system.
---@return number
nginx.random = core.random

--- Suspends the running light thread.
---@param seconds number
function nginx.sleep(seconds)
  ngx.sleep(math.max(seconds, 0.001))
end

local function run(_, task, ...)
  task(...)
end

--- Runs a task in a timer, so that it survives the end of the request.
---@param task function a module-level function: one made by a request reads nil after its end
---@param ... any its arguments
---@return boolean aside false: no timer was available, so the task ran in the request
function nginx.spawn(task, ...)
  local ok, err = ngx.timer.at(0, run, task, ...)
  if not ok then
    ngx.log(ngx.WARN, "mic: cannot start a timer (", err, "), so the task runs in the request")
    task(...)
  end
  return ok and true or false
end

--- Runs a task that ends with its request.
---@param task function
---@param ... any its arguments
function nginx.spawn_beside(task, ...)
  ngx.thread.spawn(task, ...)
end

--- ---- parking ----

local POLL = 0.05 -- seconds between checks, without semaphores

local parked = setmetatable({}, { __mode = "k" }) -- sets of semaphores, by what they wait for

--- Suspends the light thread until `wake` is called for this.
---@param what table
---@param seconds number longest wait
function nginx.park(what, seconds)
  semaphore = semaphore or pcall_compat.load "ngx.semaphore"
  if not semaphore then
    nginx.sleep(math.min(seconds, POLL))
    return
  end
  local one = semaphore.new(0)
  parked[what] = parked[what] or {}
  parked[what][one] = true
  one:wait(seconds)
  if parked[what] then
    parked[what][one] = nil
  end
end

--- Wakes all light threads parked on this.
---@param what table
function nginx.wake(what)
  local list = parked[what]
  parked[what] = nil
  for one in pairs(list or {}) do
    one:post(1)
  end
end

--- ---- exchanges ----

local IDLE_MOST = 64 -- exchanges that a client keeps for reuse

local given = setmetatable({}, { __mode = "k" }) -- engine of each client
--- Idle exchanges of each client. Weak, because an exchange holds its client.
local idle_of = setmetatable({}, { __mode = "k" })
local idle_mt = { __mode = "v" }
local present -- the engine in use

--- Assigns the client to the engine of this VM. Returns the engine, or nil, kind, code, message.
local function engage(core_client)
  local problem = nginx.problem()
  if problem then
    return nil, "phase", nil, problem
  end
  local engine, kind, code, message = core.engine()
  if not engine then
    return nil, kind, code, message
  end
  if not dispatcher then
    dispatcher, kind, code, message = pcall_compat.load "mic.transport.nginx_dispatcher"
  end
  if not dispatcher then
    return nil, kind, code, message
  end
  if given[core_client] ~= engine and core_client:use_engine(engine) then
    given[core_client] = engine
    idle_of[core_client] = setmetatable({}, idle_mt)
  end
  present = engine
  return engine
end

--- Starts an exchange on the engine.
---@param core_client table
---@param ... any as for the `start` of the core's client
---@return table|nil exchange
---@return string|nil kind
---@return string|nil code
---@return string|nil message
function nginx.start(core_client, ...)
  local engine, kind, code, message = engage(core_client)
  if not engine then
    return nil, kind, code, message
  end
  return core_client:start(...)
end

--- Waits for a started exchange. An error raised by the listener cancels the exchange and is raised
--- again unchanged.
---@param _ table the core's client
---@param exchange table
---@param listener? fun(state: string, first: any, second: any): boolean? receives each "data" and
--- "progress"; false cancels the exchange
---@param tick? fun(): number called while it waits, after each second at the latest
---@return table|nil reply and what else `exchange:result()` returns
---@return any companion
---@return string|nil code
---@return string|nil message
function nginx.finish(_, exchange, listener, tick)
  local engine, turn = present, 0
  while true do
    if tick then
      tick()
    end
    local state, first, second = exchange:run(0)
    if state == "done" then
      dispatcher.leave(engine)
      return exchange:result()
    elseif state == "wait" then
      turn = turn + 1
      dispatcher.wait(engine, exchange, turn)
    else
      turn = 0
      if not pcall_compat.listen(exchange, listener, state, first, second) then
        return nil, "cancelled", nil, "the call was cancelled"
      end
    end
  end
end

--- Sends a request of a client that may have no engine yet, or reports why it cannot wait here.
local function call_engaged(core_client, ...)
  local exchange, kind, code, message = nginx.start(core_client, "call", ...)
  if not exchange then
    return exchange, kind, code, message
  end
  return nginx.finish(core_client, exchange)
end

--- Sends one request and waits for its answer. Crosses into C only twice, because each crossing
--- ends a LuaJIT trace.
---@param core_client table
---@param method string
---@param path string|nil
---@param seconds number|nil time limit
---@param resend boolean
---@param body string|nil
---@param more table|nil
---@return any ... as the `call` of the core's client
function nginx.call(core_client, method, path, seconds, resend, body, more)
  local engine, idle = given[core_client], idle_of[core_client]
  if not engine or not waiting_phases[ngx.get_phase()] then
    return call_engaged(core_client, method, path, seconds, resend, body, more)
  end
  local count, turn = #idle, 0
  local spare = idle[count]
  idle[count] = nil
  local exchange, running =
    core_client:start("call", method, path, seconds, resend, body, more, spare, true)
  if not exchange then
    idle[count] = spare
    return call_engaged(core_client, method, path, seconds, resend, body, more)
  end
  local status, second, third, fourth, advisory, authenticated
  repeat
    if running then
      turn = turn + 1
      dispatcher.wait(engine, exchange, turn)
    end
    status, second, third, fourth, advisory, authenticated = exchange:result()
  until status ~= false
  dispatcher.leave(engine)
  count = #idle
  if count < IDLE_MOST then
    idle[count + 1] = exchange
  end
  return status, second, third, fourth, advisory, authenticated
end

--- Returns the transport's name for `status()`, with the reason if calls poll.
---@return string
function nginx.describe()
  local problem = dispatcher and dispatcher.problem()
  return problem and ("nginx (polling: %s)"):format(problem) or "nginx"
end

return nginx
