--- Blocking transport: a call waits in the calling thread; no other thread is started.

local core = require "mic.core"
local pcall_compat = require "mic.pcall_compat"

local blocking = {
  name = "blocking",
}

local LONG = 3600 -- seconds; the exchange's own timeout is shorter

--- Seconds on a monotonic clock.
---@return number
blocking.now = core.now

--- Seconds since 1970, from the system clock.
---@return number
blocking.wall = core.wall

--- A random number, 0 <= random < 1, from the operating system.
---@return number
blocking.random = core.random

--- Waits.
---@param seconds number
function blocking.sleep(seconds)
  core.sleep(seconds)
end

--- Runs a task in line: it has ended on return.
---@param task function a module-level function
---@param ... any its arguments
---@return boolean aside true if it runs as a task of its own: never here
function blocking.spawn(task, ...)
  task(...)
  return false
end

--- True if the caller is a task and only that task waits: never here.
---@return boolean
function blocking.can_suspend()
  return false
end

--- Sleeps for the whole time: nothing can wake the only task.
---@param _ table
---@param seconds number
function blocking.park(_, seconds)
  core.sleep(seconds)
end

--- Does nothing: there is only one task.
---@param _ table
function blocking.wake(_)
  return
end

--- Starts an exchange.
---@param core_client table
---@param ... any what `core_client:start` takes
---@return table|nil exchange or nil, kind, code, message
function blocking.start(core_client, ...)
  return core_client:start(...)
end

--- Sends one request and waits for its answer.
---@param core_client table
---@param method string
---@param path string|nil
---@param seconds number|nil time limit
---@param resend boolean
---@param body string|nil
---@param more table|nil
---@return any ... as the `call` of the core's client
function blocking.call(core_client, method, path, seconds, resend, body, more)
  return core_client:call(method, path, seconds, resend, body, more)
end

--- Waits for a started exchange. An error raised by the listener cancels the exchange and is raised
--- again unchanged.
---@param _ table the core's client
---@param exchange table
---@param listener? fun(state: string, first: any, second: any): boolean? receives each "data" and
--- "progress"; false cancels the exchange
---@param tick? fun(): number called while it waits; returns the seconds until its next call
---@return table|nil reply and what else `exchange:result()` returns
---@return any companion
---@return string|nil code
---@return string|nil message
function blocking.finish(_, exchange, listener, tick)
  while true do
    local state, first, second = exchange:run(tick and tick() or LONG)
    if state == "done" then
      return exchange:result()
    end
    if state ~= "wait" and not pcall_compat.listen(exchange, listener, state, first, second) then
      return nil, "cancelled", nil, "the call was cancelled"
    end
  end
end

return blocking
