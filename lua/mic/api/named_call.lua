--- A call by name: makes path, query, body and options of a row and its arguments, and sends it
--- through the client's verbs.

local call_options = require "mic.call_options"
local errors = require "mic.error"
local find = require "mic.api.find"
local json = require "mic.json"
local pcall_compat = require "mic.pcall_compat"
local retry = require "mic.http.retry"

local named_call = {}

local with_data = { POST = "post", PUT = "put", PATCH = "patch" }
local without_data = { GET = "get", HEAD = "head", DELETE = "delete", OPTIONS = "options" }

--- True if the call takes a table of its own before the options.
---@param row table
---@return boolean
function named_call.has_own(row)
  return row.query ~= nil or row.body == "object"
end

--- Returns how a call is written: "client.users:get(userName, { attributes }, options)".
---@param row table
---@param what string "client.users:get"
---@return string
function named_call.usage(row, what)
  local parts = {}
  for index, name in ipairs(row.parameters) do
    parts[index] = name
  end
  if row.body == "object" then
    local names = table.concat(row.members or {}, ", ", 1, math.min(3, #(row.members or {})))
    parts[#parts + 1] = names == "" and "{ … }" or ("{ %s, … }"):format(names)
  elseif row.query then
    parts[#parts + 1] = ("{ %s }"):format(table.concat(row.query, ", "))
  end
  parts[#parts + 1] = "options"
  return ("%s(%s)"):format(what, table.concat(parts, ", "))
end

--- Raises for wrong arguments, and shows the call.
local function refuse(row, what, problem)
  errors.raise(("%s %s; write %s"):format(what, problem, named_call.usage(row, what)))
end

--- Takes the row's parameters off the front of the arguments.
---@param row table
---@param what string
---@param arguments table with `n`
---@return table values by position
function named_call.values(row, what, arguments)
  local values = {}
  for index, name in ipairs(row.parameters) do
    local value = arguments[index]
    if type(value) == "number" then
      value = json.number(value)
    end
    if type(value) ~= "string" or value == "" then
      local got = value == "" and "an empty string" or type(arguments[index])
      refuse(row, what, ("needs the %s, a string (got %s)"):format(name, got))
    end
    values[index] = value
  end
  return values
end

--- Splits the arguments behind the parameters into the call's own table and the options.
---@param row table
---@param what string
---@param arguments table with `n`
---@return table|nil own
---@return table|nil opts
function named_call.tables(row, what, arguments)
  local first = #row.parameters + 1
  local own, opts
  if named_call.has_own(row) then
    own, opts = arguments[first], arguments[first + 1]
    first = first + 1
  else
    opts = arguments[first]
  end
  for index = first + 1, arguments.n do
    if arguments[index] ~= nil then
      refuse(row, what, ("takes %d arguments at most (got %d)"):format(first, arguments.n))
    end
  end
  if own ~= nil and type(own) ~= "table" then
    refuse(row, what, ("takes a table here (got %s)"):format(type(own)))
  end
  if opts ~= nil and type(opts) ~= "table" then
    refuse(row, what, ("takes a table of options last (got %s)"):format(type(opts)))
  end
  return own, opts
end

local function contains(list, wanted)
  for _, name in ipairs(list or {}) do
    if name == wanted then
      return true
    end
  end
  return false
end

--- Raises for a name in the own table that the endpoint does not have.
local function refuse_own(row, what, name)
  if type(name) ~= "string" then
    refuse(row, what, ("takes parameters with names (got a key of type %s)"):format(type(name)))
  end
  if call_options.fields[name] then
    refuse(row, what, ('has no parameter "%s", which is an option of the call'):format(name))
  end
  local names = pcall_compat.need "mic.option_names"
  local guess = names.meant(name, row.query)
  errors.raise(
    ('%s: unknown parameter "%s"; %sit has %s, others go into query = { … }'):format(
      what, names.shown(name), guess and ('did you mean "%s"? '):format(guess) or "",
      table.concat(row.query, ", ")
    )
  )
end

local function joined(row, what, name, value)
  if type(value) ~= "table" or not contains(row.joined, name) then
    return value
  end
  local texts = {}
  for index, text in ipairs(value) do
    if type(text) ~= "string" then
      errors.raise(("%s: %s must be a list of texts"):format(what, name))
    end
    texts[index] = text
  end
  return table.concat(texts, ",")
end

--- Adds the members of a query; raises for a name that is there already.
local function add_query(query, more, what)
  if type(more) ~= "table" then
    errors.raise(("%s: query must be a table (got %s)"):format(what, type(more)))
  end
  for name, value in pairs(more) do
    if query[name] ~= nil then
      errors.raise(("%s: query.%s is given twice"):format(what, tostring(name)))
    end
    query[name] = value
  end
end

--- Returns the query of a call; nil if there is none.
local function query_of(row, what, values, own, opts)
  local query = {}
  for index, name in ipairs(row.parameters) do
    if not row.path:find("{" .. name .. "}", 1, true) then
      query[name] = values[index]
    end
  end
  if row.query and own then
    for name, value in pairs(own) do
      if contains(row.query, name) then
        if query[name] ~= nil then
          errors.raise(("%s: query.%s is given twice"):format(what, name))
        end
        query[name] = joined(row, what, name, value)
      elseif name ~= "query" then
        refuse_own(row, what, name)
      end
    end
    if own.query ~= nil and not contains(row.query, "query") then
      add_query(query, own.query, what)
    end
  end
  if opts and opts.query ~= nil then
    add_query(query, opts.query, what)
  end
  return next(query) ~= nil and query or nil
end

--- Returns the body; nil if there is none.
local function body_of(row, what, values, own)
  if row.find then
    return find.body(row, own or {}, what, os.time())
  elseif row.body == "object" and own == nil then
    refuse(row, what, "needs a table, the body")
  end
  if row.fills then
    local body = {}
    for index, name in ipairs(row.parameters) do
      body[name] = values[index]
    end
    for name, value in pairs(row.body == "object" and own or {}) do
      body[name] = value
    end
    return body
  end
  return row.body == "object" and own or nil
end

--- Options that are a part of the call already.
local taken = { "method", "path", "params" }

--- The verbs take these members of a body for options in the wrong place.
local telling = { "body", "body_file", "save_to", "on_data", "progress" }

local function looks_like_options(body)
  for _, name in ipairs(telling) do
    if rawget(body, name) ~= nil then
      return true
    end
  end
  return false
end

--- Sends the call of a row.
---@param client table
---@param row table
---@param what string name of the method, for messages
---@param values table the row's parameters, by position
---@param own? table the endpoint's own parameters, or the body
---@param opts? table options of the call
---@return table|nil response
---@return table|nil err
function named_call.send(client, row, what, values, own, opts)
  local options = {}
  for name, value in pairs(opts or {}) do
    options[name] = value
  end
  for _, name in ipairs(taken) do
    if options[name] ~= nil then
      errors.raise(('option "%s" is not for %s'):format(name, what))
    end
  end
  for index, name in ipairs(row.parameters) do
    if row.path:find("{" .. name .. "}", 1, true) then
      options.params = options.params or {}
      options.params[name] = values[index]
    end
  end
  options.query = query_of(row, what, values, row.body ~= "object" and own or nil, opts)
  local body = body_of(row, what, values, own)
  if row.given and row.open and options.auth == nil then -- the profile knows its own open paths
    options.auth = false
  end
  if options.idempotent == nil
    and row.idempotent ~= retry.is_idempotent(row.method, row.path) then
    options.idempotent = row.idempotent
  end
  local verb = with_data[row.method]
  if verb and body ~= nil and not looks_like_options(body) then
    return client[verb](client, row.path, body, next(options) ~= nil and options or nil)
  end
  options.data = body
  if verb then
    return client[verb](client, row.path, nil, next(options) ~= nil and options or nil)
  end
  verb = without_data[row.method]
  if verb then
    return client[verb](client, row.path, next(options) ~= nil and options or nil)
  end
  options.method, options.path = row.method, row.path
  return client:request(options)
end

return named_call
