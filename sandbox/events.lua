--- Events: generated from the time of the start, one an hour. That they are found under
--- /events/find is not documented.
local arguments = require "sandbox.arguments"
local fields = require "sandbox.fields"
local json = require "sandbox.json"
local reply = require "sandbox.reply"
local rights = require "sandbox.rights"
local search = require "sandbox.search"
local state = require "sandbox.state"

local events = {}

local COUNT = 24
local MEMBERS = arguments.set { "query" }
local NAMES = { "id", "timestamp", "message", "classification", "type", "category",
  "acknowledgementRequired", "acknowledgedAt", "acknowledgedBy", "source" }

-- classification, type, category, message; thing, thing type, domain
local ROWS = {
  { "ALARM", "RULE", "temperature", "Too warm", "00001570", "191", "oslo-harbour" },
  { "WARNING", "RULE", "air.quality", "Bad air", "00001594", "air-quality", "oslo-centre" },
  { "NOTIFICATION", "THING.CREATE", "thing", "Thing created", "00001571", "191", "oslo-harbour" },
  { "INTERNAL", "THING.UPDATE", "thing", "Thing updated", "front-door", "door", "trondheim" },
}

local function id_of(number)
  return string.format("0a1b2c3d-0000-4000-8000-%012x", number)
end

local function acknowledged(number)
  local text = ngx.shared.state:get("event:" .. id_of(number))
  return text and json.decode(text) or {}
end

local function event(number)
  local row = ROWS[(number - 1) % #ROWS + 1]
  local seen = acknowledged(number)
  return {
    id = id_of(number),
    timestamp = state.started() * 1000 - 30000 - (COUNT - number) * 3600000,
    message = row[4], classification = row[1], type = row[2], category = row[3],
    acknowledgementRequired = row[1] == "ALARM",
    acknowledgedAt = seen.at, acknowledgedBy = seen.by,
    source = { thingName = row[5], thingType = row[6], domain = row[7] },
  }
end

--- POST /events/find: query is a search body.
function events.find(call)
  local members = call.members
  if fields.is_absent(members.query) then
    return reply.error("PROPERTY_REQUIRED", "query")
  end
  local unknown = fields.wrong(members, MEMBERS)
  if unknown then
    return reply.error("INVALID_ARGUMENTS", unknown)
  end
  local documents = {}
  for number = 1, COUNT do
    local source = event(number)
    if rights.reaches(call, source.source.domain) then
      documents[#documents + 1] = {
        index = "events", kind = "event", id = source.id, source = source, names = NAMES,
      }
    end
  end
  search.answer(members.query, documents)
end

--- POST /events/{id}/acknowledge: what it answers is not documented. Again: it stays as it is.
function events.acknowledge(call)
  if not rights.may(call, "UPDATE", "Events") then
    return
  end
  for number = 1, COUNT do
    if id_of(number) == call.segments[2] then
      local seen = { at = state.time() * 1000, by = call.user.userName }
      ngx.shared.state:add("event:" .. id_of(number), json.encode(seen))
      return reply.ok "{}"
    end
  end
  reply.error("EVENT_NOT_FOUND", "id")
end

return events
