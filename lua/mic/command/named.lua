--- `mic NAME VERB`: the calls of the endpoint table by their names, and their pages.

local answer = require "mic.command.answer"
local body = require "mic.command.body"
local failure = require "mic.command.failure"
local paginate = require "mic.command.paginate"
local raw = require "mic.command.raw"
local rows = require "mic.api.rows"
local target = require "mic.command.target"

local named = {}

--- Returns a name as it is typed: "thing-types".
---@param name string
---@return string
function named.typed(name)
  return (name:gsub("_", "-"))
end

--- Returns the row of a path, for --paginate.
---@param method string
---@param path string without a query
---@return table|nil row
function named.row_of(method, path)
  for _, row in ipairs(rows.builtin().list) do
    if row.method == method and row.path == path and row.paging then
      return row
    end
  end
end

--- Raises if the endpoints are not those of the client's API.
---@param client table
function named.check_api(client)
  if not require("mic.client").inside_of(client).profile.is_mic then
    failure.usage "endpoint commands are for MIC only; for another API use mic get, mic post etc."
  end
end

local function split_query(text)
  local query
  for pair in (text or ""):gmatch "[^&]+" do
    local name, value = pair:match "^([^=]*)=?(.*)$"
    query = query or {}
    local function decoded(part)
      return (part:gsub("+", " "):gsub("%%(%x%x)", function(digits)
        return string.char(tonumber(digits, 16))
      end))
    end
    name, value = decoded(name), decoded(value)
    local present = query[name]
    if type(present) == "table" then
      present[#present + 1] = value
    else
      query[name] = present and { present, value } or value
    end
  end
  return query
end

--- Reads all pages of a path.
---@param client table
---@param method string
---@param path string perhaps with a query
---@param opts table options of the call
---@param options table of the command line
---@param program table|nil
function named.paginate_path(client, method, path, opts, options, program)
  local bare, query = path:match "^([^?]*)%??(.*)$"
  local row = require("mic.client").inside_of(client).profile.is_mic and named.row_of(method, bare)
  if not row then
    failure.usage("%s %s has no pages", method, bare)
  end
  local own = opts.query or {}
  for name, value in pairs(split_query(query) or {}) do
    own[name] = value
  end
  opts.query, opts.params = nil, nil
  if row.body then
    own = opts.body and require("mic.json").decode(opts.body) or {}
    if type(own) ~= "table" then
      failure.usage "--paginate requires a JSON object as body"
    end
    opts.body, opts.headers = nil, nil
  end
  local what = ("%s %s"):format(method, bare)
  local source = require("mic.api.names").source(client, row, what)
  paginate.run(source, own, opts, options, program)
end

--- The rows of a collection that can be called, by method.
local function methods_of(collection)
  local found = {}
  for _, row in ipairs(collection.rows) do
    if not row.unnamed then
      found[select(2, rows.split(row.name))] = row
    end
  end
  return found
end

local function sorted_names(methods)
  local list = {}
  for name in pairs(methods) do
    list[#list + 1] = named.typed(name)
  end
  table.sort(list)
  return table.concat(list, ", ")
end

--- How a call is typed: "mic users get USERNAME".
---@param row table
---@return string
function named.usage(row)
  local collection, method = rows.split(row.name)
  local words = { "mic" }
  words[#words + 1] = collection and named.typed(collection)
  words[#words + 1] = named.typed(method)
  for _, name in ipairs(row.parameters or {}) do
    words[#words + 1] = name:upper()
  end
  return table.concat(words, " ")
end

local function find_row(command, options)
  local index = rows.builtin()
  local name = command.api_name
  if index.tops[name] then
    return index.tops[name], options.args
  end
  local collection = index.collections[name]
  local methods = methods_of(collection)
  local verb = options.args[1]
  if not verb then
    failure.usage("mic %s needs one of: %s", command.name, sorted_names(methods))
  end
  local rest = {}
  for at = 2, #options.args do
    rest[#rest + 1] = options.args[at]
  end
  local row = methods[(verb:gsub("-", "_"))]
  if not row then
    local near = require("mic.options").near_miss(verb, methods)
    failure.usage("mic %s has no '%s'; %s", command.name, verb, near
      and ("did you mean '%s'?"):format(near) or "it has " .. sorted_names(methods))
  end
  if row.with and #rest > 0 then
    row = index.by_name[row.with]
  end
  return row, rest
end

--- Returns the call's own table, its body or its query, and its options.
local function own_of(row, options)
  local opts = raw.call_options(options)
  local own = options.data and body.object(options) or nil
  if options.entries and row.body == "object" and not own then
    own = require("mic.json").decode(body.fields(options):body())
  elseif options.entries and own then
    opts.query = body.query(options)
  elseif options.entries then
    own = body.query(options)
  end
  return own, opts
end

--- The path of a row with its parameters, for people.
local function filled(row, values)
  local path = row.path
  for index, name in ipairs(row.parameters or {}) do
    local at, last = path:find("{" .. name .. "}", 1, true)
    path = at and path:sub(1, at - 1) .. values[index] .. path:sub(last + 1) or path
  end
  return path
end

--- Runs the command.
---@param command table
---@param options table of the command line
function named.run(command, options)
  answer.check(options)
  paginate.check(options)
  local program = answer.program(options)
  local row, values = find_row(command, options)
  if #values ~= #(row.parameters or {}) then
    failure.usage("usage: %s", named.usage(row))
  end
  local own, opts = own_of(row, options)
  local client = target.client(options)
  named.check_api(client)
  local source = require("mic.api.names").source(client, row, named.usage(row), values)
  if options.paginate then
    if not row.paging then
      failure.usage("%s %s has no pages", row.method, row.path)
    end
    paginate.run(source, own, opts, options, program)
    return
  end
  if options.curl then
    require("mic.command.curl").show_named(source, own, opts, options)
    return
  end
  answer.prepare(opts, options)
  raw.confirm(row.method, filled(row, values), options)
  local response, err = failure.checked(source.call, source, own, opts)
  answer.show(response, err, options, { method = row.method, path = row.path,
    save_to = opts.save_to, program = program })
end

return named
