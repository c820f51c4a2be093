--- Formats any value as readable text, for a prompt or a log.

local core = require "mic.core"
local json = require "mic.json"

local pretty = {}

local WIDTH = 80
local DEEPEST = 32
local INDENT = "  "

local words = {}
for word in
  ("and break do else elseif end false for function goto if in local nil not or repeat return then "
    .. "true until while"):gmatch "%a+"
do
  words[word] = true
end

local escapes = { ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t", ['"'] = '\\"', ["\\"] = "\\\\" }

local function escape(byte)
  return escapes[byte] or ("\\%03d"):format(byte:byte())
end

local function escape_all(text)
  return (text:gsub(".", escape))
end

--- Patterns of the multi-byte control characters, and of those that change the direction of a text.
pretty.controls = {
  "\194[\128-\159]", "\226\128[\142\143\170-\174]", "\226\129[\166-\169]", "\216\156",
}

--- Quotes a text; bytes that a terminal may interpret are escaped.
local function quote(text)
  local is_utf8 = not core.utf8_problem(text)
  text = text:gsub('[%z\1-\31\127"\\]', escape)
  if not is_utf8 then
    text = text:gsub("[\128-\255]", escape)
  end
  for _, control in ipairs(pretty.controls) do
    text = text:gsub(control, escape_all)
  end
  return '"' .. text .. '"'
end

local function quote_masked(state, text)
  return quote(state.mask(text))
end

local function name_of(state, key)
  if type(key) == "string" then
    return key:find "^[%a_][%w_]*$" and not words[key] and state.mask(key)
      or "[" .. quote_masked(state, key) .. "]"
  end
  return "[" .. (type(key) == "number" and json.number(key) or tostring(key)) .. "]"
end

local function by_text(left, right)
  return tostring(left) < tostring(right)
end

local function by_kind(left, right)
  if type(left) ~= type(right) then
    return type(left) < type(right)
  end
  if type(left) == "number" then
    return left < right
  end
  return by_text(left, right)
end

--- Shows values whose metatable has `__readable`, a function that returns the table to show.
local ours = { ["mic.response"] = true, ["mic.status"] = true, ["mic.session"] = true }

local show

local function members(state, value)
  local parts, names, count = {}, {}, 0
  while rawget(value, count + 1) ~= nil do
    count = count + 1
    parts[count] = show(state, rawget(value, count))
  end
  for key in next, value do
    if not (type(key) == "number" and key >= 1 and key <= count and key % 1 == 0) then
      names[#names + 1] = key
    end
  end
  table.sort(names, by_kind)
  for _, key in ipairs(names) do
    parts[#parts + 1] = name_of(state, key) .. " = " .. show(state, rawget(value, key))
  end
  return parts
end

local function show_table(state, value)
  if state.open[value] then
    return "(a table that contains this)"
  end
  if state.depth == DEEPEST then
    return "{ … }"
  end
  state.open[value] = true
  state.depth = state.depth + 1
  local parts = members(state, value)
  state.depth = state.depth - 1
  state.open[value] = nil
  if #parts == 0 then
    return "{}"
  end
  local line = "{ " .. table.concat(parts, ", ") .. " }"
  if #line + #INDENT * state.depth <= WIDTH and not line:find("\n", 1, true) then
    return line
  end
  local indent = "\n" .. INDENT:rep(state.depth)
  return "{" .. indent .. INDENT .. table.concat(parts, "," .. indent .. INDENT) .. indent .. "}"
end

function show(state, value)
  if type(value) == "string" then
    return quote_masked(state, value)
  elseif type(value) == "number" then
    return state.mask(json.number(value) or tostring(value))
  elseif value == json.null then
    return "null"
  elseif type(value) ~= "table" then
    return state.mask(tostring(value))
  end
  local meta = getmetatable(value)
  local readable = type(meta) == "table" and ours[meta.__name] and rawget(meta, "__readable")
  if readable then
    return show_table(state, readable(value))
  elseif type(meta) == "table" and rawget(meta, "__tostring") then
    return state.mask(tostring(value))
  end
  return show_table(state, value)
end

--- Formats a value.
---@param value any
---@param mask fun(text: string): string hides secrets
---@return string
function pretty.text(value, mask)
  return show({ mask = mask, open = {}, depth = 0 }, value)
end

return pretty
