--- Aggregations of a search: buckets by value or by time, and metrics over a field. Global
--- aggregations, which the API forbids, are not supported.
local clauses = require "sandbox.clauses"
local json = require "sandbox.json"

local aggregations = {}

local compile, compute -- forward: an aggregation may hold further ones

local UNITS = { s = 1000, m = 60000, h = 3600000, d = 86400000 }
local WORDS = { second = "1s", minute = "1m", hour = "1h", day = "1d" }
local MOST_BUCKETS = 10000
local TERMS_SIZE = 10

local function numbers(sources, field)
  local list = {}
  for _, source in ipairs(sources) do
    clauses.any(source, field, function(value)
      if type(value) == "number" then
        list[#list + 1] = value
      end
    end)
  end
  return list
end

local function sum(list)
  local total = 0
  for _, value in ipairs(list) do
    total = total + value
  end
  return total
end

-- A figure over numbers; nil, which is null, where there is none.
local FIGURES = {
  sum = sum,
  value_count = function(list) return #list end,
  avg = function(list) return list[1] and sum(list) / #list end,
  min = function(list) return list[1] and math.min(unpack(list)) end,
  max = function(list) return list[1] and math.max(unpack(list)) end,
}

local function bucket(first, sources, inner)
  local text = first .. ',"doc_count":' .. #sources
  local more = compute(inner, sources)
  return "{" .. text .. (more ~= "" and "," .. more or "") .. "}"
end

local BUCKETS = {}

-- Elasticsearch keeps booleans as numbers.
local function key_of(value)
  if type(value) == "boolean" then
    return ('"key":%d,"key_as_string":"%s"'):format(value and 1 or 0, tostring(value))
  end
  return '"key":' .. json.encode(value)
end

-- The most frequent values first, equally frequent ones by value.
function BUCKETS.terms(plan, sources)
  local groups, keys = {}, {}
  for _, source in ipairs(sources) do
    clauses.any(source, plan.field, function(value)
      if not groups[value] then
        groups[value] = {}
        keys[#keys + 1] = value
      end
      table.insert(groups[value], source)
    end)
  end
  table.sort(keys, function(a, b)
    if #groups[a] ~= #groups[b] then
      return #groups[a] > #groups[b]
    end
    return tostring(a) < tostring(b)
  end)
  local shown, other = {}, 0
  for index, key in ipairs(keys) do
    if index <= plan.size then
      shown[index] = bucket(key_of(key), groups[key], plan.inner)
    else
      other = other + #groups[key]
    end
  end
  return ('{"doc_count_error_upper_bound":0,"sum_other_doc_count":%d,"buckets":%s}'):format(other,
    json.array(shown))
end

-- One bucket for each interval from the first hit to the last, empty ones too.
function BUCKETS.date_histogram(plan, sources)
  local groups, low, high = {}, nil, nil
  for _, source in ipairs(sources) do
    for _, time in ipairs(numbers({ source }, plan.field)) do
      local key = time - time % plan.interval
      groups[key] = groups[key] or {}
      table.insert(groups[key], source)
      low, high = math.min(low or key, key), math.max(high or key, key)
    end
  end
  local shown = {}
  for key = low or 1, high or 0, plan.interval do
    local text = os.date("!%Y-%m-%dT%H:%M:%S.000Z", key / 1000)
    shown[#shown + 1] = bucket(('"key_as_string":"%s","key":%.0f'):format(text, key),
      groups[key] or {}, plan.inner)
    if #shown == MOST_BUCKETS then
      break
    end
  end
  return '{"buckets":' .. json.array(shown) .. "}"
end

local function interval_of(text)
  local count, unit = (WORDS[text] or tostring(text)):match "^(%d+)([smhd])$"
  local length = count and tonumber(count) * UNITS[unit] or 0
  return length > 0 and length or nil
end

local function known_kinds()
  local names = {}
  for _, kinds in ipairs { FIGURES, BUCKETS } do
    for name in pairs(kinds) do
      names[#names + 1] = name
    end
  end
  table.sort(names)
  return table.concat(names, ", ")
end

-- One aggregation as a plan; nil and what was wrong and is accepted.
local function compile_one(given)
  local inner, kind, options = nil, nil, nil
  for name, value in pairs(type(given) == "table" and given or {}) do
    if name == "aggs" or name == "aggregations" then
      inner = value
    elseif kind then
      return nil, "an aggregation must have one kind"
    else
      kind, options = name, value
    end
  end
  if not (FIGURES[kind] or BUCKETS[kind]) then
    return nil, ('unknown aggregation "%s" (known: %s)'):format(tostring(kind), known_kinds())
  end
  if type(options) ~= "table" or type(options.field) ~= "string" then
    return nil, kind .. " takes a field"
  end
  local plan = {
    kind = kind, field = options.field, size = tonumber(options.size) or TERMS_SIZE,
    interval = interval_of(options.interval),
  }
  if kind == "date_histogram" and not plan.interval then
    return nil, "date_histogram takes an interval such as 1h, 30m or day"
  end
  local wrong
  plan.inner, wrong = compile(inner or {})
  return plan.inner and plan, wrong
end

---@param given any name to aggregation, the search body's `aggs`
---@return table? plan
---@return string? wrong what was wrong and what is accepted
function compile(given)
  if type(given) ~= "table" then
    return nil, "aggs takes an object"
  end
  local plan = {}
  for name, one in pairs(given) do
    local compiled, wrong = compile_one(one)
    if not compiled then
      return nil, wrong
    end
    compiled.name = tostring(name)
    plan[#plan + 1] = compiled
  end
  table.sort(plan, function(a, b)
    return a.name < b.name
  end)
  return plan
end

---@param plan table
---@param sources table[] of the hits
---@return string json the members of an object, without its braces
function compute(plan, sources)
  local parts = {}
  for index, one in ipairs(plan) do
    local text
    if FIGURES[one.kind] then
      local value = FIGURES[one.kind](numbers(sources, one.field))
      text = '{"value":' .. (value and json.encode(value) or "null") .. "}"
    else
      text = BUCKETS[one.kind](one, sources)
    end
    parts[index] = json.encode(one.name) .. ":" .. text
  end
  return table.concat(parts, ",")
end

aggregations.compile, aggregations.compute = compile, compute

return aggregations
