--- Option checker: checks tables of options against a spec. The specs are in option_specs.

local core = require "mic.core"
local errors = require "mic.error"
local json = require "mic.json"
local specs = require "mic.option_specs"

local options = { client = specs.client, call = specs.call }

local NAME_LIMIT = 60

--- Names (lower case, without underscores) that turn off verification in other libraries.
local verification = {
  verify = true,
  verifyssl = true,
  verifytls = true,
  verifypeer = true,
  verifyhost = true,
  sslverify = true,
  tlsverify = true,
  skipverify = true,
  insecure = true,
  insecureskipverify = true,
  rejectunauthorized = true,
  strictssl = true,
  noverify = true,
}

local function plain(name)
  return (core.lower(name):gsub("[_%-]", ""))
end

--- Edit distance of two words: letters changed, added or dropped.
local function distance(left, right)
  local row = {}
  for column = 0, #right do
    row[column] = column
  end
  for line = 1, #left do
    local diagonal = row[0]
    row[0] = line
    for column = 1, #right do
      local change = diagonal + (left:byte(line) == right:byte(column) and 0 or 1)
      diagonal = row[column]
      row[column] = math.min(change, diagonal + 1, row[column - 1] + 1)
    end
  end
  return row[#right]
end

--- Returns the known name that an unknown one probably means.
local function meant(name, spec, known)
  local wanted = plain(name)
  for _, candidate in ipairs(known) do
    if plain(candidate) == wanted then
      return candidate
    end
  end
  local alias = spec.aliases[wanted]
  if alias then
    return alias
  end
  local best, best_distance = nil, math.min(2, math.floor(#wanted / 3)) + 1
  for _, candidate in ipairs(known) do
    local candidate_distance = distance(wanted, plain(candidate))
    if candidate_distance < best_distance then
      best, best_distance = candidate, candidate_distance
    end
  end
  return best
end

local function known_names(spec)
  local known = {}
  for name in pairs(spec.fields) do
    known[#known + 1] = name
  end
  table.sort(known)
  return known
end

local function refuse_unknown(name, spec, what)
  if type(name) ~= "string" then
    errors.raise(
      ("%s: options have names (got a value under a key of type %s)"):format(what, type(name))
    )
  end
  local prefix = spec.prefix or ""
  if verification[plain(name)] then
    errors.raise(
      ('unknown option "%s%s": verification cannot be turned off; '):format(prefix, name)
        .. "for a certificate authority of your own use tls.ca_file"
    )
  end
  local known = known_names(spec)
  local shown = name:gsub("[%z\1-\31\127]", "?"):sub(1, NAME_LIMIT)
  local guess = meant(name:sub(1, NAME_LIMIT), spec, known)
  local mend = spec.advice and spec.advice[plain(name)]
  if mend then
    mend = mend .. "; "
  elseif guess then
    mend = ('did you mean "%s%s"? '):format(prefix, guess)
  elseif spec.otherwise then
    mend = spec.otherwise:gsub("%%s", (shown:gsub("%%", "%%%%"))) .. "; "
  end
  errors.raise(
    ('unknown option "%s%s"; %sknown options: %s'):format(
      prefix,
      shown,
      mend or "",
      prefix .. table.concat(known, ", " .. prefix)
    )
  )
end

--- Returns a name in `known` with an edit distance of one and the same first letter. Names of
--- options are never reported.
---@param name string
---@param known table by name
---@return string|nil
function options.near_miss(name, known)
  if specs.client.fields[name] or specs.call.fields[name] then
    return nil
  end
  for candidate in pairs(known) do
    if candidate:byte() == name:byte() and distance(name, candidate) == 1 then
      return candidate
    end
  end
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

--- Precomputes what every check of a spec needs.
local function compile(spec)
  local defaults = {}
  for name, field in pairs(spec.fields) do
    local accepts = {}
    for _, type_name in ipairs(field.types) do
      accepts[type_name] = true
    end
    field.accepts = accepts
    defaults[name] = field.default
  end
  spec.defaults = defaults -- last: if memory ends before it, the next check starts over
end

local function has_type(field, value)
  local accepts = field.accepts
  return accepts[type(value)] or accepts.any or (value == false and accepts["false"])
end

local function check_field(prefix, name, value, field, what)
  if has_type(field, value) and value ~= "" and not field.check then
    return value and field.fields and options.verify(value, field, what)
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

--- Checks options without copying them: names, types and values. Raises for misuse. `spec.fields`
--- maps a name to `types`, `expects`, `check`, `default`, `may_be_empty`, `way` (the correct form,
--- for a value of a wrong type), or is a spec itself; `spec.aliases` maps foreign names
--- (lower case, without underscores) to ours;
--- `spec.advice` maps such names to a sentence, `spec.otherwise` is one for any unknown name;
--- `spec.way` follows the method's name if the argument is not a table;
--- `spec.prefix` precedes names in messages; `spec.rule(options, what)` checks the whole table.
---@param given table
---@param spec table
---@param what string name of the method, for messages: "mic.new"
function options.verify(given, spec, what)
  if type(given) ~= "table" then
    local way = spec.way and ("; write %s %s"):format(what, spec.way) or ""
    errors.raise(("%s takes a table of options (got %s)%s"):format(what, type(given), way))
  end
  if not spec.defaults then
    compile(spec)
  end
  local fields, prefix = spec.fields, spec.prefix or ""
  for name, value in pairs(given) do
    local field = fields[name]
    if not field then
      refuse_unknown(name, spec, what)
    end
    check_field(prefix, name, value, field, what)
  end
  if spec.rule then
    spec.rule(given, what)
  end
end

--- Checks options and returns them as a new table, with the defaults filled in. Raises for misuse.
---@param given? table
---@param spec table as for `verify`
---@param what string
---@return table copy
function options.check(given, spec, what)
  options.verify(given or {}, spec, what)
  local copy = {}
  for name, default in pairs(spec.defaults) do
    copy[name] = default
  end
  for name, value in pairs(given or {}) do
    local field = spec.fields[name]
    if field.fields and value then
      value = options.check(value, field, what)
    end
    copy[name] = value
  end
  return copy
end

return options
