--- JSON encoder and decoder. Decoding uses a private instance of lua-cjson, because the shared one
--- keeps its settings. Encoding is our own, because lua-cjson 2.1.0 writes 123456789012345 as
--- 1.2345678901234e+14, guesses at mixed tables and cannot mark arrays. The features of the
--- installed cjson are detected at load.

local cjson = require("cjson").new()
local core = require "mic.core"
local errors = require "mic.error"

local json = {}

local MAX_DEPTH = 128
local EXACT = 2 ^ 53
local KEY_LIMIT = 40
local BYTES_PER_VALUE, LEAST_VALUES = 16, 65536
local BYTE_ORDER_MARK = "\239\187\191"

cjson.decode_invalid_numbers(false)
cjson.decode_max_depth(MAX_DEPTH)

--- Metatable that marks an array: cjson's if it can mark the arrays it decodes.
local array_mt = cjson.array_mt or { __name = "mic.array" }
if cjson.decode_array_with_array_mt then
  cjson.decode_array_with_array_mt(true)
end

--- Metatables that mark an array: ours, and cjson's for empty ones.
local array_marks = { [array_mt] = true }
if cjson.empty_array_mt then
  array_marks[cjson.empty_array_mt] = true
end

local integers = core.integers
local math_type = rawget(math, "type") -- nil before 5.3
local reads_floats = math_type ~= nil and math_type(cjson.decode("[1]")[1]) ~= "integer"

--- Messages of `decode` for a text that would cost too much memory.
local TOO_MANY = "more JSON values than allowed"
local TOO_DEEP = ("JSON nested deeper than %d levels"):format(MAX_DEPTH)
json.too_large = { [TOO_MANY] = true, [TOO_DEEP] = true }

--- JSON's null: truthy, equal only to itself.
json.null = cjson.null

local escapes = {
  ['"'] = '\\"',
  ["\\"] = "\\\\",
  ["\b"] = "\\b",
  ["\f"] = "\\f",
  ["\n"] = "\\n",
  ["\r"] = "\\r",
  ["\t"] = "\\t",
}

local function escape(char)
  return escapes[char] or ("\\u%04x"):format(char:byte())
end

local function quote(text)
  return '"' .. text:gsub('[%z\1-\31"\\]', escape) .. '"'
end

--- Formats a number: without a fraction if it is whole, else the shortest text that reads back
--- equal.
---@param number number
---@return string|nil text nil for NaN and infinity
function json.number(number)
  if number ~= number or number == math.huge or number == -math.huge then
    return nil
  end
  if math_type and math_type(number) == "integer" then
    return ("%d"):format(number)
  end
  if number % 1 == 0 and number >= -EXACT and number <= EXACT then
    return number == 0 and "0" or ("%.0f"):format(number)
  end
  local text
  for digits = 14, 17 do
    text = ("%." .. digits .. "g"):format(number)
    if tonumber(text) == number then
      break
    end
  end
  return (text:gsub("[^%d+%-eE]", ".")) -- the decimal point of a locale
end

