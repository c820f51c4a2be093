--- Exchange of the simulated core: in flight until the network has an outcome.

local exchange = {}
local exchange_methods = {}
local exchange_mt = { __index = exchange_methods }

--- Makes one in flight.
---@param world table
---@param read fun(outcome: table): ... makes the result of the outcome; the second
--- is the record where there is one
---@return table exchange
function exchange.new(world, read)
  return setmetatable({ world = world, read = read, simulated = true }, exchange_mt)
end

--- Ends the exchange and wakes the waiting task.
---@param outcome table
function exchange_methods:finish(outcome)
  if self.outcome then
    return
  end
  self.outcome = outcome
  if self.waiting then
    self.world:wake(self.waiting)
  end
end

--- Waits until it has ended.
---@param seconds? number at the most
---@return "done"|"wait"
function exchange_methods:run(seconds)
  local world = self.world
  if not self.outcome and (not seconds or seconds > 0) then
    local ticket = world:ticket()
    self.waiting = ticket
    if seconds and seconds < 3600 then
      world:after(seconds, world:wake_event(), ticket)
    end
    world.wait()
  end
  return self.outcome and "done" or "wait"
end

--- The outcome, as the core's.
function exchange_methods:result()
  local function keep(reply, companion, ...)
    self.kept = reply and companion
    return reply, companion, ...
  end
  return keep(self.read(self.outcome))
end

--- The record of a login or refresh once more.
function exchange_methods:record()
  return self.kept
end

--- Ends it.
function exchange_methods:cancel()
  self:finish { kind = "cancelled", message = "the call was cancelled", sent = true }
end

return exchange
