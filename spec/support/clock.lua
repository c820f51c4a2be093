--- Time for specs: clocks, sleeping, and waiting for a condition.

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

return clock