--- Path of the current value, such as data.items[3].
local function place(state)
  local parts = { state.name }
  for depth = 1, state.depth do
    local key = state.keys[depth]
    if type(key) == "number" then
      parts[#parts + 1] = ("[%s]"):format(json.number(key) or "NaN")
    elseif key:find "^[%a_][%w_]*$" and #key <= KEY_LIMIT then
      parts[#parts + 1] = "." .. key
    else
      local shown = key:gsub(core.utf8_problem(key) and "[^ -~]" or "[%z\1-\31\127]", "?")
      shown = #shown > KEY_LIMIT and shown:sub(1, KEY_LIMIT) .. "..." or shown
      parts[#parts + 1] = '["' .. shown .. '"]'
    end
  end
  return table.concat(parts)
end

local function refuse(state, problem)
  errors.raise(place(state) .. ": " .. problem)
end

local function check_text(state, text)
  local position = core.utf8_problem(text)
  if position then
    refuse(
      state,
      ("text that is not UTF-8 (byte %d of %d) cannot be JSON; "):format(position, #text)
        .. "bytes go as body, or as base64"
    )
  end
end

--- Distinguishes an array from an object.
---@return integer|nil length of the array, nil for an object
---@return string[] names of the object, sorted
local function shape(state, value)
  local count, highest, names = 0, 0, {}
  for key in next, value do
    if type(key) == "string" then
      names[#names + 1] = key
    elseif type(key) ~= "number" then
      refuse(state, ("a key must be a string or a list's position (got %s)"):format(type(key)))
    elseif key % 1 ~= 0 or key < 1 then
      refuse(state, ("the key %s is no position in a list"):format(json.number(key) or "inf"))
    else
      count = count + 1
      highest = key > highest and key or highest
    end
  end

  local marked = array_marks[getmetatable(value)] or false
  if #names > 0 and (count > 0 or marked) then
    refuse(state, "a table with both positions and names cannot be JSON")
  end
  if highest ~= count then
    refuse(state, "a list with holes cannot be JSON; put mic.null where nothing is")
  end
  if count > 0 or marked then
    return count, names
  end
  table.sort(names)
  return nil, names
end

local encode_value

local function encode_array(state, value, length)
  state:add "["
  for index = 1, length do
    if index > 1 then
      state:add ","
    end
    state.keys[state.depth] = index
    encode_value(state, rawget(value, index))
  end
  state:add "]"
end

local function encode_object(state, value, names)
  state:add "{"
  for index, name in ipairs(names) do
    state.keys[state.depth] = name
    check_text(state, name)
    state:add((index > 1 and "," or "") .. quote(name) .. ":")
    encode_value(state, rawget(value, name))
  end
  state:add "}"
end

local function encode_table(state, value)
  if state.open[value] then
    refuse(state, "a table inside itself cannot be JSON")
  end
  if state.depth == MAX_DEPTH then
    state.depth = 0
    refuse(state, ("nested deeper than %d tables"):format(MAX_DEPTH))
  end
  local length, names = shape(state, value)
  state.open[value] = true
  state.depth = state.depth + 1
  if length then
    encode_array(state, value, length)
  else
    encode_object(state, value, names)
  end
  state.depth = state.depth - 1
  state.open[value] = nil
end

function encode_value(state, value)
  local kind = type(value)
  if kind == "string" then
    check_text(state, value)
    state:add(quote(value))
  elseif kind == "number" then
    local text = json.number(value)
    if not text then
      refuse(state, "NaN and infinite numbers cannot be JSON")
    end
    state:add(text)
  elseif kind == "boolean" then
    state:add(value and "true" or "false")
  elseif kind == "table" then
    encode_table(state, value)
  elseif kind == "userdata" and value == json.null then
    state:add "null"
  elseif kind == "userdata" and value == cjson.empty_array then
    state:add "[]"
  elseif kind == "nil" then
    refuse(state, "nil cannot be JSON; use mic.null")
  else
    refuse(state, ("a %s cannot be JSON"):format(kind))
  end
end

local function add(state, text)
  local size = state.size + 1
  state.size = size
  state[size] = text
end

--- Encodes a value: names sorted, no spaces. A table with positions 1 to n is an array, one with
--- names an object; an empty one is `{}`, or `[]` if it went through `array`. Raises for a value
--- that JSON cannot represent, with its path.
---@param value any
---@param name? string name of the value in such a message; default "data"
---@return string text
function json.encode(value, name)
  local state = { add = add, size = 0, name = name or "data", depth = 0, keys = {}, open = {} }
  encode_value(state, value)
  return table.concat(state, "", 1, state.size)
end

--- Returns the most values that a body of a given size limit may have. A table of three bytes of
--- text costs up to a hundred bytes, so this bounds the memory to about ten times the limit. A
--- small limit has no effect.
---@param size number bytes
---@return number
function json.most_values(size)
  return math.max(LEAST_VALUES, math.floor(size / BYTES_PER_VALUE))
end

local function without_mark(text)
  return text:sub(1, #BYTE_ORDER_MARK) == BYTE_ORDER_MARK and text:sub(#BYTE_ORDER_MARK + 1) or text
end

--- Describes why a text could not be decoded.
---@param problem string of cjson
---@param skipped number of bytes before the decoded text
---@param size number of the whole text
---@return string message without content of the text
local function describe(problem, skipped, size)
  if problem:find "nested" then
    return TOO_DEEP
  end
  local position = tonumber(problem:match "at character (%d+)")
  if not position then
    return "not valid JSON"
  end
  position = position + skipped
  if position > size then
    return ("JSON that ends too early, after %d bytes"):format(size)
  end
  return ("not valid JSON at byte %d of %d"):format(position, size)
end

--- Decodes a JSON text; a leading byte order mark is skipped. Whole numbers up to 2^53 are exact,
--- and integers on Lua 5.3 and later.
---@param text string
---@param most? number of values, tables included; a text that has or may have more is refused
---@return any value nil if the text is not JSON; `json.null` for null
---@return string|nil message position of the error, without content of the text; a member of
--- `json.too_large` if decoding would cost too much
function json.decode(text, most)
  if type(text) ~= "string" then
    errors.raise(("json.decode takes a string (got %s)"):format(type(text)))
  end
  -- A value takes at least two bytes, so a short text needs no count.
  if most and #text > 2 * most and not core.json_has_at_most(without_mark(text), most) then
    return nil, TOO_MANY
  end
  local ok, value = pcall(cjson.decode, text)
  if ok then
    return reads_floats and integers(value) or value
  end
  local rest = without_mark(text)
  if #rest < #text then
    ok, value = pcall(cjson.decode, rest)
  end
  if ok then
    return reads_floats and integers(value) or value
  end
  local problem = tostring(value)
  if problem:find "not enough memory" then
    error(value, 0)
  end
  return nil, describe(problem, #text - #rest, #text)
end

--- Marks a table as a JSON array, so that an empty one is encoded as `[]`.
---@param list? table
---@return table list the same table, a new one for nil
function json.array(list)
  list = list == nil and {} or list
  if type(list) ~= "table" then
    errors.raise(("array takes a table (got %s)"):format(type(list)))
  end
  local present = getmetatable(list)
  if present ~= nil and not array_marks[present] then
    errors.raise "array takes a table without a metatable"
  end
  return setmetatable(list, array_mt)
end

return json
