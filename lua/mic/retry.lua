--- Sending again: the option `retry` as it counts for one call, and the wait before the next try.

local core = require "mic.core"
local policy = require "mic.policy"

local retry = {}

--- What the option of a call and that of its client come to.
---@param self table the inside of a client: retry, retry_defaults, retry_budget
---@param own table|false|nil the call's own option; nil: the client's counts
---@return table|false settings attempts, base, cap, budget; false: each request is sent once
function retry.settings(self, own)
  local clients, defaults = self.retry, self.retry_defaults
  if own == nil then
    own = clients
  end
  if not own then
    return false
  end
  clients = clients or defaults
  return {
    attempts = own.attempts or clients.attempts or defaults.attempts,
    base = own.base or clients.base or defaults.base,
    cap = own.cap or clients.cap or defaults.cap,
    budget = self.retry_budget,
  }
end

--- The seconds that a Retry-After asks for, in either of its forms. A date is one of the server's
--- clock, so it is compared with what the same answer says of the time.
---@param headers table|nil of the answer, lower-case names
---@param client table the core's
---@return number|nil seconds
function retry.after(headers, client)
  local text = headers and headers["retry-after"]
  if not text then
    return nil
  end
  local seconds = tonumber(text:match "^%s*(%d+)%s*$")
  if seconds then
    return seconds
  end
  local date = core.parse_date(text)
  local now = headers.date and core.parse_date(headers.date) or client:wall()
  return date and math.max(0, date - now)
end

--- Whether there is another try, and after what delay: what the policy says, while the budget of
--- the client allows it.
---@param settings table|false
---@param facts table of `policy.retry_delay`; attempts, base and cap are added
---@return number|nil delay seconds; nil: none
function retry.delay(settings, facts)
  if not settings then
    return nil
  end
  facts.attempts, facts.base, facts.cap = settings.attempts, settings.base, settings.cap
  local delay = policy.retry_delay(facts)
  return delay and settings.budget:spend() and delay or nil
end

return retry
