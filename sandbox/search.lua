--- Search, in the form of Elasticsearch 5. An unknown part of a search body is refused with the
--- reason under `messageParams`, so that it is not mistaken for a search without hits.
local aggregations = require "sandbox.aggregations"
local clauses = require "sandbox.clauses"
local dates = require "sandbox.dates"
local json = require "sandbox.json"
local many_observations = require "sandbox.many_observations"
local reply = require "sandbox.reply"
local search_faults = require "sandbox.search_faults"

local search = {}

local WINDOW = 10000 -- `from` and `size` together
local DEFAULT_SIZE = 10
local KNOWN = { "query", "from", "size", "sort", "_source", "aggs", "aggregations" }

local known = {}
for _, name in ipairs(KNOWN) do
  known[name] = true
end

local function is_count(value)
  return type(value) == "number" and value >= 0 and value % 1 == 0
end

-- One key of `sort`: "field", {field = "desc"} or {field = {order = "desc"}}.
local function sort_key(given)
  if type(given) == "string" then
    return { field = given, order = "asc" }
  end
  local field, order = next(type(given) == "table" and given or {})
  if type(order) == "table" then
    order = order.order or "asc"
  end
  if type(field) == "string" and (order == "asc" or order == "desc") then
    return { field = field, order = order }
  end
end

local function sort_keys(given)
  local keys = {}
  if type(given) ~= "table" or given[1] == nil then
    given = { given }
  end
  for index, one in ipairs(given) do
    keys[index] = sort_key(one)
    if not keys[index] then
      return nil
    end
  end
  return keys
end

local function value_of(source, field)
  local found
  clauses.any(source, field, function(value)
    found = value
    return true
  end)
  return found
end

-- Missing values come last in either order; equal ones stay in the order of arrival.
local function sort(hits, keys)
  for position, hit in ipairs(hits) do
    hit.position, hit.sort = position, {}
    for index, key in ipairs(keys) do
      local value = value_of(hit.source, key.field)
      if type(value) == "boolean" then
        value = value and 1 or 0
      end
      hit.sort[index] = (value == nil or type(value) == "table") and json.null or value
    end
  end
  table.sort(hits, function(a, b)
    for index, key in ipairs(keys) do
      local x, y = a.sort[index], b.sort[index]
      if x ~= y then
        if x == json.null or y == json.null then
          return y == json.null
        end
        if type(x) ~= type(y) then
          x, y = tostring(x), tostring(y)
        end
        if key.order == "desc" then
          x, y = y, x
        end
        return x < y
      end
    end
    return a.position < b.position
  end)
end

-- The members that `_source` names, "state" or "state.wind"; all of them when it is true.
local function choose(source, names)
  if type(names) ~= "table" then
    return source
  end
  local chosen = {}
  for _, path in ipairs(names) do
    local from, to, last = source, chosen, nil
    for name in path:gmatch "[^.]+" do
      if last then
        to[last] = to[last] or {}
        from, to = type(from[last]) == "table" and from[last] or {}, to[last]
      end
      last = name
    end
    to[last] = from[last]
  end
  return chosen
end

-- Like the API's other objects: the members in a fixed order.
local function ordered(source, names)
  local members = {}
  for index, name in ipairs(names) do
    members[index] = { name, source[name] }
  end
  return json.object(members)
end

local function show(hit, body)
  local members = {
    { "_index", hit.index }, { "_type", hit.kind }, { "_id", hit.id },
    { "_score", hit.sort and json.null or 1 },
  }
  local text = json.object(members):sub(1, -2)
  if body._source ~= false then
    text = text .. ',"_source":' .. ordered(choose(hit.source, body._source), hit.names)
  end
  if hit.sort then
    text = text .. ',"sort":' .. json.encode(hit.sort)
  end
  return text .. "}"
end

local function is_names(value)
  if type(value) ~= "table" then
    return value == nil or type(value) == "boolean"
  end
  for index, name in pairs(value) do
    if type(index) ~= "number" or type(name) ~= "string" or not name:find "[^.]" then
      return false
    end
  end
  return true
end

-- What is wrong with the search body but for its query; nil when nothing is.
local function problem(body)
  if type(body) ~= "table" then
    return "the search body is not an object"
  end
  for name in pairs(body) do
    if not known[name] then
      return ('unknown member "%s" (known: %s)'):format(tostring(name),
        table.concat(KNOWN, ", "))
    end
  end
  for _, name in ipairs { "from", "size" } do
    if body[name] ~= nil and not is_count(body[name]) then
      return name .. " takes a non-negative integer"
    end
  end
  if not is_names(body._source) then
    return "_source takes true, false, or a list of names"
  end
  if body.sort ~= nil and not sort_keys(body.sort) then
    return 'sort takes fields, each with "asc" or "desc"'
  end
