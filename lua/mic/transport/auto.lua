--- The transport of a client that names none: at each call it is that of the loop in which the
--- caller runs, and `blocking` where there is none.

local blocking = require "mic.transport.blocking"
local core = require "mic.core"
local loops = require "mic.transport.loop"
local pcall_compat = require "mic.pcall_compat"

local auto = { name = "found by itself", now = core.now, wall = core.wall, random = core.random }

local loaded = package.loaded

local ngx = rawget(_G, "ngx") -- nginx puts it into a Lua state before anything runs there
local in_nginx = type(ngx) == "table" and ngx.get_phase ~= nil and ngx.timer ~= nil

local function in_coroutine()
  local running, is_main = coroutine.running()
  return running ~= nil and not is_main
end

--- Whether this Lua state is one of nginx's.
---@return boolean
function auto.is_in_nginx()
  return in_nginx
end

--- The transport of a loop. Where it cannot be loaded calls fail, and the next ones try again.
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
  local failing = { start = fail, request = fail, can_suspend = can_suspend }
  return setmetatable(failing, { __index = blocking })
end

--- Loops that the program does not use are not loaded, so there is nothing to look for.
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
    return (pcall_compat.load "mic.transport.luv") -- tells once that the call blocks the loop
  end
end

local function current()
  if in_nginx then
    return transport_of "mic.transport.nginx"
  end
  local loop = loop_around()
  return loop and loop.can_suspend() and loop or blocking
end

--- Whether the caller is one of several tasks, and the others go on while it waits.
---@return boolean
function auto.can_suspend()
  if not (in_nginx or loaded.cqueues or loaded.uv or loaded.luv) then
    return false -- soon told: every call asks
  end
  local transport = current()
  return transport ~= blocking and transport.can_suspend()
end

for _, name in ipairs { "sleep", "spawn", "park", "start", "request", "finish" } do
  --- As that of the transport of the moment.
  auto[name] = function(...)
    return current()[name](...)
  end
end

--- That of nginx, where this is one: a Lua state is so for good.
auto.plain_get = auto.is_in_nginx() and function(...)
  return current().plain_get(...)
end or nil

--- Wakes all tasks that are parked for this, in whatever loop.
---@param what table
function auto.wake(what)
  local wake = in_nginx and current().wake or loops.wake
  wake(what)
end

--- Why a call cannot wait here; nil when it can.
---@return string|nil problem
function auto.problem()
  local problem = current().problem
  return problem and problem()
end

--- How calls wait at this place.
---@return string
function auto.describe()
  local transport = current()
  return transport.describe and transport.describe() or transport.name
end

--- Runs a task that ends with what its caller belongs to.
---@param task function
---@param ... any
function auto.spawn_beside(task, ...)
  local transport = current()
  local spawn = transport.spawn_beside or transport.spawn
  spawn(task, ...)
end

return auto
