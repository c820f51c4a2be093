--- Backoff after a failed login or refresh: until it ends, calls that need one fail with its error.

local errors = require "mic.error"
local renewal_policy = require "mic.credentials.renewal_policy"

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

--- Returns the failures in a row before the next one: its own, or those that a process has saved.
---@param now number on the transport's clock
---@param saved number failures that led to the saved backoff
---@param left number seconds until the end of the saved backoff, negative after it
---@return number failures
function backoff_methods:failures_before(now, saved, left)
  local own = renewal_policy.failures_left(self.failures, (self.ends or 0) - now)
  return math.max(own, renewal_policy.failures_left(saved, left))
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
