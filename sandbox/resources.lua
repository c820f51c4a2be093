--- Route /resources: the data model of the thing types.
local arguments = require "sandbox.arguments"
local json = require "sandbox.json"
local reply = require "sandbox.reply"
local rights = require "sandbox.rights"
local thing_types = require "sandbox.thing_types"

local resources = {}

-- id is TYPE/NAME, TYPE/virtual/NAME or TYPE/subthing/NAME. What `options` brings is not known.
local function show(kind, name, resource, is_virtual, include)
  local infix = is_virtual and "virtual/" or resource.subthingType and "subthing/" or ""
  return json.object {
    { "id", kind.id .. "/" .. infix .. name }, { "name", name }, { "isVirtual", is_virtual },
    { "type", resource.type }, { "subthingType", resource.subthingType },
    { "metadata", include.metadata and (resource.metadata or {}) or nil },
    { "options", include.options and (resource.options or {}) or nil },
  }
end

local function add(shown, kind, map, is_virtual, include)
  local names = {}
  for name in pairs(map or {}) do
    names[#names + 1] = name
  end
  table.sort(names)
  for _, name in ipairs(names) do
    shown[#shown + 1] = show(kind, name, map[name], is_virtual, include)
  end
end

local function show_all(kind, include)
  local shown = {}
  add(shown, kind, kind.resources, false, include)
  add(shown, kind, kind.virtualResources, true, include)
  return '{"resources":' .. json.array(shown) .. "}"
end

-- What `include` asks for, as a set. Answers and returns nil after something else than `known`.
local function included(call, known)
  local names = arguments.names(call, "include", arguments.set(known))
  if names == false then
    reply.error("INVALID_ARGUMENTS", "include")
    return nil
  end
  return arguments.set(names or {})
end

--- GET /resources: all of them, by thing type.
function resources.all(call)
  local include = included(call, { "metadata" })
  if not include then
    return
  end
  local members = {}
  for _, kind in ipairs(thing_types:all()) do
    if rights.reaches(call, kind.domain) then
      members[#members + 1] = json.encode(kind.id) .. ":" .. show_all(kind, include)
    end
  end
  reply.ok("{" .. table.concat(members, ",") .. "}")
end

--- GET /resources/{thingType}
function resources.one(call)
  local include = included(call, { "metadata", "options" })
  if not include then
    return
  end
  local kind = thing_types:find(call.segments[2])
  if not kind then
    return reply.error("THING_TYPE_NOT_FOUND", "thingType")
  end
  if not rights.reaches(call, kind.domain) then
    return reply.error("NOT_AUTHORIZED_DOMAIN", "domain")
  end
  reply.ok(show_all(kind, include))
end

return resources
