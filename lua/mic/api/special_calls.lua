--- Calls by name that are more than one row of data: GraphQL, and the manifest of a stack.

local errors = require "mic.error"
local json = require "mic.json"
local named_call = require "mic.api.named_call"
local pcall_compat = require "mic.pcall_compat"

local special_calls = {}

local function inside_of(client, what)
  return require("mic.client").inside_of(client)
    or errors.raise(("call it with a colon: %s(…)"):format(what))
end

--- True if a member of an answer is there and not null.
local function has(data, name)
  return data[name] ~= nil and data[name] ~= json.null
end

--- Runs a query of GraphQL. An answer that has `errors` and no `data` is an error of kind `http`.
---@param client table
---@param row table
---@param what string
---@param arguments table query, variables, options; with `n`
---@return table|nil response `data` is the whole answer, with `data` and perhaps `errors`
---@return table|nil err
function special_calls.graphql(client, row, what, arguments)
  local mine = inside_of(client, what)
  local query, variables, opts = arguments[1], arguments[2], arguments[3]
  if type(query) ~= "string" or query == "" then
    errors.raise(
      ("%s needs a query, a string; write %s(query, variables, options)"):format(what, what)
    )
  elseif variables ~= nil and type(variables) ~= "table" then
    errors.raise(("%s takes a table of variables (got %s)"):format(what, type(variables)))
  elseif opts ~= nil and type(opts) ~= "table" then
    errors.raise(("%s takes a table of options last (got %s)"):format(what, type(opts)))
  end
  local body = { query = query, variables = variables }
  local response, err = named_call.send(client, row, what, {}, body, opts)
  local data = response and response.data
  if type(data) ~= "table" or has(data, "data") or not has(data, "errors") then
    return response, err
  end
  local list = data.errors
  if type(list) == "table" and #list == 0 then
    return response
  end
  local facts = errors.context(mine, {
    method = row.method, shown = row.path, attempts = response.attempts,
  })
  facts.response, facts.headers = response, response.headers
  return nil, errors.from_reply(response, data, facts)
end

--- Reads the manifest of a stack. It carries no credentials and needs no API key.
---@param client table
---@param _ table the row
---@param what string
---@param arguments table the stack's host name (default: option `stack`), options; with `n`
---@return table|nil response
---@return table|nil err
function special_calls.stack_manifest(client, _, what, arguments)
  local mine = inside_of(client, what)
  local host, opts = arguments[1], arguments[2]
  if type(host) == "table" and opts == nil then
    host, opts = nil, host
  end
  host = host or mine.given.stack
  if type(host) ~= "string" then
    errors.raise(
      ("%s needs the host name of a stack; write %s(host, options)"):format(what, what)
    )
  elseif opts ~= nil and type(opts) ~= "table" then
    errors.raise(("%s takes a table of options last (got %s)"):format(what, type(opts)))
  end
  local options = { auth = false }
  for name, value in pairs(opts or {}) do
    options[name] = value
  end
  options.query = { hostname = host }
  local url = mine.given.manifest_url or pcall_compat.need("mic.profile.discovery").DEFAULT_URL
  return client:fetch(url, options)
end

return special_calls
