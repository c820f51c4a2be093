--- What happens next: pure functions from facts to decisions. No clock, no network, no state.

local policy = {}

local MINUTE = 60

--- Everything that these numbers decide is tested as a table in the spec.
local MAX_REDIRECTS = 5
local MAX_RESENT = 3
local MAX_ENSURED = 2 -- a token that is stale right after a refresh lives too short to be used
local ADVISORY_SHARE, ADVISORY_MIN, ADVISORY_MAX, JITTER = 0.2, MINUTE, 15 * MINUTE, 0.1
local MANDATORY_SHARE, MANDATORY_MAX = 0.1, MINUTE
local LARGEST_MARGIN = 0.9
local PAUSE_LEAST, PAUSE_MAX, PAUSE_SHARE = 1, MINUTE, 0.05

local RETRY_AFTER_MAX = MINUTE
local REFUSED_ONCE, REFUSED_AGAIN = 15 * MINUTE, 60 * MINUTE
local CLOCKS_APART = 5 * MINUTE -- of the machines that share a store, at the most

local retried = { [429] = true, [500] = true, [502] = true, [503] = true, [504] = true }
local no_answer = { network = true, timeout = true }
local redirects = { [301] = true, [302] = true, [303] = true, [307] = true, [308] = true }
local repeatable = { GET = true, HEAD = true, OPTIONS = true, PUT = true, DELETE = true }

--- Whether sending a request twice does no more than sending it once.
---@param method string
---@return boolean
function policy.is_idempotent(method)
  return repeatable[method] or false
end

--- Why the location of an answer is not followed, without a look at what it says.
---
--- `facts`: status, location, same_origin, is_foreign (it is none of http or https), method, fetch
--- (an absolute URL was asked for), redirects (followed so far).
---@param facts table
---@return string|nil reason a clause; nil when there is nothing against it, or nothing to follow
function policy.redirect_obstacle(facts)
  if not redirects[facts.status] or not facts.location then
    return nil
  end
  if facts.is_foreign then
    return "it is no URL of http or https"
  end
  if not facts.same_origin and not facts.fetch then
    return "it leads to another origin"
  end
  if facts.method ~= "GET" and facts.method ~= "HEAD" then
    return "only GET and HEAD are followed"
  end
  if facts.redirects >= MAX_REDIRECTS then
    return "five others were followed before"
  end
  return nil
end

local function after_failure(facts)
  if facts.kind == "missing" or facts.kind == "stale" then
    return facts.ensured < MAX_ENSURED and "ensure" or "fail"
  end
  return "fail"
end

--- What to do with the outcome of an attempt that was no plain success.
---
--- `facts`: kind (of a failure; nil when there is a reply), status, means ("expired" or nil), auth
--- (the attempt carried credentials), generation (of those), present_generation, renewed (how often
--- this call was sent again after a renewal), resent (how often with credentials that somebody else
--- had brought), ensured (how often it waited for credentials), and those of `redirect_obstacle`.
---@param facts table
---@return "done"|"fail"|"ensure"|"renew"|"resend"|"redirect" action
function policy.decide(facts)
  if facts.kind then
    return after_failure(facts)
  end
  if facts.status >= 200 and facts.status < 300 then
    return "done"
  end
  if
    facts.means == "expired"
    and facts.auth
    and facts.renewed == 0
    and facts.resent < MAX_RESENT
  then
    return facts.generation == facts.present_generation and "renew" or "resend"
  end
  if redirects[facts.status] and facts.location and not policy.redirect_obstacle(facts) then
    return "redirect"
  end
  return "fail"
end

local function clamp(value, least, most)
  return math.max(least, math.min(most, value))
end

--- When to refresh a token of this lifetime.
---@param lifetime number seconds
---@param margin number|nil the user's own, in seconds before expiry
---@param random number 0 <= random < 1
---@return number advisory seconds before expiry from which a refresh is due
---@return number mandatory seconds before expiry from which the token is not used without one
function policy.windows(lifetime, margin, random)
  local mandatory = math.min(MANDATORY_MAX, MANDATORY_SHARE * lifetime)
  if margin then
    local advisory = math.min(margin, LARGEST_MARGIN * lifetime)
    return advisory, math.min(mandatory, advisory)
  end
  local advisory = clamp(ADVISORY_SHARE * lifetime, ADVISORY_MIN, ADVISORY_MAX)
  advisory = advisory * (1 - JITTER + 2 * JITTER * random)
  return math.min(advisory, lifetime / 2), mandatory
end

--- Whether to send a request again, and after what delay.
---
--- `facts`: attempts, base, cap (the option `retry`; seconds), tries (so far), status (nil without
--- an answer), kind (of a failure), idempotent, sent (false: provably nothing was), retry_after
--- (seconds that the server asked for), left (seconds until the deadline), random (0 <= random
--- < 1).
---@param facts table
---@return number|nil delay seconds; nil: do not
function policy.retry_delay(facts)
  local worth = facts.status and retried[facts.status] or no_answer[facts.kind]
  local allowed = facts.idempotent or facts.status == 429 or (not facts.status and not facts.sent)
  if not worth or not allowed or facts.tries >= facts.attempts then
    return nil
  end
  local delay = facts.retry_after
    or facts.random * math.min(facts.cap, facts.base * 2 ^ (facts.tries - 1))
  if delay > RETRY_AFTER_MAX or (facts.left and delay >= facts.left) then
    return nil
  end
  return delay
end

--- How long not to try again after a login or refresh that failed. While the token is good there
--- is time; without one the first pause is short, and each further one twice as long.
---
--- `facts`: left (seconds that the token is still good, nil when there is no good one), lifetime
--- (of the token in seconds, nil when not known), failures (in a row, this one included),
--- retry_after (seconds that the server asked for), random (0 <= random < 1).
---@param facts table
---@return number seconds
function policy.pause(facts)
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
function policy.pause_left(retry_at, wall)
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
function policy.refusal_left(at, times, wall)
  local wait = times > 1 and REFUSED_AGAIN or REFUSED_ONCE
  local left = at + wait - wall
  return left > 0 and left <= wait + CLOCKS_APART and left or nil
end

return policy
