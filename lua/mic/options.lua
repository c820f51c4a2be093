--- Option checker: checks tables of options against a spec. The specs are in option_specs and
--- call_options.

local errors = require "mic.error"
local json = require "mic.json"
local specs = require "mic.option_specs"
local pcall_compat = require "mic.pcall_compat"

local options = {
  client = specs.client,
  check_seconds = specs.checks["a positive number of seconds"],
}

--- Returns a name in `known` with an edit distance of one and the same first letter; nil for the
--- name of an option.
---@param name string
---@param known table by name
---@return string|nil
function options.near_miss(name, known)
  local names = pcall_compat.load "mic.option_names"
  return names and names.near_miss(name, known)
end

local function refuse_unknown(name, spec, what)
  local names = pcall_compat.load "mic.option_names"
  if names then
    names.refuse(name, spec, what)
  end
  errors.raise(("%s: unknown option"):format(what))
end

--- Describes a value without showing a possible secret.
local function describe(value)
  if type(value) == "string" then
    return value == "" and "an empty string" or "another string"
  end
  if type(value) == "number" then
    return json.number(value) or "a number that is not finite"
  end
  return type(value) == "boolean" and tostring(value) or "another " .. type(value)
end

--- Returns the check of a field whose text lists the accepted values in quotation marks.
local function check_listed(expects)
  if expects:sub(1, 1) ~= '"' then
    return nil
  end
  local accepted = {}
  for value in expects:gmatch '"([^"]*)"' do
    accepted[value] = true
  end
  return function(value)
    return type(value) ~= "string" or accepted[value]
  end
end

--- Returns an option's field, parsed from its text at first use; nil for an unknown option.
local function field_of(spec, name)
  local read = spec.read
  if not read then
    read = {}
    spec.read = read
  end
  local field = read[name]
  local text = spec.fields[name]
  if field or not text then
    return field
  end
  local inner = type(text) == "table" and text or nil
  local types, expects = (inner and inner.itself or text):match "^([^:]*): (.*)$"
  local accepts = {}
  for type_name in types:gmatch "[^|]+" do
    accepts[type_name] = true
  end
  field = {
    accepts = accepts,
    expects = expects,
    check = spec.checks and spec.checks[name] or specs.checks[expects] or check_listed(expects),
    may_be_empty = spec.may_be_empty and spec.may_be_empty[name],
    way = spec.ways and spec.ways[name],
    inner = inner,
  }
  read[name] = field
  return field
end

local function has_type(field, value)
  local accepts = field.accepts
  return accepts[type(value)] or accepts.any or (value == false and accepts["false"])
end

local function check_field(prefix, name, value, field, what)
  if has_type(field, value) and value ~= "" and not field.check then
    return value and field.inner and options.verify(value, field.inner, what)
  end
  name = prefix .. name
  if not has_type(field, value) then
    local got = type(value) == "boolean" and tostring(value) or type(value)
    local way = field.way and "; write " .. field.way or ""
    errors.raise(('option "%s" must be %s (got %s)%s'):format(name, field.expects, got, way))
  end
  if value == "" and not field.may_be_empty then
    errors.raise(('option "%s" must be %s (got an empty string)'):format(name, field.expects))
  end
  if field.check then
    local ok, problem = field.check(value)
    if not ok then
      problem = problem or ("must be %s (got %s)"):format(field.expects, describe(value))
      errors.raise(('option "%s" %s'):format(name, problem))
    end
  end
end

--- Checks options without copying them: names, types and values. Raises for misuse.
---
--- Fields of a spec:
--- - `fields` maps a name to a text: types and description ("string|false: …"). Or it maps the
---   name to a spec of a table, whose own text is `itself`. Some texts imply a check
---   (`option_specs.checks`, or values in quotation marks).
--- - `checks`, `defaults` and `may_be_empty` map a name to its check, default, or true.
--- - `ways` maps a name to the correct form, which the message for a wrong type shows.
--- - `aliases` maps names of other libraries (lower case, without underscores) to ours. Those of a
---   spec with a `name` are in option_names.
--- - `way` is the correct form of the whole argument, if it is not a table.
--- - `prefix` precedes names in messages.
--- - `rule(options, what)` checks the whole table.
---@param given table
---@param spec table
---@param what string name of the method, for messages: "mic.new"
function options.verify(given, spec, what)
  if type(given) ~= "table" then
    local way = spec.way and ("; write %s %s"):format(what, spec.way) or ""
    errors.raise(("%s takes a table of options (got %s)%s"):format(what, type(given), way))
  end
  local prefix = spec.prefix or ""
  for name, value in pairs(given) do
    local field = field_of(spec, name)
    if not field then
      refuse_unknown(name, spec, what)
    end
    check_field(prefix, name, value, field, what)
  end
  if spec.rule then
    spec.rule(given, what)
  end
end

--- Checks options. Returns them as a new table with the defaults filled in. Raises for misuse.
---@param given? table
---@param spec table as for `verify`
---@param what string
---@return table copy
function options.check(given, spec, what)
  options.verify(given or {}, spec, what)
  local copy = {}
  for name, default in pairs(spec.defaults or {}) do
    copy[name] = default
  end
  for name, value in pairs(given or {}) do
    local inner = spec.fields[name]
    if type(inner) == "table" and value then
      value = options.check(value, inner, what)
    end
    copy[name] = value
  end
  return copy
end

return options
