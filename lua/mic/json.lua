--- JSON decoder, a private instance of lua-cjson, because the shared one keeps its settings; null,
--- arrays and numbers. The features of the installed cjson are detected at load.

local cjson = require("cjson").new()
local core = require "mic.core"
local errors = require "mic.error"
local pcall_compat = require "mic.pcall_compat"

local json = {}

local MAX_DEPTH = 128
local EXACT = 2 ^ 53
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
json.array_marks, json.empty_array = array_marks, cjson.empty_array
json.depth_max = MAX_DEPTH

local integers = core.integers
local math_type = rawget(math, "type") -- nil before 5.3
local reads_floats = math_type ~= nil and math_type(cjson.decode("[1]")[1]) ~= "integer"

--- Messages of `decode` for a text that would cost too much memory.
local TOO_MANY = "more JSON values than allowed"
local TOO_DEEP = ("JSON nested deeper than %d levels"):format(MAX_DEPTH)
json.too_large = { [TOO_MANY] = true, [TOO_DEEP] = true }

--- JSON's null: truthy, equal only to itself.
json.null = cjson.null

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

local encode -- of json_encoder, loaded at first use

--- Encodes a value. Raises for a value that JSON cannot represent, with its path.
---@param value any
---@param name? string name of the value in such a message; default "data"
---@return string text
function json.encode(value, name)
  encode = encode or pcall_compat.need("mic.json_encoder").encode
  return encode(value, name)
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
    return ("incomplete JSON (ends after %d bytes)"):format(size)
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
  if most and #text > 2 * most and not core.has_at_most(without_mark(text), most) then
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
