--- Route /thingtypes.
local arguments = require "sandbox.arguments"
local fields = require "sandbox.fields"
local json = require "sandbox.json"
local reply = require "sandbox.reply"
local rights = require "sandbox.rights"
local thing_types = require "sandbox.thing_types"
local things = require "sandbox.things"

local thing_type_routes = {}

local ATTRIBUTES = { "id", "label", "description", "resources", "virtualResources", "domain",
  "readOnly", "thingCount", "lockMappings" }
local LONGEST_ID = 128 -- bytes; our choice
local REQUIRED = { "id", "domain" }
local SETTABLE = {
  id = "string", domain = "string", label = "string", description = "string",
  resources = "table", virtualResources = "table", readOnly = "boolean",
  lockMappings = "boolean",
}

local known_attribute = arguments.set(ATTRIBUTES)

local function show(kind, names)
  local members, count = {}, 0
  for _, thing in ipairs(things:all()) do
    count = count + (thing.thingType == kind.id and 1 or 0)
  end
  kind.thingCount = count
  for _, name in ipairs(names or ATTRIBUTES) do
    members[#members + 1] = { name, kind[name] }
  end
  return json.object(members)
end

--- GET /thingtypes: a bare array.
function thing_type_routes.all(call)
  local names = arguments.names(call, "attributes", known_attribute)
  if names == false then
    return reply.error("INVALID_ARGUMENTS", "attributes")
  end
  local shown = {}
  for _, kind in ipairs(thing_types:all()) do
    if rights.reaches(call, kind.domain) then
      shown[#shown + 1] = show(kind, names)
    end
  end
  reply.ok(json.array(shown))
end

--- GET /thingtypes/{id}
function thing_type_routes.one(call)
  local kind = thing_types:find(call.segments[2])
  if not kind then
    return reply.error("THING_TYPE_NOT_FOUND", "id")
  end
  if not rights.reaches(call, kind.domain) then
    return reply.error("NOT_AUTHORIZED_DOMAIN", "domain")
  end
  reply.ok(show(kind))
end

-- Whether it is an object of names with objects that have a `type`.
local function are_resources(value)
  for name, resource in pairs(type(value) == "table" and value or {}) do
    if type(name) ~= "string" or type(resource) ~= "table" or type(resource.type) ~= "string" then
      return false
    end
  end
  return true
end

--- POST /thingtypes
function thing_type_routes.create(call)
  if not rights.may(call, "CREATE", "ThingTypes") then
    return
  end
  local given = call.members
  local missing = fields.missing(given, REQUIRED)
  if missing then
    return reply.error("PROPERTY_REQUIRED", missing)
  end
  local wrong = fields.wrong(given, SETTABLE)
  for _, name in ipairs { "resources", "virtualResources" } do
    wrong = wrong or (not are_resources(given[name]) and name)
  end
  local id = given.id
  if not wrong and (not id:find "^[a-z0-9_-]+$" or #id > LONGEST_ID or thing_types:find(id)) then
    wrong = "id"
  end
  if wrong then
    return reply.error("INVALID_ARGUMENTS", wrong)
  end
  if not rights.reaches(call, given.domain) then
    return reply.error("NOT_AUTHORIZED_DOMAIN", "domain")
  end
  local kind = fields.apply({
    label = given.id, resources = {}, virtualResources = {}, readOnly = false,
    lockMappings = false,
  }, given)
  thing_types:save(kind)
  reply.ok(show(kind))
end

return thing_type_routes
