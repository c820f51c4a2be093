--- The short form of a search: `{ thing = …, since = -86400 }` instead of a body of Elasticsearch.
--- What a row of the endpoint table says in `find` decides which fields the clauses name.

local errors = require "mic.error"
local json = require "mic.json"
local options = require "mic.options"

local find = {}

local LEAST_MILLISECONDS = 1e11 -- March 1973: smaller numbers are seconds

local NAMES = "string|table: a name or a list of names"
local TIME = "number|string: milliseconds since 1970, a negative number of seconds before now,"
  .. " or an ISO date"

--- Fields of the short form alone, and those that only a search by time has.
local short_fields = {
  thing = NAMES,
  filter = "table: one clause of a query",
  sort = "string|table: an Elasticsearch sort",
  size = "number: a whole number",
  fields = "string|table|boolean: names of members",
}
local time_fields = { since = TIME, till = TIME }

--- Fields of the whole body, by their names.
local body_fields = {
  query = "table: an Elasticsearch search body, such as { query = { … } }",
  queryScope = "table: { thingTypes = { … } }",
}

local function check_time(value)
  if type(value) == "string" then
    return value:find "^%d%d%d%d%-%d%d" ~= nil
  end
  if value > 0 and value < LEAST_MILLISECONDS then
    return false, "looks like seconds: it takes milliseconds since 1970, or a negative number of"
      .. " seconds before now"
  end
  return value == value and value > -math.huge and value < math.huge
end

local function check_names(value)
  if type(value) ~= "table" then
    return true
  end
  for index = 1, math.max(#value, 1) do
    if type(value[index]) ~= "string" then
      return false, "must be a name or a non-empty list of names"
    end
  end
  return true
end

local function check_clause(value)
  local name = next(value)
  return type(name) == "string" and next(value, name) == nil,
    'must be one clause, such as { term = { thingName = "x" } }'
end

--- Returns what `options.verify` checks the first table of a search with.
---@param row table of the endpoint table, with `find`
---@return table fields, table checks by name
function find.fields(row)
  local fields = { type = NAMES }
  local checks =
    { thing = check_names, type = check_names, filter = check_clause, since = check_time,
      till = check_time }
  for name, text in pairs(short_fields) do
    fields[name] = text
  end
  for _, name in ipairs(row.members) do
    fields[name] = fields[name] or body_fields[name] or "any: a value"
  end
  if row.find.time then
    for name, text in pairs(time_fields) do
      fields[name] = text
    end
  end
  return fields, checks
end

--- Returns milliseconds of `since` or `till`; a date stays a text.
local function time_of(value, wall)
  if type(value) == "number" and value < 0 then
    return math.floor((wall + value) * 1000)
  end
  return value
end

--- A term or terms of a field.
local function term(field, names)
  if type(names) ~= "table" then
    return { term = { [field] = names } }
  end
  return { terms = { [field] = json.array(names) } }
end

--- Sets a member of a body, by its path "queryScope.thingTypes".
local function set_types(body, form, types)
  local value
  if form.type_as == "list" then
    value = json.array(type(types) == "table" and types or { types })
  else
    value = type(types) == "table" and table.concat(types, ",") or types
  end
  local outer, inner = form.type_member:match "^([^.]*)%.(.*)$"
  if outer then
    body[outer] = { [inner] = value }
  else
    body[form.type_member] = value
  end
end

--- True if these types are a term of the query, not a member of the body. Where both exist, the
--- member takes the values in `type_values` alone.
local function is_term(form, types)
  local values = {}
  for _, value in ipairs(form.type_values or {}) do
    values[value] = true
  end
  for _, name in ipairs(type(types) == "table" and types or { types }) do
    if form.type and not values[name] then
      return true
    end
  end
  return not form.type_member
end

local function is_member(row, name)
  for _, member in ipairs(row.members) do
    if member == name then
      return true
    end
  end
  return false
end

--- Returns the whole body's parts.
local function split_whole(row, given, what)
  local search, rest = {}, {}
  for name, value in pairs(given) do
    if not is_member(row, name) then
      errors.raise(
        ('%s: "%s" cannot be combined with "query", the whole body%s'):format(
          what, name, #row.members > 1
            and '; known: "' .. table.concat(row.members, '", "') .. '"' or ""
        )
      )
    elseif name ~= "query" then
      rest[name] = value
    end
  end
  for name, value in pairs(given.query) do
    search[name] = value
  end
  return { search = search, rest = rest, clauses = { given.query.query } }
end

--- Splits the first table of a search, whole or short, into parts. Raises for misuse; names and
--- types were checked with `fields`.
---@param row table of the endpoint table, with `find`
---@param given table
---@param what string name of the method, for messages
---@param wall number seconds since 1970
---@return table parts `search` (a new body of Elasticsearch, as far as it is given), `rest` (other
--- members of the request's body), `clauses` (what the query has to fulfil, without the time),
--- `since` and `till` (of the short form)
function find.split(row, given, what, wall)
  if given.query ~= nil then
    return split_whole(row, given, what)
  end
  local form, clauses, rest = row.find, {}, {}
  if given.thing ~= nil then
    clauses[#clauses + 1] = term(form.thing, given.thing)
  end
  if given.type ~= nil and is_term(form, given.type) then
    clauses[#clauses + 1] = term(form.type, given.type)
  elseif given.type ~= nil then
    set_types(rest, form, given.type)
  end
  clauses[#clauses + 1] = given.filter
  for name, value in pairs(given) do -- other members of the body
    if name ~= "type" and is_member(row, name) then
      if rest[name] ~= nil then
        errors.raise(('%s: "type" and "%s" are the same parameter'):format(what, name))
      end
      rest[name] = value
    end
  end
  return {
    search = { sort = given.sort, size = given.size, _source = given.fields },
    rest = rest,
    clauses = clauses,
    is_short = true,
    since = time_of(given.since, wall),
    till = time_of(given.till, wall),
  }
end

--- Returns the body of a search whose query has to fulfil all of these clauses.
---@param parts table of `split`
---@param clauses table[]
---@param changes? table members of the search body that replace those given
---@return table body
function find.join(parts, clauses, changes)
  local body, search = {}, {}
  for name, value in pairs(parts.rest) do
    body[name] = value
  end
  for name, value in pairs(parts.search) do
    search[name] = value
  end
  for name, value in pairs(changes or {}) do
    search[name] = value
  end
  search.query = #clauses > 0 and { bool = { filter = clauses } } or { match_all = {} }
  body.query = search
  return body
end

--- Returns the clause of a time range.
---@param row table with `find.time`
---@param bounds table of a range: gte, lte …
---@return table clause
function find.range(row, bounds)
  return { range = { [row.find.time] = bounds } }
end

--- Returns the body of `find(given)`.
---@param row table of the endpoint table, with `find`
---@param given table the first table of the call: the whole body or the short form
---@param what string name of the method, for messages
---@param wall number seconds since 1970
---@return table body
function find.body(row, given, what, wall)
  local fields, checks = find.fields(row)
  options.verify(given, { fields = fields, checks = checks, aliases = {} }, what)
  local parts = find.split(row, given, what, wall)
  if not parts.is_short then
    return given
  end
  local clauses = parts.clauses
  if row.find.time then
    clauses[#clauses + 1] = find.range(row, { gte = parts.since or 0, lte = parts.till })
  end
  return find.join(parts, clauses)
end

return find
