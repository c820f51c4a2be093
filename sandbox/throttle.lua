--- Throttling like a usage plan's: a token bucket and a quota. The real limits are not known, so
--- there are none until the modes `rate`, `burst` and `quota` set them.
local state = require "sandbox.state"

local throttle = {}

local dict = ngx.shared.state

-- How many requests the bucket holds when it is full.
local function bucket()
  local burst = state.mode "burst"
  return burst > 0 and burst or math.max(1, math.floor(state.mode "rate"))
end

-- Takes a token from the bucket; false if it is empty.
local function take()
  local rate = state.mode "rate"
  if rate == 0 then
    return true
  end
  local time, full = state.now(), bucket()
  local passed = math.max(0, time - (dict:get "throttle:time" or time))
  local left = math.min(full, (dict:get "throttle:left" or full) + passed * rate)
  dict:set("throttle:time", time)
  if left < 1 then
    dict:set("throttle:left", left)
    return false
  end
  dict:set("throttle:left", left - 1)
  return true
end

-- Counts the request against the quota; false when that is used up. Sources disagree whether
-- refused requests count, too: here they do not.
local function spend()
  local quota, used = state.mode "quota", dict:get "throttle:used" or 0
  if quota > 0 and used >= quota then
    return false
  end
  dict:set("throttle:used", used + 1)
  return true
end

--- Checks whether this request exceeds a limit.
---@return string? refusal what to answer, one of reply's own: "throttled" or "quota"
function throttle.refusal()
  local refusal = not take() and "throttled" or not spend() and "quota" or nil
  if refusal then
    state.count "throttled"
  end
  return refusal
end

--- Modes were set: a new rate or burst begins with a full bucket, a new quota is unused.
---@param modes table those that were given
function throttle.changed(modes)
  if modes.rate or modes.burst then
    dict:delete "throttle:time"
    dict:delete "throttle:left"
  end
  if modes.quota then
    dict:delete "throttle:used"
  end
end

return throttle
