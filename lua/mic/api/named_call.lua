--- A call by name: makes path, query, body and options of a row and its arguments, and sends it
--- through the client's verbs.

local call_options = require "mic.call_options"
local core = require "mic.core"
local errors = require "mic.error"
local find = require "mic.api.find"
local json = require "mic.json"
local pcall_compat = require "mic.pcall_compat"
local retry = require "mic.http.retry"

local named_call = {}

local verbs = { POST = "post", PUT = "put", PATCH = "patch",
  GET = "get", HEAD = "head", DELETE = "delete", OPTIONS = "options" }
local with_data = { POST = true, PUT = true, PATCH = true }

--- What a call needs of its row, by row.
local plans = setmetatable({}, { __mode = "k" })

local function set_of(list)
  local set = {}
  for _, name in ipairs(list or {}) do
    set[name] = true
  end
  return set
end

--- Returns the plan of a row: `parameters`, of which each is in the path or in `in_query`; `own`,
--- what the table of the call is ("query", "body" or nil); `query` and `joined`, sets of names;
--- `idempotent`, an option if the verb would decide otherwise; `verb`, a method of the client.
local function plan_of(row)
  local plan = plans[row]
  if plan then
    return plan
  end
  plan = {
    parameters = row.parameters or {},
    in_query = {},
    own = row.body == "object" and "body" or row.query and "query" or nil,
    query = set_of(row.query),
    joined = set_of(row.joined),
    verb = verbs[row.method],
    has_path = false,
  }
  for _, name in ipairs(plan.parameters) do
    local is_in_path = row.path:find("{" .. name .. "}", 1, true) ~= nil
    plan.in_query[name] = not is_in_path
    plan.has_path = plan.has_path or is_in_path
  end
  -- The client may know the path of a POST as a search.
  if row.method == "POST" or row.idempotent ~= retry.is_idempotent(row.method, row.path) then
    plan.idempotent = row.idempotent
  end
  plans[row] = plan
  return plan
end

local MOST_SHOWN = 3 -- names of a list, in a line that has others

