--- The transport of a client that names none: at each call it is that of the loop in which the
--- caller runs, and `blocking` where there is none.

local blocking = require "mic.transport.blocking"
local core = require "mic.core"
local loops = require "mic.transport.loop"
local protect = require "mic.protect"

local found = { name = "found by itself", now = core.now, wall = core.wall, random = core.random }

local function in_coroutine()
  local running, is_main = coroutine.running()
  return running ~= nil and not is_main
end

local loaded = package.loaded

--- Loops that the program does not use are not loaded, so there is nothing to look for.
local function loop_around()
  local cqueues = loaded.cqueues
  if cqueues and cqueues.running() then
    return require "mic.transport.cqueues"
  end
  local uv = loaded.uv or loaded.luv
  if uv and uv.loop_mode and uv.loop_mode() and protect.outside(in_coroutine) then
    return require "mic.transport.luv"
  end
end

local function current()
  local loop = loop_around()
  return loop and loop.can_suspend() and loop or blocking
end

--- Whether the caller is one of several tasks, and the others go on while it waits.
---@return boolean
function found.can_suspend()
  local loop = loop_around()
  return loop ~= nil and loop.can_suspend()
end

for _, name in ipairs { "sleep", "spawn", "park", "start", "request", "finish" } do
  --- As that of the transport of the moment.
  found[name] = function(...)
    return current()[name](...)
  end
end

--- In whatever loop they are parked.
found.wake = loops.wake

return found
