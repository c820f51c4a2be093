--- Thing routes that read: one by its name, many by a search.
local arguments = require "sandbox.arguments"
local fields = require "sandbox.fields"
local json = require "sandbox.json"
local reply = require "sandbox.reply"
local rights = require "sandbox.rights"
local search = require "sandbox.search"
local things = require "sandbox.things"

local thing_reads = {}

local SHOWN = { "thingName", "thingType", "label", "description", "domain", "externalId",
  "protocol", "imei", "imsi", "simulated", "parentThingName", "createdAt" }
local FOUND = { "thingName", "thingType", "label", "description", "domain", "externalId",
  "parentThingName", "state" }
local KINDS = arguments.set { "thing", "sub_thing" }
local MEMBERS = { query = true, type = "string" }

-- What it reported last, and for each resource when, in seconds: so AWS writes a shadow.
local function shadow_of(thing)
  local state, timestamp = things.last_state(thing)
  if not state then
    return nil
  end
  local times = {}
  for name in pairs(state) do
    times[name] = { timestamp = math.floor(timestamp / 1000) }
  end
  return { state = { reported = state }, metadata = { reported = times } }
end

---@param thing table
---@return string json a thing that never reported has no shadow
function thing_reads.show(thing)
  local members = {}
  for _, name in ipairs(SHOWN) do
    members[#members + 1] = { name, thing[name] }
  end
  members[#members + 1] = { "shadow", shadow_of(thing) }
  return json.object(members)
end

--- The thing that a call names. Answers and returns nil when there is none or it is out of reach.
---@param call table
---@return table? thing
function thing_reads.named(call)
  local name = arguments.text(call, "thingName")
  if not name then
    reply.error("PROPERTY_REQUIRED", "thingName")
    return nil
  end
  local thing = things:find(name)
  if not thing then
    reply.error("THING_NOT_FOUND", "thingName")
    return nil
  end
  if not rights.reaches(call, thing.domain) then
    reply.error("NOT_AUTHORIZED_DOMAIN", "domain")
    return nil
  end
  return thing
end

--- GET /things?thingName=NAME
function thing_reads.one(call)
  local thing = thing_reads.named(call)
  if thing then
    reply.ok(thing_reads.show(thing))
  end
end

-- The set of "thing" and "sub_thing" that `type` names; both when it is missing, nil for another.
local function wanted_kinds(text)
  if fields.is_absent(text) then
    return KINDS
  end
  local names = {}
  for name in text:gmatch "[^,]+" do
    if not KINDS[name] then
      return nil
    end
    names[#names + 1] = name
  end
  return arguments.set(names)
end

local function document(thing, kind)
  local source = { state = things.last_state(thing) }
  for _, name in ipairs(FOUND) do
    source[name] = source[name] or thing[name]
  end
  return { index = "things", kind = kind, id = thing.thingName, source = source, names = FOUND }
end

--- POST /things/find: a search body under `query`, and perhaps `type`.
function thing_reads.find(call)
  local members = call.members
  if fields.is_absent(members.query) then
    return reply.error("PROPERTY_REQUIRED", "query")
  end
  local wrong = fields.wrong(members, MEMBERS)
  local kinds = not wrong and wanted_kinds(members.type)
  if not kinds then
    return reply.error("INVALID_ARGUMENTS", wrong or "type")
  end
  local documents = {}
  for _, thing in ipairs(things:all()) do
    local kind = thing.parentThingName and "sub_thing" or "thing"
    if kinds[kind] and rights.reaches(call, thing.domain) then
      documents[#documents + 1] = document(thing, kind)
    end
  end
  search.answer(members.query, documents)
end

return thing_reads
