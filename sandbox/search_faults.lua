--- Faults of a search: the mode `search_faults` lets each n-th search fail, in turn with each of
--- these; `largest_search` is the most hits of an answer, `too_large` what a larger one becomes.
local reply = require "sandbox.reply"
local state = require "sandbox.state"

local search_faults = {}

local TOO_LARGE = '{"errorMessage":"Response payload size exceeded maximum allowed payload size"}'

-- What happens instead of an answer, or to it: a function, or the name of a change of the answer.
local FAULTS = {
  function()
    reply.gateway "throttled"
  end,
  "shards",
  function()
    reply.gateway "unavailable"
  end,
  "timed_out",
  function()
    reply.gateway "broken_integration"
  end,
}

--- What happens to this search.
---@return string? change "shards" or "timed_out": of the answer
---@return boolean answered
function search_faults.next()
  local every = state.mode "search_faults"
  if every == 0 then
    return nil, false
  end
  local number = state.count "searches"
  if number % every ~= 0 then
    return nil, false
  end
  local fault = FAULTS[(number / every - 1) % #FAULTS + 1]
  if type(fault) == "string" then
    return fault, false
  end
  fault()
  return nil, true
end

--- Answers a search that has too many hits.
---@param count integer of hits in the answer
---@return boolean answered
function search_faults.is_too_large(count)
  local most = state.mode "largest_search"
  if most == 0 or count <= most then
    return false
  end
  if state.mode "too_large" == "status" then
    reply.gateway "broken_integration"
  else
    reply.ok(TOO_LARGE)
  end
  return true
end

return search_faults
