--- Queries of GraphQL: reads a document with one query, its fields, arguments and variables. There
--- are no fragments, directives or mutations.
local json = require "sandbox.json"

local graphql_query = {}

local function fail(reader, wanted)
  error({ message = ("Syntax Error: Expected %s, found %s"):format(wanted,
    reader.token or "<EOF>") }, 0)
end

-- Reads the next token into `reader.token`: a punctuator, name, number or text in quotes.
local function advance(reader)
  local text, position = reader.text, reader.position
  while true do
    position = text:find("[^%s,]", position) or #text + 1
    if text:sub(position, position) ~= "#" then
      break
    end
    position = text:find("\n", position, true) or #text + 1
  end
  local token = text:match('^"[^"\\\n]*"', position) or text:match("^[%a_][%w_]*", position)
    or text:match("^%-?%d[%d.eE+-]*", position) or text:match("^[{}()%[%]:!$=]", position)
  if not token and position <= #text then
    reader.token = text:sub(position, position)
    fail(reader, "a token")
  end
  reader.token, reader.position = token, position + #(token or "")
end

local function take(reader, pattern, wanted)
  local token = reader.token
  if not token or not token:find("^" .. pattern .. "$") then
    fail(reader, wanted or pattern:gsub("%%", ""))
  end
  advance(reader)
  return token
end

local function next_is(reader, token)
  if reader.token == token then
    advance(reader)
    return true
  end
end

local read_value

local function read_object(reader)
  local object = {}
  while not next_is(reader, "}") do
    local name = take(reader, "[%a_][%w_]*", "Name")
    take(reader, ":")
    object[name] = read_value(reader)
  end
  return object
end

local function read_list(reader)
  local list = {}
  while not next_is(reader, "]") do
    list[#list + 1] = read_value(reader)
  end
  return list
end

local CONSTANTS = { ["true"] = true, ["false"] = false, null = json.null }

function read_value(reader)
  if next_is(reader, "$") then
    local name = take(reader, "[%a_][%w_]*", "Name")
    local value = reader.variables[name]
    if not reader.declared[name] then
      error({ message = ('Variable "$%s" is not defined.'):format(name) }, 0)
    end
    return value
  elseif next_is(reader, "{") then
    return read_object(reader)
  elseif next_is(reader, "[") then
    return read_list(reader)
  end
  local token = take(reader, ".+", "a value")
  if CONSTANTS[token] ~= nil then
    return CONSTANTS[token]
  end
  return tonumber(token) or token:match '^"(.*)"$' or token
end

local function read_selection(reader)
  local fields = {}
  repeat
    local field = { name = take(reader, "[%a_][%w_]*", "Name"), arguments = {} }
    field.alias = field.name
    if next_is(reader, ":") then
      field.name = take(reader, "[%a_][%w_]*", "Name")
    end
    if next_is(reader, "(") then
      while not next_is(reader, ")") do
        local name = take(reader, "[%a_][%w_]*", "Name")
        take(reader, ":")
        field.arguments[name] = read_value(reader)
      end
    end
    if next_is(reader, "{") then
      field.fields = read_selection(reader)
    end
    fields[#fields + 1] = field
  until next_is(reader, "}")
  return fields
end

-- ($name: String! = "x", …): types are not looked at.
local function read_variables(reader)
  while not next_is(reader, ")") do
    take(reader, "%$")
    local name = take(reader, "[%a_][%w_]*", "Name")
    take(reader, ":")
    reader.declared[name] = true
    while reader.token and reader.token:find "^[%[%]!%a_]" do
      advance(reader)
    end
    if next_is(reader, "=") then
      local value = read_value(reader)
      if reader.variables[name] == nil then
        reader.variables[name] = value
      end
    end
  end
end

local function read(reader)
  advance(reader)
  if reader.token ~= "{" then
    take(reader, "query", "query")
    if reader.token and reader.token:find "^[%a_]" then
      advance(reader) -- the name of the query
    end
    if next_is(reader, "(") then
      read_variables(reader)
    end
  end
  take(reader, "{")
  local fields = read_selection(reader)
  if reader.token then
    fail(reader, "<EOF>")
  end
  return fields
end

--- Reads a query.
---@param text string
---@param variables table by name
---@return table[]? fields each with name, alias, arguments and perhaps fields
---@return string? problem
function graphql_query.read(text, variables)
  local values = {}
  for name, value in pairs(variables) do
    values[name] = value
  end
  local reader = { text = text, position = 1, variables = values, declared = {} }
  local ok, result = pcall(read, reader)
  if ok then
    return result
  end
  return nil, type(result) == "table" and result.message or tostring(result)
end

return graphql_query
