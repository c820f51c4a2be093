--- Tables of endpoints: MIC's own and those of the option `endpoints`, which are checked. An index
--- tells collections and methods.

local errors = require "mic.error"
local options = require "mic.options"

local rows = {}

local TEXT, LIST, TABLE = "string: a string", "table: a list of names", "table: a table"
local FLAG = "boolean: true or false"

local function check_list(value)
  local count = 0
  for key, name in pairs(value) do
    if type(key) ~= "number" or type(name) ~= "string" or name == "" then
      return false
    end
    count = count + 1
  end
  return count == #value
end

local function check_name(value)
  return value:find "^%a[%w_]*$" ~= nil or value:find "^%a[%w_]*%.%a[%w_]*$" ~= nil
end

local function check_method(value)
  return value:find "^%u+$" ~= nil
end

local function check_path(value)
  return value:find "^/[^%s?#]*$" ~= nil
end

local function check_names(value)
  return type(value) == "string" or check_list(value)
end

local COUNT = "number: a whole number, not negative"

local function check_count(value)
  return value >= 0 and value % 1 == 0 and value < 2 ^ 53
end

--- Specs of the fields `pages` and `find` of a row.
local pages_spec = {
  itself = TABLE,
  aliases = {},
  fields = {
    items = TEXT, item = TEXT, key = "string|table: a name or a list of names", total = TEXT,
    total_by = TABLE, page = TEXT, size = TEXT, last = TEXT, more = TEXT, first = COUNT,
    page_size = COUNT, token = TEXT, next = TEXT, encoding = TEXT, from = TEXT,
    window = COUNT,
  },
  checks = {
    key = check_names, first = check_count, page_size = check_count, window = check_count,
  },
}
local find_spec = {
  itself = TABLE,
  aliases = {},
  fields = {
    thing = TEXT, type = TEXT, type_member = TEXT, type_as = 'string: "list" or "text"',
    type_values = LIST, time = TEXT,
  },
  checks = { type_values = check_list },
}

--- Spec of a row, for `options.verify`. Its prefix is set for each row.
local row_spec = {
  aliases = { params = "parameters", verb = "method", url = "path", description = "summary" },
  fields = {
    name = 'string: "method" or "collection.method"',
    method = 'string: an HTTP method in capitals',
    path = 'string: a path that begins with "/", without a query',
    parameters = LIST,
    query = LIST,
    joined = LIST,
    body = 'string: "object" or "bytes"',
    members = LIST,
    required = LIST,
    fills = FLAG,
    find = find_spec,
    paging = 'string: "page", "from", "time", "token" or "one"',
    pages = pages_spec,
    idempotent = FLAG,
    open = 'string: "login" or "key"',
    own = FLAG,
    unnamed = FLAG,
    with = TEXT,
    alias = TEXT,
    discovery = FLAG,
    confidence = 'string: "H", "M" or "L"',
    reply = TEXT,
    summary = TEXT,
    example = TEXT,
  },
  checks = {
    name = check_name, method = check_method, path = check_path, parameters = check_list,
    query = check_list, joined = check_list, members = check_list, required = check_list,
  },
  may_be_empty = { example = true },
}

--- Methods of a collection that go through its pages.
rows.loops = { each = true, pages = true, all = true }

--- What the field `pages` must have for each kind.
local needed = { page = { "page", "size" }, token = { "token", "next" }, from = { "from", "size" } }

--- The names of Elasticsearch, and its limit.
local found = {
  items = "hits.hits", item = "_source", total = "hits.total",
  key = { "_index", "_type", "_id" }, window = 10000, page_size = 500,
}

--- Checks what `paging` needs, and sets the defaults of a search.
local function check_pages(row, prefix)
  local pages = row.pages or {}
  if row.pages and not row.paging then
    errors.raise(('option "%spages" needs paging'):format(prefix))
  elseif row.paging == "time" and not (row.find and row.find.time) then
    errors.raise(('option "%spaging" is "time", which needs find.time'):format(prefix))
  end
  for _, name in ipairs(not row.find and needed[row.paging] or {}) do
    if not pages[name] then
      errors.raise(
        ('option "%spages.%s" is missing: paging is "%s"'):format(prefix, name, row.paging)
      )
    end
  end
  if row.find then
    row.body, row.members = row.body or "object", row.members or { "query" }
    row.pages = pages
    for name, value in pairs(found) do
      pages[name] = pages[name] or value
    end
  end
end

local repeatable = { GET = true, HEAD = true, PUT = true, DELETE = true, OPTIONS = true }

