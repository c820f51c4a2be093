--- Default transport: at each call that of the event loop around the caller, otherwise `blocking`.

local blocking = require "mic.transport.blocking"
local core = require "mic.core"
local pcall_compat = require "mic.pcall_compat"

local auto = { name = "automatic", now = core.now, wall = core.wall, random = core.random }

local loaded = package.loaded

local ngx = rawget(_G, "ngx") -- set by nginx before any Lua code runs
local in_nginx = type(ngx) == "table" and ngx.get_phase ~= nil and ngx.timer ~= nil

local function in_coroutine()
  local running, is_main = coroutine.running()
  return running ~= nil and not is_main
end

--- True if this Lua state belongs to nginx.
---@return boolean
function auto.is_in_nginx()
  return in_nginx
end

--- Returns the transport of a loop. If it cannot be loaded, calls fail; the next call tries again.
local function transport_of(name)
  if loaded[name] then
    return loaded[name]
  end
  local transport, kind, code, message = pcall_compat.load(name)
  if transport then
    return transport
  end
  local function fail()
    return nil, kind, code, message
  end
  local function can_suspend()
    return true
  end
  local failing = { start = fail, call = fail, can_suspend = can_suspend }
  return setmetatable(failing, { __index = blocking })
end

--- Finds the loop around the caller. A loop that is not loaded is not in use.
local function loop_around()
  local cqueues = loaded.cqueues
  if cqueues and cqueues.running() then
    return transport_of "mic.transport.cqueues"
  end
  local uv = loaded.uv or loaded.luv
  if uv and uv.loop_mode and uv.loop_mode() then
    if pcall_compat.outside(in_coroutine) then
      return transport_of "mic.transport.luv"
    end
    return (pcall_compat.load "mic.transport.luv") -- warns once that the call blocks the loop
  end
end

--- Returns the transport of this place.
---@return table transport
function auto.current()
  if in_nginx then
    return transport_of "mic.transport.nginx"
  elseif not (loaded.cqueues or loaded.uv or loaded.luv) then
    return blocking -- fast: every call asks
  end
  local loop = loop_around()
  return loop and loop.can_suspend() and loop or blocking
end

local current = auto.current

--- True if the caller is a task of a loop, and only that task waits.
---@return boolean
function auto.can_suspend()
  local transport = current()
  return transport ~= blocking and transport.can_suspend()
end

for _, name in ipairs { "sleep", "spawn", "park", "start", "call", "finish" } do
  --- Delegates to the current transport.
  auto[name] = function(...)
    return current()[name](...)
  end
end

--- Wakes all tasks parked on this, in any loop.
---@param what table
function auto.wake(what)
  local waker = in_nginx and current() or loaded["mic.transport.loop"]
  if waker then -- else no loop has a task
    waker.wake(what)
  end
end

--- Returns why a call cannot wait here; nil if it can.
---@return string|nil problem
function auto.problem()
  local problem = current().problem
  return problem and problem()
end

--- Returns the name of the current transport, for `status()`.
---@return string
function auto.describe()
  local transport = current()
  return transport.describe and transport.describe() or transport.name
end

--- Runs a task that ends with its caller's request or loop.
---@param task function
---@param ... any
function auto.spawn_beside(task, ...)
  local transport = current()
  local spawn = transport.spawn_beside or transport.spawn
  spawn(task, ...)
end

return auto
