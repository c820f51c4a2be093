--- Retry budget of a client, so that retries do not multiply an outage: one retry for ten
--- successful calls, ten to start with.

local retry_budget = {}
local retry_budget_methods = {}
local retry_budget_mt = { __name = "mic.http.retry_budget", __index = retry_budget_methods }

--- Counted in tenths of a retry, so that ten successes are exactly one retry.
local COST = 10
local LARGEST = 10 * COST
local EARNED = 1

--- Makes a full budget.
---@return table budget
function retry_budget.new()
  return setmetatable({ left = LARGEST, is_full = true }, retry_budget_mt)
end

--- Adds a successful call.
function retry_budget_methods:earn()
  self.left = math.min(LARGEST, self.left + EARNED)
  self.is_full = self.left == LARGEST
end

--- Takes one retry.
---@return boolean allowed
function retry_budget_methods:spend()
  if self.left < COST then
    return false
  end
  self.left, self.is_full = self.left - COST, false
  return true
end

return retry_budget