--- Names in a path, in order.
local function names_in(path)
  local names = {}
  for name in path:gmatch "{([^{}]*)}" do
    names[#names + 1] = name
  end
  return names
end

local function set_of(list)
  local set = {}
  for _, name in ipairs(list or {}) do
    set[name] = true
  end
  return set
end

local function copy_of(value)
  if type(value) ~= "table" then
    return value
  end
  local copy = {}
  for name, member in pairs(value) do
    copy[name] = copy_of(member)
  end
  return copy
end

--- Checks a row and returns a copy, with the defaults filled in.
local function read(row, index, what)
  local prefix = ("endpoints[%d]."):format(index)
  row_spec.prefix = prefix
  pages_spec.prefix, find_spec.prefix = prefix .. "pages.", prefix .. "find."
  if type(row) ~= "table" then
    errors.raise(('option "endpoints[%d]" must be a table (got %s)'):format(index, type(row)))
  end
  options.verify(row, row_spec, what)
  for _, name in ipairs { "name", "method", "path" } do
    if row[name] == nil then
      errors.raise(('option "%s%s" is missing'):format(prefix, name))
    end
  end
  local copy = copy_of(row)
  copy.parameters = copy.parameters or names_in(row.path)
  local known = set_of(copy.parameters)
  for _, name in ipairs(names_in(row.path)) do
    if not known[name] then
      errors.raise(
        ('option "%sparameters" lacks "%s", which is in the path'):format(prefix, name)
      )
    end
  end
  if copy.idempotent == nil then
    copy.idempotent = repeatable[row.method] or false
  end
  check_pages(copy, prefix)
  copy.given = true
  return copy
end

--- Splits "users.get" into "users" and "get"; "graphql" into nil and "graphql".
---@param name string
---@return string|nil collection
---@return string method
function rows.split(name)
  local collection, method = name:match "^([^.]*)%.(.*)$"
  return collection, method or name
end

--- Returns the index of a list of rows: `list`, `by_name`, `collections` (name to `{ name, rows,
--- by_method, loop }`) and `tops` (methods of the client, name to row).
local function index_of(list)
  local index = { list = list, by_name = {}, collections = {}, tops = {} }
  for _, row in ipairs(list) do
    index.by_name[row.name] = row
    local name, method = rows.split(row.name)
    if not name then
      index.tops[method] = not row.own and row or nil
    else
      local collection = index.collections[name]
      if not collection then
        collection = { name = name, rows = {}, by_method = {} }
        index.collections[name] = collection
      end
      collection.rows[#collection.rows + 1] = row
      collection.by_method[method] = row
      collection.loop = collection.loop or row.paging and row or nil
    end
    if row.alias then
      index.tops[row.alias] = row
    end
  end
  return index
end

local builtin

--- Returns the index of MIC's endpoints.
---@return table index
function rows.builtin()
  if not builtin then
    builtin = index_of(require "mic.api.endpoints")
  end
  return builtin
end

--- Raises for names that cannot be used.
local function refuse_clashes(index, taken)
  for _, row in ipairs(index.list) do
    local collection, method = rows.split(row.name)
    local prefix = ('option "endpoints": "%s" '):format(row.name)
    if row.given then
      local top = collection or not row.own and method or nil
      if top and taken[top] then
        errors.raise(
          ("%sis not allowed: client:%s is a method of every client"):format(prefix, top)
        )
      elseif row.alias and taken[row.alias] then
        errors.raise(('%shas the alias "%s", a method of every client'):format(prefix, row.alias))
      elseif collection and rows.loops[method] then
        errors.raise(("%sis not allowed: %s is a method for pages"):format(prefix, method))
      elseif collection and index.tops[collection] then
        errors.raise(('%sis not allowed: "%s" is an endpoint'):format(prefix, collection))
      elseif index.by_name[row.name] ~= row then
        errors.raise(prefix .. "is a duplicate name")
      end
      for _, name in ipairs { row.with } do
        if not index.by_name[name] then
          errors.raise(('%shas with = "%s", which is not in the list'):format(prefix, name))
        end
      end
    end
  end
end

--- Checks the rows that a client is given and returns their index. Raises for misuse.
---@param given table a list of rows
---@param base? table index of rows that these extend; one of the same name is replaced
---@param taken table methods of every client, by name
---@param what string name of the method, for messages
---@return table index
function rows.new(given, base, taken, what)
  if #given == 0 and next(given) ~= nil then
    errors.raise 'option "endpoints" must be a list of rows, { { name = …, path = …, … }, … }'
  end
  local own, list = {}, {}
  for position, row in ipairs(given) do
    own[position] = read(row, position, what)
  end
  local replaced = {}
  for _, row in ipairs(own) do
    replaced[row.name] = true
  end
  for _, row in ipairs(base and base.list or {}) do
    if not replaced[row.name] then
      list[#list + 1] = row
    end
  end
  for _, row in ipairs(own) do
    list[#list + 1] = row
  end
  local index = index_of(list)
  refuse_clashes(index, taken)
  return index
end

--- Gives a client the rows of its option `endpoints`: in addition to those of MIC if that is its
--- profile. Raises for misuse.
---@param mine table the client's state
---@param methods table those of every client, by name
function rows.give(mine, methods)
  local base = mine.profile.is_mic and rows.builtin() or nil
  mine.endpoints = rows.new(mine.given.endpoints, base, methods, "mic.new")
end

--- Returns the index of a client's rows.
---@param mine table the client's state
---@return table|nil index nil: it has none
function rows.of(mine)
  return mine.endpoints or mine.profile.is_mic and rows.builtin() or nil
end

local shown = {
  "name", "method", "path", "parameters", "query", "body", "members", "required", "paging",
  "idempotent", "open", "confidence", "reply", "summary", "example",
}

--- Returns a list of the endpoints that can be called by name, for programs: a copy.
---@param mine? table state of the client that is asked for; default: MIC's endpoints
---@return table list of `{ name, method, path, parameters, query, body, members, required, paging,
--- idempotent, open, confidence, reply, summary, example }`
function rows.list(mine)
  local list, index = {}, mine and rows.of(mine) or not mine and rows.builtin()
  for _, row in ipairs(index and index.list or {}) do
    if not row.unnamed then
      local copy = {}
      for _, name in ipairs(shown) do
        copy[name] = copy_of(row[name])
      end
      copy.parameters = copy.parameters or {}
      list[#list + 1] = copy
    end
  end
  return list
end

return rows
