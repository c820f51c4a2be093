--- JSON encoder. Our own, because lua-cjson 2.1.0 writes 123456789012345 as 1.2345678901234e+14,
--- guesses at mixed tables and cannot mark arrays.

local core = require "mic.core"
local errors = require "mic.error"
local json = require "mic.json"

local json_encoder = {}

local KEY_LIMIT = 40

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
      ("a string that is not UTF-8 (byte %d of %d) cannot be JSON; "):format(position, #text)
        .. "use body, or encode it as base64"
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
      refuse(state, ("a key must be a string or a list index (got %s)"):format(type(key)))
    elseif key % 1 ~= 0 or key < 1 then
      refuse(state, ("the key %s is not a list index"):format(json.number(key) or "inf"))
    else
      count = count + 1
      highest = key > highest and key or highest
    end
  end

  local marked = json.array_marks[getmetatable(value)] or false
  if #names > 0 and (count > 0 or marked) then
    refuse(state, "a table with both indexes and names cannot be JSON")
  end
  if highest ~= count then
    refuse(state, "a list with holes cannot be JSON; use mic.null for empty elements")
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
    refuse(state, "a table that contains itself cannot be JSON")
  end
  if state.depth == json.depth_max then
    state.depth = 0
    refuse(state, ("nested deeper than %d tables"):format(json.depth_max))
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
  elseif kind == "userdata" and value == json.empty_array then
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
function json_encoder.encode(value, name)
  local state = { add = add, size = 0, name = name or "data", depth = 0, keys = {}, open = {} }
  encode_value(state, value)
  return table.concat(state, "", 1, state.size)
end

return json_encoder
