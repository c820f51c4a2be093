--- Retries: merges the option `retry` of call and client, and decides on the delay.

local core = require "mic.core"

local retry = {}

local RETRY_AFTER_MAX = 60 -- seconds

local retried = { [429] = true, [500] = true, [502] = true, [503] = true, [504] = true }
local no_answer = { network = true, timeout = true }
local repeatable = { GET = true, HEAD = true, OPTIONS = true, PUT = true, DELETE = true }

--- True if repeating a request has the same effect as sending it once.
---@param method string
---@param path any at the API
---@param searches? table<string, true> paths of POST requests that only search
---@return boolean
function retry.is_idempotent(method, path, searches)
  if searches and method == "POST" and type(path) == "string" then
    return searches[path:match "^[^?]*"] or false
  end
  return repeatable[method] or false
end

--- Decides whether to retry, and after what delay.
---
--- `facts`: attempts, base, cap (option `retry`; base and cap in seconds), tries (so far), status
--- (nil without an answer), kind (of a failure), idempotent, sent (false: certainly nothing was
--- sent), retry_after (seconds that the server asked for), left (seconds until the deadline),
--- random (0 <= random < 1), again (true: whatever the status is).
---@param facts table
---@return number|nil delay seconds; nil: no retry
function retry.decide(facts)
  local worth = facts.again or facts.status and retried[facts.status] or no_answer[facts.kind]
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

--- Merges the retry option of a call with that of its client.
---@param self table the client state: retry, retry_defaults, retry_budget
---@param own table|false|nil the call's option; nil: the client's applies
---@return table|false settings attempts, base, cap, budget; false: no retries
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

--- Returns the seconds of a Retry-After, given as seconds or as a date. A date is compared with the
--- Date of the same answer, because both come from the server's clock.
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

--- Returns the delay of the next retry, if the client's retry budget allows one.
---@param settings table|false
---@param facts table of `retry.decide`; attempts, base and cap are added
---@return number|nil delay seconds; nil: none
function retry.delay(settings, facts)
  if not settings then
    return nil
  end
  facts.attempts, facts.base, facts.cap = settings.attempts, settings.base, settings.cap
  local delay = retry.decide(facts)
  return delay and settings.budget:spend() and delay or nil
end

return retry
