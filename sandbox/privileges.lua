--- Route /permissions/privileges: a privilege is checked and answered, and has no effect.
local arguments = require "sandbox.arguments"
local fields = require "sandbox.fields"
local json = require "sandbox.json"
local random = require "sandbox.random"
local reply = require "sandbox.reply"
local rights = require "sandbox.rights"

local privileges = {}

-- Names of objects; those that belong to no domain are our choice.
local OBJECTS = arguments.set { "Things", "ThingPubSub", "AppBoard", "Users", "ThingTypes",
  "ThingBatches", "ThingGroups", "Domains", "Files", "Events", "Observations", "Permissions" }
local WITHOUT_DOMAIN = arguments.set { "AppBoard" }
local OPERATIONS = { "create", "read", "update", "delete" }
local LONGEST_NAME = 128
local SETTABLE = {
  roleId = "string", objectName = "string", domainId = "string", name = "string",
  create = "number", read = "number", update = "number", delete = "number",
}

-- The first member that is wrong.
local function wrong_member(call, given)
  local wrong = fields.wrong(given, SETTABLE)
  local has_domain = not fields.is_absent(given.domainId)
  if wrong then
    return wrong
  elseif not OBJECTS[given.objectName] then
    return "objectName"
  elseif has_domain == (WITHOUT_DOMAIN[given.objectName] or false)
    or has_domain and not rights.reaches(call, given.domainId) then
    return "domainId"
  elseif type(given.name) == "string" and #given.name > LONGEST_NAME then
    return "name"
  end
  local some = WITHOUT_DOMAIN[given.objectName]
  for _, name in ipairs(OPERATIONS) do
    if given[name] ~= nil and given[name] ~= 0 and given[name] ~= 1 then
      return name
    end
    some = some or given[name] == 1
  end
  return not some and "read" or nil
end

--- POST /permissions/privileges
function privileges.create(call)
  if not rights.may(call, "CREATE", "Permissions") then
    return
  end
  local given = call.members
  local absent = fields.missing(given, { "roleId", "objectName" })
  if absent then
    return reply.error("PROPERTY_REQUIRED", absent)
  end
  local wrong = wrong_member(call, given)
  if wrong then
    return reply.error("INVALID_ARGUMENTS", wrong)
  end
  local members = { { "id", random.uuid() } }
  for _, name in ipairs { "roleId", "objectName", "domainId", "name", "create", "read", "update",
    "delete" } do
    members[#members + 1] = { name, given[name] }
  end
  reply.ok(json.object(members))
end

return privileges
