--- The API by name: `client.users:get(…)`, `client:whoami()`. Collections and methods come from the
--- rows of `mic.api.endpoints`, and from those of the option `endpoints`.

local errors = require "mic.error"
local named_call = require "mic.api.named_call"
local options = require "mic.options"
local pcall_compat = require "mic.pcall_compat"
local rows = require "mic.api.rows"

local names = {}

--- Key of a collection's client.
local CLIENT = {}

--- ---- methods ----

local function pack(...)
  return { n = select("#", ...), ... }
end

--- The row that is meant by these arguments: some rows have another one for a call with arguments.
local function row_for(index, row, first)
  if row.with and (type(first) == "string" or type(first) == "number") then
    return index.by_name[row.with]
  end
  return row
end

local function call(index, client, row, what, ...)
  row = row_for(index, row, (...))
  local arguments = pack(...)
  local values = named_call.values(row, what, arguments)
  return named_call.send(client, row, what, values, named_call.tables(row, what, arguments))
end

--- A source of pages, for mic.api.pages: `client`, `row`, `what` (for messages), `values` (the
--- row's parameters, by position) and `call`.
local source_methods = {}
local source_mt = { __index = source_methods }

--- Sends one call of the row.
---@param own? table the endpoint's own parameters, or the body
---@param opts? table options of the call
---@return table|nil response
---@return table|nil err
function source_methods:call(own, opts)
  return named_call.send(self.client, self.row, self.what, self.values, own, opts)
end

--- Returns a source of pages.
---@param client table
---@param row table a row with `paging`
---@param what string name of the method, for messages
---@param values? table the row's parameters, by position
---@return table source
function names.source(client, row, what, values)
  return setmetatable({ client = client, row = row, what = what, values = values or {} }, source_mt)
end

--- Goes through the pages of a row: `kind` is "each", "pages" or "all". The functions of this name
--- take a source, the call's own table and the options.
local function loop(client, row, what, kind, ...)
  local arguments = pack(...)
  local source = names.source(client, row, what, named_call.values(row, what, arguments))
  return pcall_compat.need("mic.api.pages")[kind](
    source, named_call.tables(row, what, arguments)
  )
end

--- ---- collections ----

--- Metatables of the collections, by collection of an index.
local metatables = setmetatable({}, { __mode = "k" })

local function client_of(collection, what)
  local client = type(collection) == "table" and rawget(collection, CLIENT)
  return client or errors.raise(("call it with a colon: %s(…)"):format(what))
end

local function method_names(collection)
  local list = {}
  for _, row in ipairs(collection.rows) do
    if not row.unnamed then
      local _, method = rows.split(row.name)
      list[#list + 1] = method
    end
  end
  if collection.loop then
    list[#list + 1] = "each"
    list[#list + 1] = "pages"
    list[#list + 1] = "all"
  end
  return list
end

local function refuse_unknown(collection, name)
  local row = collection.by_method[name]
  if row then
    errors.raise(
      ('client.%s has no "%s": the API may not have it; '):format(collection.name, name)
        .. ('if it does, call client:request { method = "%s", path = "%s", … }'):format(
          row.method, row.path
        )
    )
  end
  local option_names = pcall_compat.need "mic.option_names"
  local known = method_names(collection)
  local guess = option_names.meant(name, known)
  guess = guess and ("did you mean %s? "):format(guess) or ""
  errors.raise(
    ('client.%s has no "%s"; %sit has %s'):format(
      collection.name, option_names.shown(name), guess, table.concat(known, ", ")
    )
  )
end

--- Makes the method of a name; nil for a name that is none.
local function method_of(index, collection, name)
  local what = ("client.%s:%s"):format(collection.name, name)
  local row = collection.by_method[name]
  if row and not row.unnamed then
    return function(self, ...)
      return call(index, client_of(self, what), row, what, ...)
    end
  elseif collection.loop and rows.loops[name] then
    return function(self, ...)
      return loop(client_of(self, what), collection.loop, what, name, ...)
    end
  end
end

--- Lists the calls of a collection, a line each.
local function describe(collection)
  local lines = {}
  for _, row in ipairs(collection.rows) do
    if not row.unnamed then
      local _, method = rows.split(row.name)
      lines[#lines + 1] = ("  %s: %s %s%s"):format(
        named_call.usage(row, method, true), row.method, row.path,
        row.confidence == "L" and " (not confirmed)" or ""
      )
    end
  end
  if collection.loop then
    lines[#lines + 1] = "  each, pages, all"
  end
  return ("client.%s\n%s"):format(collection.name, table.concat(lines, "\n"))
end

local function metatable_of(index, collection)
  local found = metatables[collection]
  if not found then
    local methods = {}
    found = { __name = "mic.collection" }
    function found.__index(_, name)
      local method = methods[name]
      if not method and type(name) == "string" and not name:find "^__" then
        method = method_of(index, collection, name) or refuse_unknown(collection, name)
        methods[name] = method
      end
      return method
    end
    function found.__tostring()
      return describe(collection)
    end
    metatables[collection] = found
  end
  return found
end

--- ---- names of a client ----

--- Methods that are more than a call of their row.
local special = { graphql = true, stack_manifest = true }

local function top_method(index, row, name)
  local what = "client:" .. name
  if special[row.name] and not row.given then
    local api_calls = pcall_compat.need "mic.api.special_calls"
    return function(self, ...)
      return api_calls[row.name](self, row, what, pack(...))
    end
  end
  return function(self, ...)
    if type(self) ~= "table" or not self.request then
      errors.raise(("call it with a colon: %s(…)"):format(what))
    end
    return call(index, self, row, what, ...)
  end
end

local function find(client, name, index)
  local collection = index.collections[name]
  if collection then
    return setmetatable({ [CLIENT] = client }, metatable_of(index, collection))
  end
  local row = index.tops[name]
  return row and not row.unnamed and top_method(index, row, name) or nil
end

--- Returns all names that a client has besides its own methods.
---@param index? table of `rows.new`; default: MIC's
---@return table<string, true>
function names.all(index)
  index = index or rows.builtin()
  local all = {}
  for _, group in ipairs { index.collections, index.tops } do
    for name in pairs(group) do
      all[name] = true
    end
  end
  return all
end

--- Returns what a client has under a name that is no method of every client: a collection, a
--- method, or nil. Raises for a near miss.
---@param client table
---@param name string
---@param mine table|nil the client's state
---@return any found
function names.look_up(client, name, mine)
  local index = mine and rows.of(mine)
  local found = index and find(client, name, index)
  if found then
    return found
  end
  local near = options.near_miss(name, require("mic.client").methods)
  if near then
    errors.raise(('client has no method "%s"; did you mean client:%s(…)?'):format(name, near))
  end
  near = index and options.near_miss(name, names.all(index))
  if near then
    errors.raise(('client has no "%s"; did you mean client.%s?'):format(name, near))
  end
end

return names
