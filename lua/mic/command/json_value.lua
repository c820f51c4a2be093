--- Values of JSON that keep the order of names and the digits of numbers, as jq 1.7 does; lua-cjson
--- keeps neither.
---
--- A string and a boolean are Lua's. A number is Lua's if its text is a whole number of at most 15
--- digits, or if it was computed, else a table with `text`. A list has its length in `n`, an object
--- `names` in their order and `values` by name.

local core = require "mic.core"
local decimal = require "mic.command.decimal"
local json_text = require "mic.command.json_text"

local json_value = {}

local DEEPEST = 256
local MOST = 2 ^ 20 -- values, which bounds the memory
local EXACT = 1e15

--- JSON's null.
json_value.null = {}

local null = json_value.null
local words = { ["true"] = true, ["false"] = false, null = null }

--- Returns the kind of a value, as jq names it.
---@param value any
---@return string kind null, boolean, number, string, array or object
function json_value.kind(value)
  if type(value) ~= "table" then
    return type(value)
  elseif value.n then
    return "array"
  elseif value.names then
    return "object"
  end
  return value == null and "null" or "number"
end

--- Reads a number.
---@param text string as the grammar has it
---@return number|table|nil value nil if its exponent is out of range
function json_value.number(text)
  if #text < 16 and text:find "^-?[1-9]%d*$" then
    return tonumber(text)
  elseif text:find "^-?%d+%.%d+$" and not text:find "^-?0%.00000" then
    return { text = text } -- canonical
  end
  return decimal.read(text)
end

--- Creates an empty object.
---@return table object
function json_value.object()
  return { names = {}, values = {} }
end

--- Sets a member of an object; one that is there keeps its place.
---@param object table
---@param name string
---@param value any
function json_value.set(object, name, value)
  if object.values[name] == nil then
    object.names[#object.names + 1] = name
  end
  object.values[name] = value
end

--- Reads a text.
---@param text string
---@return any value nil if the text is not JSON
---@return string|nil message
function json_value.read(text)
  local wrong = core.utf8_problem(text)
  if wrong then
    return nil, ("text that is not UTF-8 (byte %d of %d)"):format(wrong, #text)
  elseif #text > 2 * MOST and not core.has_at_most(text, MOST) then
    return nil, ("JSON of more than %d values"):format(MOST)
  end
  local root, name, unreadable
  local stack, depth = {}, 0
  local function put(value)
    local around = stack[depth]
    if not around then
      root = value
    elseif around.n then
      around.n = around.n + 1
      around[around.n] = value
    else
      json_value.set(around, name, value)
    end
  end
  local ok, message = json_text.walk_whole(text, function(kind, first, last)
    if kind == "name" then
      name = json_text.string(text, first, last)
      unreadable = unreadable or not name and first
      name = name or ""
    elseif kind == "string" then
      local value = json_text.string(text, first, last)
      unreadable = unreadable or not value and first
      put(value or "")
    elseif kind == "number" then
      local value = json_value.number(text:sub(first, last))
      unreadable = unreadable or not value and first
      put(value or 0)
    elseif kind == "word" then
      put(words[text:sub(first, last)])
    elseif kind == "{" or kind == "[" then
      local value = kind == "[" and { n = 0 } or json_value.object()
      put(value)
      depth = depth + 1
      stack[depth] = value
    elseif kind == "}" or kind == "]" then
      stack[depth] = nil
      depth = depth - 1
    end
  end, DEEPEST)
  if not ok or unreadable then
    return nil, message or json_text.problem(text, unreadable)
  end
  return root
end

local function number_text(value)
  return type(value) == "table" and value.text or decimal.of_double(value)
end

local function write(value, parts)
  local kind = json_value.kind(value)
  if kind == "string" then
    parts[#parts + 1] = json_text.quote(value)
  elseif kind == "number" then
    parts[#parts + 1] = number_text(value)
  elseif kind == "array" then
    parts[#parts + 1] = "["
    for index = 1, value.n do
      if index > 1 then
        parts[#parts + 1] = ","
      end
      write(value[index], parts)
    end
    parts[#parts + 1] = "]"
  elseif kind == "object" then
    parts[#parts + 1] = "{"
    for index, name in ipairs(value.names) do
      parts[#parts + 1] = (index > 1 and "," or "") .. json_text.quote(name) .. ":"
      write(value.values[name], parts)
    end
    parts[#parts + 1] = "}"
  else
    parts[#parts + 1] = kind == "null" and kind or tostring(value)
  end
end

--- Writes a value without spaces.
---@param value any
---@return string
function json_value.write(value)
  local parts = {}
  write(value, parts)
  return table.concat(parts)
end

--- Returns a number as a double.
---@param value number|table
---@return number
function json_value.double(value)
  return type(value) == "number" and value or tonumber(value.text)
end

--- Returns the names of an object, sorted by their bytes.
---@param object table
---@return table list with `n`
function json_value.sorted_names(object)
  local names = { n = #object.names }
  for index = 1, names.n do
    names[index] = object.names[index]
  end
  table.sort(names)
  return names
end

--- Returns nil for a number that was computed and may be rounded.
local function as_decimal(value)
  if type(value) == "table" then
    return value.digits and value or decimal.read(value.text)
  end
  return value % 1 == 0 and value > -EXACT and value < EXACT and decimal.read(("%d"):format(value))
end

local function compare_numbers(left, right)
  if type(left) == "number" and type(right) == "number" then
    return left < right and -1 or left > right and 1 or 0
  end
  local one, other = as_decimal(left), as_decimal(right)
  if one and other then
    return decimal.compare(one, other)
  end
  return compare_numbers(json_value.double(left), json_value.double(right))
end

local ranks = { null = 1, number = 4, string = 5, array = 6, object = 7 }

local function rank(value, kind)
  return ranks[kind] or value and 3 or 2
end

local compare

local function compare_lists(left, right)
  for index = 1, math.min(left.n, right.n) do
    local order = compare(left[index], right[index])
    if order ~= 0 then
      return order
    end
  end
  return left.n - right.n
end

local function compare_objects(left, right)
  local names = json_value.sorted_names(left)
  local order = compare_lists(names, json_value.sorted_names(right))
  for index = 1, order == 0 and names.n or 0 do
    order = compare(left.values[names[index]], right.values[names[index]])
    if order ~= 0 then
      break
    end
  end
  return order
end

function compare(left, right)
  local left_kind, right_kind = json_value.kind(left), json_value.kind(right)
  local order = rank(left, left_kind) - rank(right, right_kind)
  if order ~= 0 then
    return order
  elseif left_kind == "number" then
    return compare_numbers(left, right)
  elseif left_kind == "string" then
    return left == right and 0 or left < right and -1 or 1
  elseif left_kind == "array" then
    return compare_lists(left, right)
  elseif left_kind == "object" then
    return compare_objects(left, right)
  end
  return 0
end

--- Compares two values in jq's order: null, false, true, numbers, strings, lists, objects.
---@param left any
---@param right any
---@return integer order negative, 0 or positive
function json_value.compare(left, right)
  return compare(left, right)
end

return json_value
