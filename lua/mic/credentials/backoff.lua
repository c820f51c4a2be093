--- Backoff after a failed login or refresh: until it ends, calls that need one fail with its error.

local errors = require "mic.error"

local backoff = {}
local backoff_methods = {}
local backoff_mt = { __name = "mic.credentials.backoff", __index = backoff_methods }

--- Makes a backoff that is over.
---@return table backoff
function backoff.new()
  return setmetatable({ ends = nil, err = nil, failures = 0 }, backoff_mt)
end

--- Starts the backoff.
---@param now number on the transport's clock
---@param seconds number
---@param err table the failure
function backoff_methods:begin(now, seconds, err)
  self.ends, self.err = now + seconds, err
end

--- Returns the seconds left.
---@param now number on the transport's clock
---@return number|nil seconds nil when it is over
function backoff_methods:left(now)
  return self.ends and self.ends > now and self.ends - now or nil
end

--- Returns a copy of the failure, with the time of the next attempt.
---@param now number on the transport's clock
---@return table err a new object
function backoff_methods:error(now)
  local err = errors.copy(self.err)
  local next_try = ("the next attempt is in %d s"):format(math.ceil(self:left(now) or 0))
  err.hint = err.hint and err.hint .. "; " .. next_try or next_try
  err.attempts = 0
  return err
end

--- Ends the backoff after a successful login or refresh.
function backoff_methods:finish()
  self.ends, self.err, self.failures = nil, nil, 0
end

return backoff