end

local function refuse(reason)
  reply.error("INVALID_ARGUMENTS", "query", { reason = reason })
end

-- Whether a query asks for nothing but ranges on timestamp that must hold.
local function is_range_only(query)
  if type(query) ~= "table" then
    return false
  end
  local kind, value = next(query)
  if kind == "range" then
    return type(value) == "table" and value.timestamp ~= nil and next(value, "timestamp") == nil
  elseif kind ~= "bool" or type(value) ~= "table" or next(value) ~= "filter"
    or next(value, "filter") ~= nil then
    return kind == "match_all"
  end
  for _, clause in ipairs(value.filter[1] and value.filter or { value.filter }) do
    if not is_range_only(clause) then
      return false
    end
  end
  return true
end

-- "asc" or "desc" when the search is sorted by timestamp alone.
local function time_order(sort_given)
  local keys = sort_given ~= nil and sort_keys(sort_given)
  return keys and #keys == 1 and keys[1].field == "timestamp" and keys[1].order or nil
end

-- The bounds of all ranges on timestamp that must hold, in milliseconds.
local function tightest(query, bounds)
  local kind, value = next(query)
  if kind == "range" and value.timestamp then
    for name, bound in pairs(value.timestamp) do
      bound = dates.milliseconds(bound)
      local lower = name == "gte" or name == "gt"
      local choose_one = lower and math.max or math.min
      bounds[name] = bounds[name] and choose_one(bounds[name], bound) or bound
    end
  elseif kind == "bool" then
    for _, list in ipairs { value.filter or {}, value.must or {} } do
      for _, clause in ipairs(list[1] and list or { list }) do
        if next(clause) then
          tightest(clause, bounds)
        end
      end
    end
  end
  return bounds
end

local function send(hits, total, body, sums, change)
  local shown = {}
  for index, hit in ipairs(hits) do
    if not change or index % 2 == 0 then -- half of them when a shard or the time is missing
      shown[#shown + 1] = show(hit, body)
    end
  end
  if search_faults.is_too_large(#shown) then
    return
  end
  local score = body.sort == nil and total > 0 and "1.0" or "null"
  reply.ok(('{"took":1,"timed_out":%s,"_shards":{"total":5,"successful":%d,"failed":%d},'
    .. '"hits":{"total":%d,"max_score":%s,"hits":%s}%s}'):format(
      change == "timed_out" and "true" or "false", change == "shards" and 3 or 5,
      change == "shards" and 2 or 0, total, score,
      json.array(shown), sums ~= "" and ',"aggregations":{' .. sums .. "}" or ""))
end

-- Finds the documents, and computes what is asked about all of them.
local function find(body, documents, test, plan, from, size)
  local hits, sources = {}, {}
  for _, document in ipairs(documents) do
    if test(document.source) then
      hits[#hits + 1], sources[#sources + 1] = document, document.source
    end
  end
  local sums = aggregations.compute(plan, sources)
  if body.sort ~= nil then
    sort(hits, sort_keys(body.sort))
  end
  local page = {}
  for index = from + 1, math.min(from + size, #hits) do
    page[#page + 1] = hits[index]
  end
  return page, #hits, sums
end

--- Answers a search.
---@param body any the search body: query, from, size, sort, _source, aggs
---@param documents table[]? index, kind, id, source, names (of its members); nil: the many
--- observations
---@param check function? gets the bounds of the query's ranges by field, returns what is wrong
function search.answer(body, documents, check)
  local change, is_answered = search_faults.next()
  if is_answered then
    return
  end
  local wrong = problem(body)
  if wrong then
    return refuse(wrong)
  end
  local ranges, query = {}, body.query or { match_all = {} }
  local test, why = clauses.compile(query, ranges)
  why = why or (check and check(ranges))
  if why then
    return refuse(why)
  end
  local plan, mistake = aggregations.compile(body.aggs or body.aggregations or {})
  if not plan then
    return refuse(mistake)
  end
  local from, size = body.from or 0, body.size or DEFAULT_SIZE
  if from + size > WINDOW then
    return reply.search_failed()
  end
  if documents then
    local page, total, sums = find(body, documents, test, plan, from, size)
    return send(page, total, body, sums, change)
  end
  local order = time_order(body.sort)
  if not order then
    return refuse "many observations can be sorted only by timestamp"
  end
  local page, total = many_observations.search(tightest(query, {}),
    not is_range_only(query) and test or nil, order == "desc", from, size)
  send(page, total, body, "", change)
end

return search
