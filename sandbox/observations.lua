--- Observations: generated from the time of the start, always the same values. Every reporting
--- thing has sent one an hour for a day, the last one a minute before the start.
local arguments = require "sandbox.arguments"
local fields = require "sandbox.fields"
local many_observations = require "sandbox.many_observations"
local reply = require "sandbox.reply"
local rights = require "sandbox.rights"
local search = require "sandbox.search"
local state = require "sandbox.state"

local observations = {}

local HOURS = 24
local NAMES = { "timestamp", "thingName", "thingType", "state" }
local MEMBERS = arguments.set { "queryScope", "query" }

-- What a thing of each type reports: `number` of the thing, `hour` before the start.
local REPORTS = {
  ["191"] = function(number, hour)
    return {
      temperature = 21.5 - (hour * 3 + number) % 16 / 2, wind = (hour * 5 + number) % 20 / 2,
      -- Both forms are known: a text, and two numbers.
      latlng = number % 2 == 0 and "59.9,10.7" or { 59.9, 10.7 },
    }
  end,
  ["192"] = function(number, hour)
    return { taken = (hour + number) % 3 == 0 }
  end,
  ["air-quality"] = function(number, hour)
    return { co2 = 400 + (hour * 7 + number) % 50, pm25 = 2 + (hour + number * 3) % 30 / 2 }
  end,
  door = function(_, hour)
    return { open = hour % 2 == 0 }
  end,
}

-- The things that report; others never do. Name, type, domain.
local REPORTING = {
  { "00001570", "191", "oslo-harbour" }, { "00001571", "191", "oslo-harbour" },
  { "00001573", "191", "bergen" },
  { "00001582", "192", "oslo-centre" }, { "00001590", "192", "bergen-harbour" },
  { "00001594", "air-quality", "oslo-centre" }, { "00001598", "air-quality", "gothenburg" },
  { "front-door", "door", "trondheim" },
}

local function observation(number, hour)
  local name, kind, domain = unpack(REPORTING[number], 1, 3)
  local timestamp = state.started() * 1000 - 60000 - hour * 3600000 - number * 1007
  return {
    domain = domain, index = "observations", kind = "observation",
    id = string.format("%s-%d", name, timestamp), names = NAMES,
    source = {
      timestamp = timestamp, thingName = name, thingType = kind,
      state = REPORTS[kind](number - 1, hour),
    },
  }
end

--- What a thing reported last; nil when it never did.
---@param name string
---@return table? state
---@return integer? timestamp milliseconds
function observations.last(name)
  for number, row in ipairs(REPORTING) do
    if row[1] == name then
      local source = observation(number, 0).source
      return source.state, source.timestamp
    end
  end
end

-- The set of thing types that the call limits itself to: nil for all, false when it is no list.
local function scope(given)
  if fields.is_absent(given) then
    return nil
  end
  local types = type(given) == "table" and given.thingTypes
  if fields.is_absent(types) then
    return nil
  end
  if type(types) ~= "table" or (next(types) ~= nil and types[1] == nil) then
    return false
  end
  return arguments.set(types)
end

--- POST /observations/find: queryScope.thingTypes may be missing; query is a search body with a
--- range on `timestamp` that has at least `gte`.
function observations.find(call)
  local members = call.members
  if fields.is_absent(members.query) then
    return reply.error("PROPERTY_REQUIRED", "query")
  end
  local unknown = fields.wrong(members, MEMBERS)
  local types = scope(members.queryScope)
  if unknown or types == false then
    return reply.error("INVALID_ARGUMENTS", unknown or "queryScope")
  end
  local documents = {}
  if many_observations.are_on() and (not types or types[many_observations.TYPE]) then
    documents = nil
  end
  for hour = documents and HOURS - 1 or -1, 0, -1 do
    for number, row in ipairs(REPORTING) do
      if (not types or types[row[2]]) and rights.reaches(call, row[3]) then
        documents[#documents + 1] = observation(number, hour)
      end
    end
  end
  search.answer(members.query, documents, function(ranges)
    if not (ranges.timestamp and ranges.timestamp.gte) then
      return "the query must have a range on timestamp with at least gte"
    end
  end)
end

return observations
