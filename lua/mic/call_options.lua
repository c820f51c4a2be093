--- Option spec of a call, as data for `options.verify`.

local errors = require "mic.error"
local specs = require "mic.option_specs"

local NAME_LIMIT = 60
local METHOD_LIMIT = 23

local usual_methods = { GET = true, POST = true, PUT = true, PATCH = true, DELETE = true }

local function check_method(value)
  return usual_methods[value]
    or (#value <= METHOD_LIMIT and value:find "^[A-Za-z][A-Za-z-]*$" ~= nil)
end

local function is_header_value(value)
  return type(value) == "string" or type(value) == "number"
end

local function check_headers(value)
  for name, content in pairs(value) do
    if type(name) ~= "string" then
      return false, ("must have header names as keys (got a key of type %s)"):format(type(name))
    end
    local list = type(content) == "table" and content or { content }
    for _, item in pairs(list) do
      if not is_header_value(item) then
        local shown = name:gsub("[%z\1-\31\127]", "?"):sub(1, NAME_LIMIT)
        return false,
          ('must contain strings, numbers or lists of these ("%s" is a %s)'):format(
            shown, type(item))
      end
    end
  end
  return true
end

local TEXT, FILE = "string: a string", "string: a file name"
local SECONDS = "number: a positive number of seconds"
local SECONDS_OR_FALSE = "number|false: a positive number of seconds or false"
local BYTES = "number: a positive whole number of bytes"
local FLAG, FUNCTION, TABLE = "boolean: true or false", "function: a function", "table: a table"

local call_options = {
  name = "call",
  fields = {
    method = "string: an HTTP method",
    path = "string: a path",
    params = TABLE,
    query = TABLE,
    headers = TABLE,
    data = "any: a value",
    body = TEXT,
    body_file = FILE,
    auth = FLAG,
    timeout = SECONDS,
    deadline = SECONDS_OR_FALSE,
    retry = specs.retry,
    idempotent = FLAG,
    decode = FLAG,
    save_to = FILE,
    max_size = BYTES,
    on_data = FUNCTION,
    progress = FUNCTION,
  },
  checks = { method = check_method, headers = check_headers },
  may_be_empty = { data = true, body = true },
  ways = {
    query = "query = { name = value }, or ?name=value into the path",
    retry = "retry = { attempts = 3 }",
  },
}

local bodies = { "data", "body", "body_file" }

--- Checks options against each other. Raises for misuse.
---@param given table
function call_options.rule(given)
  local first
  for index = 1, #bodies do
    local name = bodies[index]
    if given[name] ~= nil then
      if first then
        errors.raise(
          ('options "%s" and "%s" cannot be combined: a call has one body'):format(first, name)
        )
      end
      first = name
    end
  end
  if given.save_to and given.on_data then
    errors.raise 'options "save_to" and "on_data" cannot be combined'
  end
  if given.max_size and not given.save_to then
    errors.raise 'option "max_size" requires save_to'
  end
end

return call_options
