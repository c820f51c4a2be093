--- What happens next: pure functions from facts to decisions. No clock, no network, no state.

local policy = {}

local MAX_REDIRECTS = 5
local MAX_RESENT = 3
local MAX_ENSURED = 2 -- a token that is stale right after a refresh lives too short to be used

local redirects = { [301] = true, [302] = true, [303] = true, [307] = true, [308] = true }

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

return policy
