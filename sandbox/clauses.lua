--- Query clauses of a search: a subset of Elasticsearch's query language.
local dates = require "sandbox.dates"

local clauses = {}

local compile -- forward: bool holds further clauses

-- What a clause of a kind makes of its value: a test of a document, or nil and what was wrong.
-- `ranges` notes which bounds a required range has, by field.
local KINDS = {}

local function is_list(value)
  return type(value) == "table" and (value[1] ~= nil or next(value) == nil)
end

-- The only name of a table and its value; nil when it has another number of them.
local function only(value)
  if type(value) ~= "table" then
    return nil
  end
  local name, inner = next(value)
  if type(name) == "string" and next(value, name) == nil then
    return name, inner
  end
end

-- Calls `visit` with each value that a document has for a field: "a.b" goes through objects, a list
-- has several values. Returns true as soon as `visit` does.
local function any(source, field, visit)
  local value = source
  for name in field:gmatch "[^.]+" do
    if type(value) ~= "table" then
      return false
    end
    value = value[name]
  end
  if is_list(value) then
    for _, one in ipairs(value) do
      if visit(one) then
        return true
      end
    end
    return false
  end
  return value ~= nil and visit(value) or false
end

clauses.any = any

-- A field that holds text compares text, one that holds a number numbers.
local function equal(value, wanted)
  if type(value) == "number" then
    return tonumber(wanted) == value
  end
  return tostring(value) == tostring(wanted)
end

local function contains(field, wanted, same)
  return function(source)
    return any(source, field, function(value)
      for _, one in ipairs(wanted) do
        if same(value, one) then
          return true
        end
      end
    end)
  end
end

local function is_scalar(value)
  return type(value) == "string" or type(value) == "number" or type(value) == "boolean"
end

function KINDS.match_all()
  return function()
    return true
  end
end

-- {field = value}, or with the value a level deeper: {field = {[deep] = value}}.
local function field_and_value(value, deep)
  local field, wanted = only(value)
  if type(wanted) == "table" then
    wanted = wanted[deep]
  end
  if field and is_scalar(wanted) then
    return field, wanted
  end
  return nil, "takes one field and its value"
end

function KINDS.term(value)
  local field, wanted = field_and_value(value, "value")
  if not field then
    return nil, wanted
  end
  return contains(field, { wanted }, equal)
end

function KINDS.terms(value)
  local field, wanted = only(value)
  if not field or not is_list(wanted) then
    return nil, "takes one field and a list of values"
  end
  return contains(field, wanted, equal)
end

-- Any of the words, in any case.
function KINDS.match(value)
  local field, wanted = field_and_value(value, "query")
  if not field then
    return nil, wanted
  end
  local words = {}
  for word in tostring(wanted):lower():gmatch "[^%s%p]+" do
    words[#words + 1] = word
  end
  return contains(field, words, function(found, word)
    local text = " " .. tostring(found):lower():gsub("[%s%p]+", " ") .. " "
    return text:find(" " .. word .. " ", 1, true) ~= nil
  end)
end

function KINDS.prefix(value)
  local field, wanted = field_and_value(value, "value")
  if not field then
    return nil, wanted
  end
  return contains(field, { tostring(wanted) }, function(found, start)
    return type(found) == "string" and found:sub(1, #start) == start
  end)
end

function KINDS.exists(value)
  local name, field = only(value)
  if name ~= "field" or type(field) ~= "string" then
    return nil, "takes field"
  end
  return function(source)
    return any(source, field, function()
      return true
    end)
  end
end

local COMPARE = {
  gt = function(a, b) return a > b end,
  gte = function(a, b) return a >= b end,
  lt = function(a, b) return a < b end,
  lte = function(a, b) return a <= b end,
}

function KINDS.range(value, ranges)
  local field, bounds = only(value)
  if not field or type(bounds) ~= "table" or next(bounds) == nil then
    return nil, "takes one field and its bounds"
  end
  for name, bound in pairs(bounds) do
    if not COMPARE[name] then
      return nil, 'allows only gt, gte, lt and lte, not "' .. tostring(name) .. '"'
    end
    if not dates.milliseconds(bound) and (field == "timestamp" or type(bound) ~= "string") then
      return nil, name .. " of " .. field .. " takes a number or a date"
    end
  end
  ranges[field] = bounds
  return function(source)
    return any(source, field, function(found)
      for name, bound in pairs(bounds) do
        local limit = bound
        if type(found) == "number" then
          limit = dates.milliseconds(bound)
        end
        if type(found) ~= type(limit) or not COMPARE[name](found, limit) then
          return false
        end
      end
      return true
    end)
  end
end

-- One clause or a list of them.
local function compile_all(value, ranges)
  local tests = {}
  for _, clause in ipairs(is_list(value) and value or { value }) do
    local test, wrong = compile(clause, ranges)
    if not test then
      return nil, wrong
    end
    tests[#tests + 1] = test
  end
  return tests
end

local function count(tests, source)
  local passed = 0
  for _, test in ipairs(tests) do
    passed = passed + (test(source) and 1 or 0)
  end
  return passed
end

function KINDS.bool(value, ranges)
  if type(value) ~= "table" then
    return nil, "takes an object"
  end
  local tests = { must = {}, filter = {}, should = {}, must_not = {} }
  for name, inner in pairs(value) do
    if tests[name] then
      -- A range that may fail, or must, limits nothing.
      local noted = (name == "must" or name == "filter") and ranges or {}
      local compiled, wrong = compile_all(inner, noted)
      if not compiled then
        return nil, nil, wrong
      end
      tests[name] = compiled
    elseif name ~= "minimum_should_match" or type(inner) ~= "number" then
      return nil, 'does not allow "' .. tostring(name) .. '"'
    end
  end
  local required = #tests.must + #tests.filter
  local least = value.minimum_should_match or (required == 0 and #tests.should > 0 and 1) or 0
  return function(source)
    return count(tests.must, source) + count(tests.filter, source) == required
      and count(tests.must_not, source) == 0 and count(tests.should, source) >= least
  end
end

local function known_kinds()
  local names = {}
  for name in pairs(KINDS) do
    names[#names + 1] = name
  end
  table.sort(names)
  return table.concat(names, ", ")
end

---@param query any one clause
---@param ranges table gets the bounds of each range that must hold, by field
---@return function? test of a document's source
---@return string? wrong what was wrong and what is accepted
function compile(query, ranges)
  local kind, value = only(query)
  if not kind then
    return nil, "a clause must be an object with one member"
  end
  if not KINDS[kind] then
    return nil, ('unknown clause "%s" (known: %s)'):format(kind, known_kinds())
  end
  local test, wrong, deeper = KINDS[kind](value, ranges)
  if not test then
    return nil, deeper or kind .. " " .. wrong
  end
  return test
end

clauses.compile = compile

return clauses
