--- Route /thing-groups.
local fields = require "sandbox.fields"
local json = require "sandbox.json"
local random = require "sandbox.random"
local reply = require "sandbox.reply"
local rights = require "sandbox.rights"
local state = require "sandbox.state"

local thing_groups = {}

local SETTABLE = { domain = "string", description = "string", parent = "string" }
local SHOWN = { "id", "description", "domain", "createdAt", "parent" }
local FIRST = "group-1" -- there from the start

local dict = ngx.shared.state

local function find(id)
  local text = type(id) == "string" and dict:get("group:" .. id)
  if text then
    return json.decode(text)
  elseif id == FIRST then
    return { id = FIRST, description = "Doors", domain = "trondheim", createdAt = 1546300800 }
  end
end

local function save(group)
  dict:set("group:" .. group.id, json.encode(group))
  local members = {}
  for _, name in ipairs(SHOWN) do
    members[#members + 1] = { name, group[name] }
  end
  reply.ok(json.object(members))
end

--- POST /thing-groups: a child shares its parent's domain.
function thing_groups.create(call)
  if not rights.may(call, "CREATE", "ThingGroups") then
    return
  end
  local given = call.members
  local absent = fields.missing(given, { "domain", "description" })
  if absent then
    return reply.error("PROPERTY_REQUIRED", absent)
  end
  local wrong = fields.wrong(given, SETTABLE)
  local parent = not fields.is_absent(given.parent) and find(given.parent)
  if wrong then
    return reply.error("INVALID_ARGUMENTS", wrong)
  elseif not fields.is_absent(given.parent) and not parent then
    return reply.error("THING_GROUP_NOT_FOUND", "parent")
  elseif not rights.reaches(call, given.domain) then
    return reply.error("NOT_AUTHORIZED_DOMAIN", "domain")
  elseif parent and parent.domain ~= given.domain then
    return reply.error("INVALID_ARGUMENTS", "domain")
  end
  save {
    id = random.uuid(), description = given.description, domain = given.domain,
    createdAt = state.time(), parent = parent and parent.id or nil,
  }
end

--- PATCH /thing-groups/{id}
function thing_groups.update(call)
  if not rights.may(call, "UPDATE", "ThingGroups") then
    return
  end
  local group = find(call.segments[2])
  if not group then
    return reply.error("THING_GROUP_NOT_FOUND", "id")
  end
  if fields.missing(call.members, { "description" }) then
    return reply.error("PROPERTY_REQUIRED", "description")
  end
  local wrong = fields.wrong(call.members, { description = "string" })
  if wrong then
    return reply.error("INVALID_ARGUMENTS", wrong)
  end
  group.description = call.members.description
  save(group)
end

return thing_groups
