--- Time for specs: clocks, sleeping, and waiting for a condition.

local blocking = require "mic.transport.blocking"
local core = require "mic.core"

local clock = {}

clock.now, clock.wall, clock.sleep = core.now, core.wall, core.sleep

--- Waits for a condition.
---@param condition fun(): any
---@param seconds? number how long at most, 5 by default
---@return boolean met
---@return number seconds how long it took
function clock.eventually(condition, seconds)
  local began = core.now()
  while core.now() < began + (seconds or 5) do
    if condition() then
      return true, core.now() - began
    end
    core.sleep(0.01)
  end
  return false, seconds or 5
end

--- Makes a blocking transport with clocks of its own.
---@return table transport `later`: how many seconds its clocks are ahead, 0 at first
function clock.transport()
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
