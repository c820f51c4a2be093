--- Time for specs: clocks, sleeping, and waiting for a condition.

local blocking = require "mic.transport.blocking"
local core = require "mic.core"

local clock = {}

clock.now, clock.wall, clock.sleep = core.now, core.wall, core.sleep

--- Far more than anything takes, on a machine that stands still for seconds as well.
local LONGEST_SECONDS = 60

--- Waits for a condition.
---@param condition fun(): any
---@param seconds? number how long at most, a minute by default
---@return boolean met
---@return number seconds how long it took
function clock.eventually(condition, seconds)
  local began = core.now()
  repeat
    local is_late = core.now() >= began + (seconds or LONGEST_SECONDS) -- then it is asked once more
    if condition() then
      return true, core.now() - began
    end
    core.sleep(0.01)
  until is_late
  return false, core.now() - began
end

--- Makes a blocking transport with clocks of its own: time passes only as it waits, at once.
---@return table transport `later`: how many seconds have passed; a spec may add to it
function clock.transport()
  local transport = setmetatable({ later = 0 }, { __index = blocking })
  local began, began_wall = core.now(), core.wall()
  function transport.now()
    return began + transport.later
  end
  function transport.wall()
    return began_wall + transport.later
  end
  function transport.sleep(seconds)
    transport.later = transport.later + seconds
  end
  function transport.park(_, seconds)
    transport.sleep(seconds)
  end
  return transport
end

--- The same for a process that others wait for: time passes as it really does.
function clock.shared_transport()
  local transport = setmetatable({ later = 0 }, { __index = blocking })
  function transport.now()
    return core.now() + transport.later
  end
  function transport.wall()
    return core.wall() + transport.later
  end
  return transport
end

return clock
