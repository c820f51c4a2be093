--- When to refresh, how long to pause after a failure, when to try a refused login again: pure
--- functions from facts to decisions. No clock, no network, no state.

local renewal_policy = {}

local MINUTE = 60

--- Everything that these numbers decide is tested as a table in the spec.
local ADVISORY_SHARE, ADVISORY_MIN, ADVISORY_MAX, JITTER = 0.2, MINUTE, 15 * MINUTE, 0.1
local MANDATORY_SHARE, MANDATORY_MAX = 0.1, MINUTE
local LARGEST_MARGIN = 0.9
local PAUSE_LEAST, PAUSE_MAX, PAUSE_SHARE = 1, MINUTE, 0.05
local REFUSED_ONCE, REFUSED_AGAIN = 15 * MINUTE, 60 * MINUTE
local CLOCKS_APART = 5 * MINUTE -- of the machines that share a store, at the most

local function clamp(value, least, most)
  return math.max(least, math.min(most, value))
end

--- When to refresh a token of this lifetime.
---@param lifetime number seconds
---@param margin number|nil the user's own, in seconds before expiry
---@param random number 0 <= random < 1
---@return number advisory seconds before expiry from which a refresh is due
---@return number mandatory seconds before expiry from which the token is not used without one
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

--- How long not to try again after a login or refresh that failed. While the token is good there
--- is time; without one the first pause is short, and each further one twice as long.
---
--- `facts`: left (seconds that the token is still good, nil when there is no good one), lifetime
--- (of the token in seconds, nil when not known), failures (in a row, this one included),
--- retry_after (seconds that the server asked for), random (0 <= random < 1).
---@param facts table
---@return number seconds
function renewal_policy.pause(facts)
  local longest = PAUSE_MAX
  if facts.lifetime then
    longest = clamp(PAUSE_SHARE * facts.lifetime, PAUSE_LEAST, PAUSE_MAX)
  end
  if not facts.left then
    longest = math.min(longest, PAUSE_LEAST * 2 ^ (facts.failures - 1))
  end
  local seconds = longest * (1 + facts.random) / 2
  if facts.left then
    seconds = math.min(seconds, math.max(facts.left, PAUSE_LEAST)) -- another try when it ends
  end
  return math.max(seconds, math.min(facts.retry_after or 0, PAUSE_MAX))
end

--- How long a pause that somebody else has saved still lasts. One that is longer than any of ours
--- comes of a clock that is wrong, or was set, and does not count.
---@param retry_at number seconds since 1970; 0 for none
---@param wall number seconds since 1970
---@return number|nil seconds nil when it is over
function renewal_policy.pause_left(retry_at, wall)
  local left = retry_at - wall
  return left > 0 and left <= PAUSE_MAX and left or nil
end

--- How long a login that the API has refused is not tried again by itself: a quarter of an hour,
--- and then an hour each time. A refusal that is more than a little in the future comes of a clock
--- that was wrong, and does not count.
---@param at number seconds since 1970
---@param times number how often it was refused in a row
---@param wall number seconds since 1970
---@return number|nil seconds nil when it may be tried
function renewal_policy.refusal_left(at, times, wall)
  local wait = times > 1 and REFUSED_AGAIN or REFUSED_ONCE
  local left = at + wait - wall
  return left > 0 and left <= wait + CLOCKS_APART and left or nil
end

return renewal_policy
