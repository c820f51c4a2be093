--- Refresh windows, backoff times and retry times of refused logins: pure functions without clock,
--- network or state.

local renewal_policy = {}

local MINUTE = 60

--- The spec tests these numbers as a table.
local ADVISORY_SHARE, ADVISORY_MIN, ADVISORY_MAX, JITTER = 0.2, MINUTE, 15 * MINUTE, 0.1
local MANDATORY_SHARE, MANDATORY_MAX = 0.1, MINUTE
local LARGEST_MARGIN = 0.9
local BACKOFF_LEAST, BACKOFF_MAX, BACKOFF_SHARE = 1, MINUTE, 0.05
local FAILURES_KEPT = 2 * BACKOFF_MAX -- after the backoff; a later one begins a new row
local REFUSED_ONCE, REFUSED_AGAIN = 15 * MINUTE, 60 * MINUTE
local CLOCKS_APART = 5 * MINUTE -- largest accepted difference between machines that share a store

local function clamp(value, least, most)
  return math.max(least, math.min(most, value))
end

--- Returns the refresh windows of a token.
---@param lifetime number seconds
---@param margin number|nil option refresh_margin, in seconds before expiry
---@param random number 0 <= random < 1
---@return number advisory seconds before expiry from which a refresh is due
---@return number mandatory seconds before expiry from which the token is not sent without one
function renewal_policy.windows(lifetime, margin, random)
  local mandatory = math.min(MANDATORY_MAX, MANDATORY_SHARE * lifetime)
  if margin then
    local advisory = math.min(margin, LARGEST_MARGIN * lifetime)
    return advisory, math.min(mandatory, advisory)
  end
  local advisory = clamp(ADVISORY_SHARE * lifetime, ADVISORY_MIN, ADVISORY_MAX)
  advisory = advisory * (1 - JITTER + 2 * JITTER * random)
  return math.min(advisory, lifetime / 2), mandatory
end

--- Returns the backoff after a failed login or refresh. It is long while the token is good; without
--- a good token it starts short and doubles with each failure.
---
--- `facts`: left (seconds the token stays good, nil without a good one), lifetime (of the token in
--- seconds, nil if unknown), failures (in a row, including this one), retry_after (seconds that the
--- server asked for), random (0 <= random < 1).
---@param facts table
---@return number seconds
function renewal_policy.backoff(facts)
  local longest = BACKOFF_MAX
  if facts.lifetime then
    longest = clamp(BACKOFF_SHARE * facts.lifetime, BACKOFF_LEAST, BACKOFF_MAX)
  end
  if not facts.left then
    longest = math.min(longest, BACKOFF_LEAST * 2 ^ (facts.failures - 1))
  end
  local seconds = longest * (1 + facts.random) / 2
  if facts.left then
    seconds = math.min(seconds, math.max(facts.left, BACKOFF_LEAST)) -- retry when the token ends
  end
  return math.max(seconds, math.min(facts.retry_after or 0, BACKOFF_MAX))
end

--- Returns the rest of a saved backoff. One longer than BACKOFF_MAX comes from a wrong clock and is
--- ignored.
---@param retry_at number seconds since 1970; 0 for none
---@param wall number seconds since 1970
---@return number|nil seconds nil when it is over
function renewal_policy.backoff_left(retry_at, wall)
  local left = retry_at - wall
  return left > 0 and left <= BACKOFF_MAX and left or nil
end

--- Returns the failures in a row that a further one adds to. They count until two minutes after
--- their backoff, whether this process counted them or another one saved them. One longer than
--- BACKOFF_MAX comes from a wrong clock and is ignored.
---@param failures number in a row, that led to the backoff
---@param left number seconds until its end, negative after it
---@return number failures 0 if they no longer count
function renewal_policy.failures_left(failures, left)
  return left <= BACKOFF_MAX and left >= -FAILURES_KEPT and failures or 0
end

--- Returns how long a refused login is not retried automatically: 15 minutes after the first
--- refusal, 60 minutes after each further one. A time far in the future comes from a wrong clock
--- and is ignored.
---@param at number seconds since 1970
---@param times number refusals in a row
---@param wall number seconds since 1970
---@return number|nil seconds nil when it may be tried
function renewal_policy.refusal_left(at, times, wall)
  local wait = times > 1 and REFUSED_AGAIN or REFUSED_ONCE
  local left = at + wait - wall
  return left > 0 and left <= wait + CLOCKS_APART and left or nil
end

return renewal_policy
