--- The transport of plain Lua: the calling thread waits, and no thread is started.

local core = require "mic.core"
local pcall_compat = require "mic.pcall_compat"

local blocking = {
  name = "blocking",
}

local LONG = 3600 -- seconds; a call ends at its own timeout long before

--- Seconds on a clock that never goes back.
---@return number
blocking.now = core.now

--- Seconds since 1970, by the system's clock.
---@return number
blocking.wall = core.wall

--- A random number, 0 <= random < 1, from the system.
---@return number
blocking.random = core.random

--- Waits.
---@param seconds number
function blocking.sleep(seconds)
  core.sleep(seconds)
end

--- Runs a task. Here that is in line: it has ended when this returns.
---@param task function a module-level function
---@param ... any its arguments
---@return boolean aside whether it is a task of its own: never here
function blocking.spawn(task, ...)
  task(...)
  return false
end

--- Whether the caller is one of several tasks, and the others go on while it waits: never here.
---@return boolean
function blocking.can_suspend()
  return false
end

--- Waits for as long as nobody can end it.
---@param _ table
---@param seconds number
function blocking.park(_, seconds)
  core.sleep(seconds)
end

--- Wakes nobody: there is only this one task.
---@param _ table
function blocking.wake(_)
  return
end

--- Begins an exchange.
---@param core_client table
---@param ... any what `core_client:start` takes
---@return table|nil exchange or nil, kind, code, message
function blocking.start(core_client, ...)
  return core_client:start(...)
end

--- Sends one request and waits for its answer.
---@param core_client table
---@param spec table
---@return table|nil reply
---@return string|nil hint or, after nil: kind, code, message
---@return string|nil code
---@return string|nil message
function blocking.request(core_client, spec)
  return core_client:request(spec)
end

--- Waits for an exchange that was started. An error that the listener raises ends the exchange and
--- comes out unchanged.
---@param _ table the core's client
---@param exchange table
---@param listener? fun(news: string, first: any, second: any): boolean? gets each "data" and
--- "progress"; false ends the exchange
---@return table|nil reply and what else `exchange:result()` returns
---@return any companion
---@return string|nil code
---@return string|nil message
function blocking.finish(_, exchange, listener)
  while true do
    local news, first, second = exchange:run(LONG)
    if news == "done" then
      return exchange:result()
    end
    if news ~= "wait" and not pcall_compat.listen(exchange, listener, news, first, second) then
      return nil, "cancelled", nil, "the call was cancelled"
    end
  end
end

return blocking
