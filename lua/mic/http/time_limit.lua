--- Time limits: when a call has to have ended, and how long an attempt of it may take.

local time_limit = {}

--- Returns the time, on the transport's clock, at which a call that starts now has to have ended;
--- nil for no limit.
---@param self table the client state: transport, deadline
---@param deadline number|false|nil seconds; nil: the client's
---@return number|nil ends
function time_limit.ends(self, deadline)
  if deadline == nil then
    deadline = self.deadline
  end
  return deadline and self.transport.now() + deadline or nil
end

--- Returns the seconds that the next attempt may take; nil if the deadline has passed.
---@param timeout number seconds of an attempt
---@param left number|nil seconds until the deadline; nil: there is none
---@return number|nil seconds
function time_limit.of_attempt(timeout, left)
  if not left then
    return timeout
  end
  if left <= 0 then
    return nil
  end
  return left < timeout and left or timeout
end

return time_limit
