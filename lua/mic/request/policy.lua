--- Next step after an attempt: pure functions without clock, network or state.

local policy = {}

local MAX_REDIRECTS = 5
local MAX_RESENT = 3
local MAX_ENSURED = 2 -- a token that is stale right after a refresh has too short a lifetime

local redirects = { [301] = true, [302] = true, [303] = true, [307] = true, [308] = true }

--- Returns why a redirect is not followed, judged without reading its location.
---
--- `facts`: status, location, same_origin, is_foreign (neither http nor https), method, fetch (the
--- call has an absolute URL), redirects (followed so far).
---@param facts table
---@return string|nil reason a clause; nil if nothing speaks against it, or there is no redirect
function policy.redirect_obstacle(facts)
  if not redirects[facts.status] or not facts.location then
    return nil
  end
  if facts.is_foreign then
    return "it is not an http or https URL"
  end
  if not facts.same_origin and not facts.fetch then
    return "it leads to another origin"
  end
  if facts.method ~= "GET" and facts.method ~= "HEAD" then
    return "only GET and HEAD are followed"
  end
  if facts.redirects >= MAX_REDIRECTS then
    return "the limit of 5 redirects is reached"
  end
  return nil
end

local function after_failure(facts)
  if facts.kind == "missing" or facts.kind == "stale" then
    return facts.ensured < MAX_ENSURED and "ensure" or "fail"
  end
  return "fail"
end

--- Decides what to do after an attempt that was not a plain success.
---
--- `facts`: kind (of a failure; nil when there is a reply), status, means ("expired" or nil), auth
--- (the attempt carried credentials), generation (of those), present_generation, renewed (resends
--- after a renewal), resent (resends with credentials that others obtained), ensured (waits for
--- credentials), and those of `redirect_obstacle`.
---@param facts table
---@return "done"|"fail"|"ensure"|"renew"|"resend"|"redirect" action
function policy.decide(facts)
  if facts.kind then
    return after_failure(facts)
  end
  if
    facts.means == "expired"
    and facts.auth
    and facts.renewed == 0
    and facts.resent < MAX_RESENT
  then
    return facts.generation == facts.present_generation and "renew" or "resend"
  end
  if facts.status >= 200 and facts.status < 300 then
    return "done"
  end
  if redirects[facts.status] and facts.location and not policy.redirect_obstacle(facts) then
    return "redirect"
  end
  return "fail"
end

return policy
