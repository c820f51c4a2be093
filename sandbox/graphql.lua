--- Route /graphql: `thing`, `allThings` and `thingTypeResources` of the queries that are known. An
--- answer with errors has the status 200 and no data.
local graphql_query = require "sandbox.graphql_query"
local json = require "sandbox.json"
local reply = require "sandbox.reply"
local rights = require "sandbox.rights"
local thing_types = require "sandbox.thing_types"
local things = require "sandbox.things"

local graphql = {}

local PAGE_SIZE = 10
local THING = { thingName = true, thingType = true, label = true, description = true,
  domain = true, protocol = true, externalId = true, parentThingName = true, createdAt = true }

local function fail(message)
  error({ message = message }, 0)
end

local function shown(thing)
  local copy = {}
  for name in pairs(THING) do
    copy[name] = thing[name]
  end
  return copy
end

local PAGE = { page = true, pages = true, size = true, itemCount = true, totalCount = true }

-- The fields that a result of each kind has; a table is the kind of its own fields.
local ROOT = {
  thing = THING,
  allThings = { things = THING, pageInfo = PAGE },
  thingTypeResources = { id = true, name = true, type = true },
}

local RESOLVERS = {}

function RESOLVERS.thing(call, given)
  local thing = things:find(given.thingName)
  if not thing or not rights.reaches(call, thing.domain) then
    return nil
  end
  return shown(thing)
end

-- searchOptions: paging {page, size}, sorting {sort}, "-label" is descending.
function RESOLVERS.allThings(call, given)
  local options = type(given.searchOptions) == "table" and given.searchOptions or {}
  local paging = type(options.paging) == "table" and options.paging or {}
  local sorting = type(options.sorting) == "table" and options.sorting or {}
  local page, size = tonumber(paging.page) or 1, tonumber(paging.size) or PAGE_SIZE
  local order, property = tostring(sorting.sort or "thingName"):match "^(%-?)(.*)$"
  if page < 1 or size < 1 or not THING[property] then
    fail "Invalid searchOptions"
  end
  local list = {}
  for _, thing in ipairs(things:all()) do
    if rights.reaches(call, thing.domain) then
      list[#list + 1] = shown(thing)
    end
  end
  table.sort(list, function(a, b)
    local x, y = tostring(a[property] or ""), tostring(b[property] or "")
    if x == y then
      return a.thingName < b.thingName
    end
    if order == "-" then
      x, y = y, x
    end
    return x < y
  end)
  local found = { is_list = true }
  for index = (page - 1) * size + 1, math.min(page * size, #list) do
    found[#found + 1] = list[index]
  end
  return {
    things = found,
    pageInfo = {
      page = page, pages = math.max(1, math.ceil(#list / size)), size = size,
      itemCount = #found, totalCount = #list,
    },
  }
end

function RESOLVERS.thingTypeResources(call, given)
  local kind = thing_types:find(given.thingTypeId)
  if not kind or not rights.reaches(call, kind.domain) then
    return nil
  end
  local list = { is_list = true }
  for name, resource in pairs(kind.resources or {}) do
    list[#list + 1] = { id = kind.id .. "/" .. name, name = name, type = resource.type }
  end
  table.sort(list, function(a, b)
    return a.name < b.name
  end)
  return list
end

local show

local function check(field, known, parent)
  local kind = known[field.name]
  if not kind then
    fail(('Cannot query field "%s" on type "%s".'):format(field.name, parent))
  elseif type(kind) == "table" and not field.fields then
    fail(('Field "%s" must have a selection of subfields.'):format(field.name))
  elseif kind == true and field.fields then
    fail(('Field "%s" must not have a selection.'):format(field.name))
  end
  return kind
end

-- The JSON of an object with the fields that were asked for.
local function show_object(object, fields, known, parent)
  local members = {}
  for index, field in ipairs(fields) do
    local kind = check(field, known, parent)
    members[index] = json.encode(field.alias) .. ":" .. show(object[field.name], field, kind)
  end
  return "{" .. table.concat(members, ",") .. "}"
end

function show(value, field, kind)
  if value == nil then
    return "null"
  elseif kind == true then
    return json.encode(value)
  elseif not value.is_list then
    return show_object(value, field.fields, kind, field.name)
  end
  local texts = {}
  for index, one in ipairs(value) do
    texts[index] = show_object(one, field.fields, kind, field.name)
  end
  return json.array(texts)
end

local function execute(call, fields)
  local members = {}
  for index, field in ipairs(fields) do
    local kind = check(field, ROOT, "Query")
    if field.fields then -- a mistake below counts even where there is no object
      show_object({}, field.fields, kind, field.name)
    end
    local value = RESOLVERS[field.name](call, field.arguments)
    members[index] = json.encode(field.alias) .. ":" .. show(value, field, kind)
  end
  return "{" .. table.concat(members, ",") .. "}"
end

--- POST /graphql: query, and perhaps variables.
function graphql.answer(call)
  local query, variables = call.members.query, call.members.variables
  local fields, problem
  if type(query) ~= "string" then
    problem = "Must provide query string."
  else
    fields, problem = graphql_query.read(query, type(variables) == "table" and variables or {})
  end
  if not problem then
    local ok, result = pcall(execute, call, fields)
    if ok then
      return reply.ok('{"data":' .. result .. "}")
    elseif type(result) ~= "table" then
      error(result, 0)
    end
    problem = result.message
  end
  reply.ok('{"errors":[' .. json.object { { "message", problem } } .. '],"data":null}')
end

return graphql
