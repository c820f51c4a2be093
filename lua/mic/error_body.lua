--- Parses the bodies of error answers, of the API, of gateways and of other services.

local hints = require "mic.hints"

local error_body = {}
local members = hints.members

local NESTING_LIMIT = 3
local DEPTH_LIMIT = 16

--- Fields with the message in other services' error bodies, the first match wins: API Gateway and
--- most others, OAuth 2 (RFC 6749 section 5.2), problem details (RFC 9457), and any with a text.
local foreign = { "message", "Message", "error_description", "detail", "title", "error" }

local function text_of(value)
  if type(value) == "table" then
    value = value.message
  end
  return type(value) == "string" and value ~= "" and value or nil
end

--- Returns the API's own object with the details of the error; nil for other bodies.
local function own_object(data, legacy)
  for _, inner in ipairs { type(legacy) == "table" and legacy or false, data.message or false } do
    if type(inner) == "table" then
      return inner
    end
  end
end

local function read(data, depth)
  if type(data) == "string" and data ~= "" then
    return data, {}
  end
  if type(data) ~= "table" or depth > NESTING_LIMIT then
    return nil, {}
  end
  local legacy = data[members.legacy]
  if type(legacy) == "string" and legacy:find "^%s*{" then
    legacy = require("mic.json").decode(legacy) or legacy
  end
  local inner = own_object(data, legacy)
  if inner then
    local text, details = read(inner, depth + 1)
    return text, next(details) == nil and inner or details
  end
  for _, name in ipairs(foreign) do
    local text = text_of(data[name])
    if text then
      return text, data
    end
  end
  if type(legacy) == "string" and legacy ~= "" then
    return legacy, data
  end
  if type(data.errors) == "table" then
    return read(data.errors[1], depth + 1)
  end
  return nil, data
end

--- Returns the message of a decoded error body, and the table with key, property and parameters.
---@param data any
---@return string|nil message
---@return table details
function error_body.read(data)
  return read(data, 1)
end

--- Describes an answer that is not JSON or has no message.
---@param body string|nil
---@param location string|nil target of a redirect
---@param unfollowed string|nil ": " and why it was not followed
---@return string message
function error_body.describe(body, location, unfollowed)
  if location then
    return "redirect to " .. location .. " was not followed" .. (unfollowed or "")
  end
  if not body or not body:find "%S" then
    return "the response has no body"
  end
  if body:find "^%s*[{%[]" then
    return "an answer of unknown form, see err.response.body"
  end
  if body:find "^%s*<" then
    local title = body:sub(1, 4096):match "<[tT][iI][tT][lL][eE]>([^<]*)"
    return title and title:find "%S" and title or "the response is an HTML page, not JSON"
  end
  return body
end

local function compare_keys(a, b)
  if type(a) ~= type(b) then
    return type(a) < type(b)
  end
  return type(a) ~= "table" and type(a) ~= "boolean" and a < b
end

--- Appends the strings, numbers and booleans of a value, ordered by key.
local function append_values(list, value, depth)
  local kind = type(value)
  if kind == "number" then
    list[#list + 1] = ("%.14g"):format(value)
  elseif kind == "string" or kind == "boolean" then
    list[#list + 1] = tostring(value)
  elseif kind == "table" and depth <= DEPTH_LIMIT then
    local keys = {}
    for key in pairs(value) do
      keys[#keys + 1] = key
    end
    table.sort(keys, compare_keys)
    for _, key in ipairs(keys) do
      append_values(list, value[key], depth + 1)
    end
  end
end

--- Returns what `property` and `message_params` add to the message, if it does not contain them.
---@param err table
---@return string added ": property: value, value", or ""
function error_body.details(err)
  local property, values, added = err.property, {}, {}
  append_values(values, err.message_params, 1)
  local function is_new(text)
    return text ~= "" and not err.message:find(text, 1, true)
  end
  if property and is_new(property) then
    added[1] = ": " .. property
  end
  local separator = ": "
  for _, value in ipairs(values) do
    if value ~= property and is_new(value) then
      added[#added + 1] = separator .. value
      separator = ", "
    end
  end
  return table.concat(added)
end

return error_body