--- Returns a list of names as it is shown in a table; open: there may be others.
local function braces(names, is_short, is_open)
  local last = is_short and math.min(MOST_SHOWN, #names) or #names
  local text = table.concat(names, ", ", 1, last)
  if is_open or last < #names then
    text = text == "" and "…" or text .. ", …"
  end
  return ("{ %s }"):format(text)
end

--- Returns how a call is written: "client.users:get(userName, { attributes }, options)".
---@param row table
---@param what string "client.users:get"
---@param is_short? boolean not all names of the query, and no options
---@return string
function named_call.usage(row, what, is_short)
  local parts = {}
  for index, name in ipairs(row.parameters or {}) do
    parts[index] = name
  end
  if row.body == "object" then
    parts[#parts + 1] = braces(row.members or {}, true, true)
  elseif row.query then
    parts[#parts + 1] = braces(row.query, is_short)
  end
  parts[#parts + 1] = not is_short and "options" or nil
  return ("%s(%s)"):format(what, table.concat(parts, ", "))
end

local function type_name(value)
  return value == json.null and "null" or type(value)
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
  local values, parameters = {}, plan_of(row).parameters
  for index = 1, #parameters do
    local value = arguments[index]
    if type(value) == "number" then
      value = json.number(value)
    end
    if type(value) ~= "string" or value == "" then
      local got = value == "" and "an empty string" or type_name(arguments[index])
      refuse(row, what, ("needs the %s, a string (got %s)"):format(parameters[index], got))
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
  local plan = plan_of(row)
  local last = #plan.parameters + 1
  local own
  if plan.own then
    own, last = arguments[last], last + 1
  end
  local opts = arguments[last]
  for index = last + 1, arguments.n do
    if arguments[index] ~= nil then
      refuse(row, what, ("takes %d arguments at most (got %d)"):format(last, arguments.n))
    end
  end
  if own ~= nil and type(own) ~= "table" then
    refuse(row, what, ("takes a table (got %s)"):format(type_name(own)))
  end
  if opts ~= nil and type(opts) ~= "table" then
    refuse(row, what, ("takes a table of options last (got %s)"):format(type_name(opts)))
  end
  return own, opts
end

--- Raises for a name in the own table that the endpoint does not have.
local function refuse_own(row, what, name)
  if type(name) ~= "string" then
    refuse(row, what, ("takes named parameters (got a key of type %s)"):format(type(name)))
  end
  if call_options.fields[name] then
    refuse(row, what, ('has no parameter "%s": it is a call option'):format(name))
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

local function join(what, name, value)
  if type(value) ~= "table" then
    return value
  end
  local texts = {}
  for index, text in ipairs(value) do
    if type(text) ~= "string" then
      errors.raise(("%s: %s must be a list of strings"):format(what, name))
    end
    texts[index] = text
  end
  return table.concat(texts, ",")
end

--- Adds to a query, which may be nil; raises for a name that is there already.
local function add(query, what, name, value)
  query = query or {}
  if query[name] ~= nil then
    errors.raise(("%s: query.%s is given twice"):format(what, tostring(name)))
  end
  query[name] = value
  return query
end

--- Likewise, all members of a table.
local function add_all(query, what, more)
  if type(more) ~= "table" then
    errors.raise(("%s: query must be a table (got %s)"):format(what, type(more)))
  end
  for name, value in pairs(more) do
    query = add(query, what, name, value)
  end
  return query
end

--- Returns the query of a call; nil if there is none.
local function query_of(row, plan, what, values, own, more)
  local query
  for index, name in ipairs(plan.parameters) do
    if plan.in_query[name] then
      query = add(query, what, name, values[index])
    end
  end
  for name, value in pairs(plan.own == "query" and own or {}) do
    if plan.query[name] then
      query = add(query, what, name, plan.joined[name] and join(what, name, value) or value)
    elseif name == "query" then
      query = add_all(query, what, value)
    else
      refuse_own(row, what, name)
    end
  end
  return more ~= nil and add_all(query, what, more) or query
end

--- Returns the present time by the API's clock, as far as it is known.
local function wall_of(client)
  local mine = require("mic.client").inside_of(client)
  return mine.core and mine.core:wall() or core.wall()
end

--- Returns the body; nil if there is none.
local function body_of(client, row, plan, what, values, own)
  if row.find then
    return find.body(row, own or {}, what, wall_of(client))
  elseif plan.own == "body" and own == nil then
    refuse(row, what, "requires the body, a table")
  elseif not row.fills then
    return plan.own == "body" and own or nil
  end
  local body = {}
  for index, name in ipairs(plan.parameters) do
    body[name] = values[index]
  end
  for name, value in pairs(plan.own == "body" and own or {}) do
    body[name] = value
  end
  return body
end

--- The verbs take these members of a body for options in the wrong place.
local telling = { "body", "body_file", "save_to", "on_data", "progress" }

local function looks_like_options(body)
  for index = 1, #telling do
    if rawget(body, telling[index]) ~= nil then
      return true
    end
  end
  return false
end

--- Options that are a part of the call already.
local taken = { method = true, path = true, params = true }

--- Returns the options of the verb: those of the call, and what the row says.
local function options_of(row, plan, what, values, opts)
  local options = {}
  for name, value in pairs(opts or {}) do
    if taken[name] then
      errors.raise(('option "%s" is not allowed in %s'):format(name, what))
    end
    options[name] = value
  end
  if plan.has_path then
    local params = {}
    for index, name in ipairs(plan.parameters) do
      params[name] = not plan.in_query[name] and values[index] or nil
    end
    options.params = params
  end
  if options.idempotent == nil then
    options.idempotent = plan.idempotent
  end
  if row.given and row.open and options.auth == nil then -- the profile knows its own open paths
    options.auth = false
  end
  return options
end

--- Returns the options of the client's verb: those of the call, with params, query, and what the
--- row says.
---@param row table
---@param what string name of the method, for messages
---@param values table the row's parameters, by position
---@param own? table the endpoint's own parameters, or the body
---@param opts? table options of the call
---@return table options
---@return table plan of the row
function named_call.options(row, what, values, own, opts)
  local plan = plan_of(row)
  local options = options_of(row, plan, what, values, opts)
  options.query = query_of(row, plan, what, values, own, opts and opts.query)
  return options, plan
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
  local options, plan = named_call.options(row, what, values, own, opts)
  local body = body_of(client, row, plan, what, values, own)
  if not plan.verb then
    options.method, options.path, options.data = row.method, row.path, body
    return client:request(options)
  elseif not with_data[row.method] then
    options.data = body
    return client[plan.verb](client, row.path, options)
  end
  if body ~= nil and looks_like_options(body) then
    options.data, body = body, nil
  end
  return client[plan.verb](client, row.path, body, options)
end

return named_call
