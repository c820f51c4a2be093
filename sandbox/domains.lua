--- Domain tree, constant.
local arguments = require "sandbox.arguments"
local json = require "sandbox.json"
local reply = require "sandbox.reply"

local domains = {}

-- id, name, id of the domain above, description
local ROWS = {
  { "root", "root", nil, "Everything" },
  { "norway", "Norway", "root", "Country" },
  { "oslo", "Oslo", "norway", "City" },
  { "oslo-harbour", "Oslo harbour", "oslo", "District" },
  { "oslo-centre", "Oslo centre", "oslo", "District" },
  { "bergen", "Bergen", "norway", "City" },
  { "bergen-harbour", "Bergen harbour", "bergen", "District" },
  { "trondheim", "Trondheim", "norway", "City" },
  { "tromso", "Troms\195\184", "norway", "City" },
  { "sweden", "Sweden", "root", "Country" },
  { "stockholm", "Stockholm", "sweden", "City" },
  { "stockholm-centre", "Stockholm centre", "stockholm", "District" },
  { "gothenburg", "Gothenburg", "sweden", "City" },
  { "gothenburg-harbour", "Gothenburg harbour", "gothenburg", "District" },
  { "malmo", "Malm\195\182", "sweden", "City" },
  { "denmark", "Denmark", "root", "Country" },
  { "copenhagen", "Copenhagen", "denmark", "City" },
  { "copenhagen-harbour", "Copenhagen harbour", "copenhagen", "District" },
  { "aarhus", "Aarhus", "denmark", "City" },
  { "odense", "Odense", "denmark", "City" },
  { "finland", "Finland", "root", "Country" },
  { "helsinki", "Helsinki", "finland", "City" },
  { "tampere", "Tampere", "finland", "City" },
  { "turku", "Turku", "finland", "City" },
}
local ATTRIBUTES = { "name", "description", "data" }

local known_attribute = arguments.set(ATTRIBUTES)
local by_id, below = {}, {}
for _, row in ipairs(ROWS) do
  local domain = {
    id = row[1], name = row[2], parent = row[3], description = row[4], data = {},
  }
  by_id[domain.id], below[domain.id] = domain, {}
  if domain.parent then
    table.insert(below[domain.parent], domain)
  end
end

--- True if a domain is another one or below it.
---@param id any
---@param ancestor string
---@return boolean false too when there is no such domain
function domains.is_within(id, ancestor)
  local domain = by_id[id]
  while domain and domain.id ~= ancestor do
    domain = by_id[domain.parent]
  end
  return domain ~= nil
end

--- The way to a domain as MQTT topics have it: the root itself is left out.
---@param id any
---@return string path "/" for the root, "/norway/oslo/" for one below
function domains.path(id)
  local domain, path = by_id[id], "/"
  while domain and domain.parent do
    domain, path = by_id[domain.parent], "/" .. domain.id .. path
  end
  return path
end

local function attributes_of(domain, names)
  local members = {}
  for _, name in ipairs(names) do
    members[#members + 1] = { name, domain[name] }
  end
  return json.object(members)
end

-- A node has `attributes` and, under their ids, the domains below it.
local function node(domain, names)
  local parts = { '"attributes":' .. attributes_of(domain, names) }
  for _, child in ipairs(below[domain.id]) do
    parts[#parts + 1] = json.encode(child.id) .. ":" .. node(child, names)
  end
  return "{" .. table.concat(parts, ",") .. "}"
end

-- The form of a single domain and of the two lists is the sandbox's choice.
local function show(domain)
  return json.object {
    { "id", domain.id }, { "name", domain.name }, { "description", domain.description },
    { "data", domain.data }, { "parent", domain.parent },
  }
end

local function show_all(list)
  local texts = {}
  for index, domain in ipairs(list) do
    texts[index] = show(domain)
  end
  reply.ok(json.array(texts))
end

-- The domain of the path when the caller reaches it. Else it answers: no messageKey for an unknown
-- domain is known, so it is refused like the domain of another user.
local function reached(call)
  local domain = by_id[call.segments[2]]
  if domain and domains.is_within(domain.id, call.user.domainName) then
    return domain
  end
  reply.error("NOT_AUTHORIZED_DOMAIN", "domain")
end

--- GET /domains: the tree below the caller's own domain, and that domain.
function domains.tree(call)
  local names = arguments.names(call, "attributes", known_attribute)
  if names == false then
    return reply.error("INVALID_ARGUMENTS", "attributes")
  end
  local home = by_id[call.user.domainName]
  if not home then
    return reply.ok "{}"
  end
  reply.ok("{" .. json.encode(home.id) .. ":" .. node(home, names or ATTRIBUTES) .. "}")
end

--- GET /domains/list: the topmost domains that the caller reaches.
function domains.top(call)
  show_all { by_id[call.user.domainName] }
end

--- GET /domains/{id}
function domains.one(call)
  local domain = reached(call)
  if domain then
    reply.ok(show(domain))
  end
end

--- GET /domains/{id}/list: those directly below.
function domains.children(call)
  local domain = reached(call)
  if domain then
    show_all(below[domain.id])
  end
end

return domains
