--- Transport for cqueues.

local condition = require "cqueues.condition"
local cqueues = require "cqueues"
local loop = require "mic.transport.loop"

local functions = { name = "cqueues" }

local poll = { events = "r" }

--- True in a coroutine of the controller: it can suspend no others.
function functions.running()
  local controller, is_its_own = cqueues.running()
  return controller and is_its_own
end

function functions.wait(descriptor, seconds)
  poll.pollfd = descriptor
  cqueues.poll(poll, seconds)
end

function functions.park(spot, seconds)
  spot.condition = spot.condition or condition.new()
  spot.condition:wait(seconds)
end

function functions.wake(spot)
  if spot.condition then
    spot.condition:signal()
  end
end

function functions.spawn(task, ...)
  cqueues.running():wrap(task, ...)
end

local transport = loop.new(functions)

return transport
