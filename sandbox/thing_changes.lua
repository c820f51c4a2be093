--- Thing routes that create, change and delete. The messageKey of a violated rule is known for few
--- of them; INVALID_ARGUMENTS with the property is our choice for the others.
local arguments = require "sandbox.arguments"
local fields = require "sandbox.fields"
local reply = require "sandbox.reply"
local rights = require "sandbox.rights"
local state = require "sandbox.state"
local thing_reads = require "sandbox.thing_reads"
local thing_types = require "sandbox.thing_types"
local things = require "sandbox.things"

local thing_changes = {}

local REQUIRED = { "thingType", "domain" }
local SETTABLE = {
  thingName = "string", thingType = "string", domain = "string", label = "string",
  description = "string", externalId = "string", simulated = "boolean",
  parentThingName = "string", protocol = "string", imei = "string", imsi = "string",
}
local FIXED = { "thingName", "thingType", "domain", "protocol", "simulated", "parentThingName" }
local PROTOCOLS = arguments.set { "mqtt", "iotgw", "lora", "nbiot" }

-- A name becomes part of MQTT topics, where these have a meaning; AWS takes no longer ones.
local NO_NAME = "[/#+%c]"
local LONGEST_NAME = 128 -- bytes

local function find_parent(thing)
  return thing.parentThingName and things:find(thing.parentThingName)
end

-- Rules for a thing and the one above it. Returns the property that breaks one.
local function broken_relation(thing)
  local parent = find_parent(thing)
  if not parent then
    return nil
  end
  if thing.thingName:find("__", 1, true) then
    return "thingName"
  end
  return (thing.simulated and "simulated") or (parent.simulated and "parentThingName")
end

-- Looks at a whole thing as it would be. Answers and returns false when it cannot be.
local function acceptable(call, thing)
  if not thing_types:find(thing.thingType) then
    reply.error("THING_TYPE_NOT_FOUND", "thingType")
  elseif not rights.reaches(call, thing.domain) then
    reply.error("NOT_AUTHORIZED_DOMAIN", "domain")
  elseif not PROTOCOLS[thing.protocol] then
    reply.error("INVALID_ARGUMENTS", "protocol")
  elseif thing.parentThingName and not find_parent(thing) then
    reply.error("THING_NOT_FOUND", "parentThingName")
  elseif broken_relation(thing) then
    reply.error("INVALID_ARGUMENTS", broken_relation(thing))
  else
    return true
  end
  return false
end

-- The first member that a new thing lacks; with a parent its name is one of them.
local function missing(members)
  local name = fields.missing(members, REQUIRED)
  if not name and not fields.is_absent(members.parentThingName) then
    name = fields.missing(members, { "thingName" })
  end
  return name
end

--- POST /things
function thing_changes.create(call)
  if not rights.may(call, "CREATE", "Things") then
    return
  end
  local absent = missing(call.members)
  if absent then
    return reply.error("PROPERTY_REQUIRED", absent)
  end
  local wrong = fields.wrong(call.members, SETTABLE)
  if wrong then
    return reply.error("INVALID_ARGUMENTS", wrong)
  end
  local thing = fields.apply({ protocol = "mqtt", simulated = false }, call.members)
  if fields.is_absent(thing.parentThingName) then
    thing.parentThingName = nil
  end
  if fields.is_absent(thing.thingName) then
    thing.thingName = things.next_name()
  end
  thing.createdAt = state.time() * 1000
  local name = thing.thingName
  if name:find(NO_NAME) or #name > LONGEST_NAME or things:find(name) then
    return reply.error("INVALID_ARGUMENTS", "thingName")
  end
  if acceptable(call, thing) then
    things:save(thing)
    reply.ok(thing_reads.show(thing))
  end
end

--- PATCH /things?thingName=NAME: null deletes a member; name and parent stay as they are.
function thing_changes.update(call)
  if not rights.may(call, "UPDATE", "Things") then
    return
  end
  local thing = thing_reads.named(call)
  if not thing then
    return
  end
  local given = call.members
  local deleted = fields.deleted(given, FIXED)
  if deleted then
    return reply.error("PROPERTY_NOT_DELETABLE", deleted)
  end
  local wrong = fields.wrong(given, SETTABLE)
  for _, name in ipairs { "thingName", "parentThingName" } do
    wrong = wrong or (given[name] ~= nil and given[name] ~= thing[name] and name)
  end
  if not wrong and given.simulated and things.is_parent(thing.thingName) then
    wrong = "simulated"
  end
  if wrong then
    return reply.error("INVALID_ARGUMENTS", wrong)
  end
  if acceptable(call, fields.apply(thing, given)) then
    things:save(thing)
    reply.ok(thing_reads.show(thing))
  end
end

--- DELETE /things?thingName=NAME: without content, as for users. One with things behind it stays.
function thing_changes.remove(call)
  if not rights.may(call, "DELETE", "Things") then
    return
  end
  local thing = thing_reads.named(call)
  if not thing then
    return
  end
  if things.is_parent(thing.thingName) then
    return reply.error("INVALID_ARGUMENTS", "thingName")
  end
  things:remove(thing.thingName)
  reply.empty()
end

return thing_changes
