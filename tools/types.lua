--- Writes lua/mic/types.lua to standard output: the types of the module for editors, from the specs
--- of options, the endpoints, the tables of docs/reference.md, and objects as they are at run time.
--- Usage: `make lua/mic/types.lua`.

package.path = "lua/?.lua;" .. package.path

local call_options = require "mic.call_options"
local client_module = require "mic.client"
local endpoints = require "mic.api.endpoints"
local find = require "mic.api.find"
local iterator = require "mic.api.iterator"
local mic = require "mic"
local options = require "mic.option_specs"
local page_options = require "mic.api.page_options"

local row_of = {}
for _, row in ipairs(endpoints) do
  row_of[row.name] = row
end

local out = {}

local function add(format, ...)
  out[#out + 1] = select("#", ...) == 0 and format or format:format(...)
end

--- ---- the reference ----

local function read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read "*a"
  file:close()
  return text
end

local reference = read "docs/reference.md" .. "\n## "

--- Plain text of a cell: links become their names, `\|` a bar. A sentence "See" with a link is
--- dropped.
local function plain(cell)
  cell = cell:gsub("%.? See %[[^%]]*%]%([^)]*%)%.?", ".")
  return (cell:gsub("%.$", ""):gsub("%[([^%]]*)%]%([^)]*%)", "%1"):gsub("\\|", "|"))
end

--- The cells of a line of a table, as plain text but for the first one.
local function cells_of(line)
  local cells = {}
  for cell in line:sub(2):gsub("\\|", "\0"):gmatch "%s*([^|]-)%s*|" do
    cells[#cells + 1] = #cells == 0 and cell or plain((cell:gsub("%z", "|")))
  end
  return cells
end

--- The names and texts of the tables below a heading: a list of { owner, name, text }, "it", "next"
--- of `it:next()`. A text is the last column, with the unit and the default, if there are such.
local function table_of(heading)
  local section = reference:match("\n##+ " .. heading .. "\n(.-)\n##+ ")
  assert(section, "docs/reference.md has no heading " .. heading)
  local found, default_column = {}, nil
  for line in section:gmatch "\n(|[^\n]*)" do
    local cells = cells_of(line)
    if not cells[1]:find "^[`-]" then -- the names of the columns
      default_column = cells[3] == "default" and 3
    end
    local text = cells[#cells]
    local unit, default = cells[2]:match "^number, (%a+)", cells[default_column]
    if unit then
      text = ("%s. In %s"):format(text:gsub("%.$", ""), unit)
    end
    if default and default ~= "" then
      text = ("%s. Default: %s"):format(text:gsub("%.$", ""), default)
    end
    for usage in (cells[1]:match "^`.*" or ""):gmatch "`([^`]*)`" do
      local owner, name = usage:match "^([%w_]*)[:.]([%w_]+)"
      found[#found + 1] =
        { owner = owner or "", name = name or usage:match "^[%w_]*", text = text }
    end
  end
  assert(#found > 0, "docs/reference.md has no table below " .. heading)
  return found
end

--- Texts by name, of the first table that has it; those of one owner, if it is given.
local function texts_of(heading, owner)
  local texts = {}
  for _, entry in ipairs(table_of(heading)) do
    if not texts[entry.name] and (not owner or entry.owner == owner) then
      texts[entry.name] = entry.text
    end
  end
  return texts
end

--- ---- what is written ----

local WIDTH = 96

local function describe(text)
  local line = ""
  for word in (text or ""):gmatch "%S+" do
    if line ~= "" and #line + #word + 1 > WIDTH then
      add("--- " .. line)
      line = word
    else
      line = line == "" and word or line .. " " .. word
    end
  end
  if line ~= "" then
    add("--- " .. line)
  end
end

local function class(name, text)
  add ""
  describe(text)
  add("---@class %s", name)
end

local function field(name, type_name, text)
  describe(text)
  add("---@field %s %s", name, type_name)
end

local function alias(name, words, texts)
  add ""
  add("---@alias %s", name)
  for _, word in ipairs(words) do
    add('---| "%s" # %s', word, texts[word] or "")
  end
end

local function sorted(set)
  local names = {}
  for name in pairs(set) do
    names[#names + 1] = name
  end
  table.sort(names)
  return names
end

--- The names of a set, those of a heading first and in its order. Raises where they differ, unless
--- `may_lack` says that the heading may lack some.
local function in_order(set, heading, may_lack)
  local order, seen = {}, {}
  for _, entry in ipairs(table_of(heading)) do
    if set[entry.name] ~= nil and not seen[entry.name] then
      seen[entry.name] = true
      order[#order + 1] = entry.name
    end
  end
  for _, name in ipairs(sorted(set)) do
    if not seen[name] then
      assert(may_lack, ("%s is not in the table %s"):format(name, heading))
      order[#order + 1] = name
    end
  end
  return order
end

--- ---- types of options ----

--- Where the text of a spec says too little.
local exact = {
  authenticate = "fun(http: table, why: table): table?, any",
  data = "any",
  debug = 'true|1|"headers"|"bodies"|false|fun(line: string)',
  endpoints = "mic.Endpoint[]",
  on_data = "fun(chunk: string): boolean?",
  on_event = "fun(event: mic.Event)",
  params = "table<string, string|number>",
  password = "string|fun(): string",
  progress = "fun(now: integer, total: integer?): boolean?",
  query = "table<string, any>",
  retry = "mic.RetryOptions|false",
  secrets = "table<string, string>",
  store = "mic.Store",
  tls = "mic.TlsOptions",
  transport = '"blocking"|"nginx"|"cqueues"|"luv"|mic.Transport',
  values = "table<string, string>",
}

local client_headers = "table<string, string|number|fun(): (string|number)?>"
local call_headers = "table<string, string|number|(string|number)[]>"

--- The type that the text of a spec says: "number|false: a positive number of seconds or false",
--- 'string: "1.2" or "1.3"'.
local function type_of(text)
  local types, expects = text:match "^([^:]*): (.*)$"
  if types:find "^string" and expects:find '^"' then
    local words = {}
    for word in expects:gmatch '"[^"]*"' do
      words[#words + 1] = word
    end
    types = types:gsub("^string", (table.concat(words, "|"):gsub("%%", "%%%%")))
  end
  if expects:find "list of names" then
    types = types:gsub("table", "string[]")
  elseif expects:find "whole number" then
    types = types:gsub("number", "integer")
  end
  return types
end

--- Fields of a spec of options.
local function option_fields(fields, heading, headers, may_lack)
  local texts = texts_of(heading, "")
  for _, name in ipairs(in_order(fields, heading, may_lack)) do
    local type_name = name == "headers" and headers or exact[name] or type_of(fields[name])
    field(name .. "?", type_name, texts[name])
  end
end

local function without(fields, ...)
  local copy = {}
  for name, text in pairs(fields) do
    copy[name] = text
  end
  for _, name in ipairs { ... } do
    copy[name] = nil
  end
  return copy
end

local function only(fields, ...)
  local copy = {}
  for _, name in ipairs { ... } do
    copy[name] = fields[name]
  end
  return copy
end

--- Fields of which the reference has a table; `types` has their types.
local function documented_fields(heading, types)
  local given = {}
  for _, entry in ipairs(table_of(heading)) do
    local type_name = types[entry.name]
    assert(type_name, ("no type for %s of the table %s"):format(entry.name, heading))
    given[entry.name] = true
    local name, optional = type_name:match "^(.*)%?$", type_name:find "%?$" ~= nil
    field(entry.name .. (optional and "?" or ""), optional and name or type_name, entry.text)
  end
  for name in pairs(types) do
    assert(given[name], ("%s is not in the table %s"):format(name, heading))
  end
end

--- ---- options ----

local client_fields = options.client.fields

local function write_options()
  class("(exact) mic.Options", "Options of `mic.new`.")
  option_fields(client_fields, "Client options", client_headers)
  class("(exact) mic.TlsOptions", "The option `tls`.")
  option_fields(client_fields.tls.fields, "TLS options")
  class("(exact) mic.RetryOptions", "The option `retry`, of a client or a call.")
  option_fields(client_fields.retry.fields, "Retries")
  class("(exact) mic.CallOptions", "Options of a call.")
  option_fields(without(call_options.fields, "method", "path"), "Call options", call_headers)
  class("(exact) mic.Request: mic.CallOptions", "The argument of `client:request`.")
  option_fields(only(call_options.fields, "method", "path"), "Call options")
  class("(exact) mic.BatchRequests", "The argument of `client:batch`.")
  add "---@field [integer] mic.Request"
  field("concurrency?", "integer", "maximum number of calls that run at once. Default: 16")
  class("(exact) mic.LoopOptions", "Options of `each`, `pages` and `all`.")
  local _, fields = page_options.fields(row_of["things.find"]) -- it takes all of them
  option_fields(fields, "Pagination", call_headers)
  class("(exact) mic.FileStoreOptions", "Options of `mic.store.file`.")
  field("path?", "string", "the path of the file. A path that ends in a slash is a folder")
  class("(exact) mic.RedisStoreOptions", "Options of `mic.store.redis`.")
  field("command", "fun(...: string): any, any", "sends one command with your own Redis client")
  field("prefix?", "string", 'precedes all keys. Default: `"mic:"`')
  class("mic.Endpoint", "A row of the option `endpoints`, and of `mic.endpoints()`.")
  documented_fields("Custom endpoints", {
    name = "string", method = "string", path = "string", parameters = "string[]?",
    query = "string[]?", joined = "string[]?", body = '"object"|"bytes"?', members = "string[]?",
    required = "string[]?", paging = '"page"|"token"|"from"|"time"|"one"?', pages = "table?",
    find = "table?", idempotent = "boolean?", open = '"login"|"key"?', alias = "string?",
    confidence = '"H"|"M"|"L"?', reply = "string?", summary = "string?", example = "string?",
  })
end

--- ---- results ----

local function write_aliases()
  local kinds, types = {}, {}
  for _, entry in ipairs(table_of "Kinds of errors") do
    kinds[#kinds + 1] = entry.name
  end
  for _, entry in ipairs(table_of "Events") do
    types[#types + 1] = entry.name
  end
  alias("mic.ErrorKind", kinds, texts_of "Kinds of errors")
  alias("mic.EventType", types, texts_of "Events")
end

local function write_results()
  class("mic.Response", "A response with a status from 200 to 299.")
  documented_fields("The response", {
    status = "integer", headers = "table<string, string>", body = "string", data = "any",
    url = "string", attempts = "integer", timings = "mic.Timings",
    http_version = '"1.0"|"1.1"|"2"|"3"', new_connection = "boolean",
    header_values = "fun(self: mic.Response, name: string): string[]",
  })
  class("mic.Timings", "Seconds since the start of a request.")
  for _, name in ipairs { "name_lookup", "connect", "tls", "first_byte", "total" } do
    field(name, "number")
  end
  class("(exact) mic.BatchResult", "The result of one request of a batch: one of these fields.")
  field("response?", "mic.Response")
  field("err?", "mic.Error")
  class("mic.Error", "An error. `tostring(err)` is one line without secrets.")
  documented_fields("Errors", {
    kind = "mic.ErrorKind", message = "string", hint = "string?", status = "integer?",
    key = "string?", property = "string?", message_params = "table?", request_id = "string?",
    response = "mic.Response?", retryable = "boolean", attempts = "integer?",
    location = "string?", code = "string?", cause = "any", method = "string?", path = "string?",
  })
  class("mic.Event", "The argument of `on_event`.")
  documented_fields("Fields of events", {
    type = "mic.EventType", call = "integer?", method = "string?", path = "string?",
    query = "string?", attempt = "integer?", seconds = "number?", status = "integer?",
    http_version = "string?", new_connection = "boolean?", bytes = "integer?",
    expires = "integer?", next_refresh = "integer?", auth = "boolean?", request_id = "string?",
    delay = "number?", reason = "string?", err = "mic.Error?",
  })
  class("mic.Session", "The result of a login: the response without the credentials.")
  field("user?", "table", "as the API sent it")
  field("permissions?", "table", "as the API sent them")
  add "---@field [string] any"
  class("mic.Status", "The state of a client, without secrets. Times are in seconds since 1970.")
  documented_fields("Status", {
    api = "string", profile = "string", username = "string?", logged_in = "boolean",
    issued = "integer?", expires = "integer?", next_refresh = "integer?", next_login = "integer?",
    transport = "string", store = "string", store_error = "string?", last_error = "string?",
    event_error = "string?", counters = "mic.Counters",
  })
  class("mic.Counters", "Counts since the client was made.")
  for name in texts_of("Status").counters:gmatch "`([%a_]+)`" do
    field(name, "integer")
  end
  class("mic.Credentials", "Credentials, as the client has them.")
  field("token?", "string")
  field("refresh_token?", "string")
  field("identity?", "string")
  field("expires_at?", "number", "in seconds since 1970")
  field("refreshToken?", "string", "the same as `refresh_token`, for MIC")
  field("identityId?", "string", "the same as `identity`, for MIC")
  class("mic.Features", "Versions and features of the build.")
  local features = mic.features()
  for _, name in ipairs(sorted(features)) do
    field(name, type(features[name]))
  end
end

--- ---- stores and transports ----

local function write_functions()
  class("mic.Store", "A store of credentials. Call its functions with a dot. They must not wait.")
  documented_fields("Stores", {
    load = "fun(key: string): (mic.Record|string)?, any",
    save = "fun(key: string, record: mic.Record?, ttl: number?): boolean?, any",
    lock = "fun(key: string, seconds: number): any, any",
    unlock = "fun(key: string, token: any): boolean?, any",
  })
  class("mic.Record", "The saved credentials of one key.")
  field("bytes", "fun(self: mic.Record): string", "the bytes to keep; they contain the secrets")
  class("mic.Transport", "The functions of an event loop.")
  documented_fields("Transports", {
    wait = "fun(descriptor: integer, seconds: number)",
    park = "fun(spot: table, seconds: number)",
    wake = "fun(spot: table)",
    spawn = "fun(task: function, ...: any)",
    running = "fun(): boolean?",
  })
  class("mic.Stores", "The stores of the module.")
  field("memory", "fun(): mic.Store", "keeps credentials as long as the Lua state")
  field("file", "fun(options: mic.FileStoreOptions?): mic.Store", "keeps them in files")
  field("shared_dict", "fun(name: string): mic.Store", "keeps them for all workers of an nginx")
  field("redis", "fun(options: mic.RedisStoreOptions): mic.Store", "keeps them in Redis")
  field("conformance", "fun(options: table): table", "the tests of a store")
end

--- ---- documents of the API ----

--- Types of members that are no texts.
local member_types = {
  acknowledgedAt = "number", acknowledgementRequired = "boolean", concurrency = "integer",
  consent = "boolean", create = "integer", data = "table", delete = "integer",
  enabled = "boolean", hits = "table", identityCodes = "string[]", lockMappings = "boolean",
  query = "table", queryScope = "table", read = "integer", readOnly = "boolean",
  requestedSize = "integer", resources = "table", shadow = "table", simulated = "boolean",
  Size = "integer", source = "table", state = "table", thingCount = "integer",
  timestamp = "integer", update = "integer", variables = "table", virtualResources = "table",
}

--- Items of the collections, by collection: the class, the row that knows the members, and members
--- that only answers have.
local items = {
  { collection = "users", class = "mic.User", row = "users.create" },
  { collection = "things", class = "mic.Thing", row = "things.create",
    more = { "state", "shadow" } },
  { collection = "thing_types", class = "mic.ThingType", row = "thing_types.create",
    more = { "thingCount" } },
  { collection = "observations", class = "mic.Observation",
    more = { "timestamp", "thingName", "thingType", "state" } },
  { collection = "events", class = "mic.ApiEvent", more = { "id", "timestamp", "message",
    "classification", "type", "category", "source", "acknowledgementRequired", "acknowledgedAt",
    "acknowledgedBy" } },
  { collection = "files", class = "mic.File", more = { "Key", "Size", "LastModified" } },
}
local item_of, body_of = {}, {}
for _, item in ipairs(items) do
  item_of[item.collection] = item.class
  for _, method in ipairs { "create", "update", "update_profile" } do
    body_of[item.collection .. "." .. method] = item.row and item.class
  end
end

local function member_fields(names, required)
  local needed = {}
  for _, name in ipairs(required or {}) do
    needed[name] = true
  end
  for _, name in ipairs(names) do
    field(name .. (needed[name] and "" or "?"), member_types[name] or "string")
  end
  add "---@field [string] any"
end

local function write_items()
  for _, item in ipairs(items) do
    class(item.class, "Known members; the API has more.")
    local names = {}
    for _, list in ipairs { item.row and row_of[item.row].members or {}, item.more or {} } do
      for _, name in ipairs(list) do
        names[#names + 1] = name
      end
    end
    member_fields(names)
  end
end

--- ---- the API by name ----

--- "thing_types" → "ThingTypes".
local function camel(name)
  return (("_" .. name):gsub("_(%a)", string.upper))
end

local function class_of_row(row, suffix)
  local collection, method = row.name:match "^(.-)%.(.*)$"
  return "mic." .. (collection and camel(collection) .. camel(method) or camel(row.name)) .. suffix
end

local find_texts = texts_of "Endpoint methods"

--- Parameters of an endpoint: of a search those of the short form and the whole body.
local function parameter_fields(row, fields)
  local joined = {}
  for _, name in ipairs(row.joined or {}) do
    joined[name] = "string|string[]"
  end
  if row.find then
    for _, name in ipairs(in_order(fields, "Endpoint methods", true)) do
      field(name .. "?", member_types[name] or type_of(fields[name]), find_texts[name])
    end
  end
  for _, name in ipairs(row.query or {}) do
    if fields[name] then
      field(name .. "?", joined[name] or "string|number|boolean")
    end
  end
end

--- The type of the table of a call; nil for none. Writes its class.
local function make_own_type(row)
  if body_of[row.name] then
    return body_of[row.name]
  elseif row.body == "object" and not row.find then
    local name = class_of_row(row, "Body")
    class(name, ("The body of `client%s`."):format(row.name:gsub("^(.-)%.", ".%1:")))
    member_fields(row.members or {}, row.required)
    return name
  elseif row.find or row.query then
    local name = class_of_row(row, "Parameters")
    class("(exact) " .. name, ("The parameters of `client.%s`."):format(row.name:gsub("%.", ":")))
    local fields = row.find and find.fields(row) or {}
    for _, query_name in ipairs(row.query or {}) do
      fields[query_name] = "any: a value"
    end
    parameter_fields(row, fields)
    return name
  end
end

local own_types = {} -- by row

local function own_type(row)
  if own_types[row] == nil then
    own_types[row] = make_own_type(row) or false
  end
  return own_types[row] or nil
end

local RESULT = "mic.Response?, mic.Error?"

--- The type of the method of a row. Writes the classes that it needs.
local function method_type(row, self)
  local own = own_type(row)
  local needs_own = row.required and #row.required > 0 and row.body == "object"
  local words = { "self: " .. self }
  for _, name in ipairs(row.parameters or {}) do
    words[#words + 1] = name .. (row.discovery and "?" or "") .. ": string"
  end
  if own then
    words[#words + 1] = (row.body and "body" or "parameters") .. (needs_own and "" or "?") .. ": "
      .. own
  end
  words[#words + 1] = "options?: mic.CallOptions"
  return ("fun(%s): %s"):format(table.concat(words, ", "), RESULT)
end

local function text_of_row(row)
  local marks = { M = " (one source)", L = " (not confirmed)" }
  return ("%s: `%s %s`%s"):format(row.summary, row.method, row.path, marks[row.confidence] or "")
end

--- Collections of the endpoints in their order: name, rows, and the row with pages.
local function collections()
  local list, by_name = {}, {}
  for _, row in ipairs(endpoints) do
    local name = not row.unnamed and row.name:match "^(.-)%."
    if name then
      if not by_name[name] then
        by_name[name] = { name = name, class = "mic." .. camel(name), rows = {} }
        list[#list + 1] = by_name[name]
      end
      local collection = by_name[name]
      collection.rows[#collection.rows + 1] = row
      collection.loop = row.paging and row or collection.loop
    end
  end
  return list
end

local iterator_types = {
  next = "fun(self: %s): %s?, %s",
  retry = "fun(self: %s): %s",
  position = "fun(self: %s): string?",
  total = "fun(self: %s): integer?",
  close = "fun(self: %s)",
}

local function write_iterator(name, item, second)
  class(name, "An iterator over items or pages.")
  local texts = texts_of("Pagination", "it")
  for _, method in ipairs(in_order(iterator.methods, "Pagination")) do
    local type_name = iterator_types[method] or error("no type for it:" .. method)
    local last = method == "retry" and name or item
    field(method, type_name:format(name, last, second or "mic.Error?"), texts[method])
  end
  field("err?", "mic.Error", texts.err)
  field("changed", "boolean", texts.changed)
end

local function write_loops(collection)
  local row, item = collection.loop, item_of[collection.name]
  local second = row.find and "table|mic.Error?" or collection.name == "files" and
    "string|mic.Error?" or nil
  local singular = item:match "%.(.*)$"
  local name = ("mic.%sIterator"):format(singular)
  write_iterator(name, item, second)
  write_iterator(("mic.%sPages"):format(singular), "mic.Response")
  local parameters = ("mic.%sLoop"):format(collection.class:match "%.(.*)$")
  class(("(exact) %s: mic.LoopOptions"):format(parameters),
    ("Parameters and options of `each`, `pages` and `all` of `client.%s`."):format(collection.name))
  parameter_fields(row, (page_options.fields(row)))
  return { item = item, iterator = name, pages = ("mic.%sPages"):format(singular),
    parameters = parameters,
    second = row.find and ", table" or collection.name == "files" and ", string" or "" }
end

local function write_collection(collection)
  local types = {}
  for index, row in ipairs(collection.rows) do
    types[index] = method_type(row, collection.class)
  end
  local loops = collection.loop and write_loops(collection)
  class(collection.class, ("`client.%s`"):format(collection.name))
  for index, row in ipairs(collection.rows) do
    local name = row.name:match "%.(.*)$"
    field(name, types[index], text_of_row(row))
    local other = row.with and row_of[row.with] -- one name for two endpoints
    if other then
      field(name, method_type(other, collection.class), text_of_row(other))
    end
  end
  if loops then
    local texts = texts_of "Pagination"
    local takes = ("fun(self: %s, parameters?: %s, options?: mic.LoopOptions): "):format(
      collection.class, loops.parameters
    )
    field("each", ("%s(%s|fun(): %s%s)"):format(takes, loops.iterator, loops.item, loops.second),
      texts.each)
    field("pages", ("%s(%s|fun(): mic.Response)"):format(takes, loops.pages), texts.pages)
    field("all", ("%s%s[]?, mic.Error?"):format(takes, loops.item), texts.all)
  end
end

--- ---- the client ----

local PATH = "self: mic.Client, path: string, "
local WITHOUT_BODY = ("fun(%soptions?: mic.CallOptions): %s"):format(PATH, RESULT)
local WITH_BODY = ("fun(%sdata?: any, options?: mic.CallOptions): %s"):format(PATH, RESULT)
local OK = "fun(self: mic.Client): true?, mic.Error?"

local method_types = {
  login = "fun(self: mic.Client, username?: string, password?: string): mic.Session?, mic.Error?",
  refresh = OK,
  logout = OK,
  authenticated = "fun(self: mic.Client): boolean",
  credentials = "fun(self: mic.Client): mic.Credentials?",
  use_credentials = "fun(self: mic.Client, credentials: mic.Credentials): true?, mic.Error?",
  auth_headers = "fun(self: mic.Client): table<string, string>?, mic.Error?",
  status = "fun(self: mic.Client): mic.Status",
  request = "fun(self: mic.Client, request: mic.Request): " .. RESULT,
  get = WITHOUT_BODY, head = WITHOUT_BODY, delete = WITHOUT_BODY, options = WITHOUT_BODY,
  post = WITH_BODY, put = WITH_BODY, patch = WITH_BODY,
  fetch = ("fun(self: mic.Client, url: string, options?: mic.CallOptions): %s"):format(RESULT),
  batch = "fun(self: mic.Client, requests: mic.BatchRequests): mic.BatchResult[]",
  close = "fun(self: mic.Client)",
}

--- Methods by name that are more than their row.
local special_types = {
  graphql = "fun(self: mic.Client, query: string, variables?: table, options?: mic.CallOptions): "
    .. RESULT,
}

local function write_client(list)
  local tops, types = {}, {}
  for _, row in ipairs(endpoints) do
    if not row.name:find(".", 1, true) and not row.own and not row.unnamed then
      tops[#tops + 1] = { name = row.name, row = row }
    end
    if row.alias then
      tops[#tops + 1] = { name = row.alias, row = row }
    end
  end
  for index, top in ipairs(tops) do
    types[index] = special_types[top.name] or method_type(top.row, "mic.Client")
  end
  class("mic.Client", "A client, the result of `mic.new`.")
  local texts, own = texts_of "Client methods", {}
  for _, entry in ipairs(table_of "Client methods") do
    own[entry.name] = method_types[entry.name] or error("no type for client:" .. entry.name)
  end
  for name in pairs(client_module.methods) do
    assert(own[name], ("client:%s is not in the table Client methods"):format(name))
  end
  for _, name in ipairs(in_order(own, "Client methods")) do
    field(name, own[name], texts[name])
  end
  for index, top in ipairs(tops) do
    field(top.name, types[index], text_of_row(top.row))
  end
  for _, collection in ipairs(list) do
    field(collection.name, collection.class)
  end
end

--- ---- the module ----

--- Only what lua/mic.lua does not write as a function or field of its own.
local function write_module()
  class("mic", "The module. Its other functions are documented where they are written.")
  for _, name in ipairs { "request", "get", "head", "delete", "options", "post", "put", "patch" } do
    assert(mic[name], name)
    field(name, (method_types[name]:gsub("self: mic%.Client, ", "")),
      ("`client:%s` of the module's client"):format(name))
  end
  field("store", "mic.Stores", "stores")
end

add "---@meta _"
add "--- Types of mic for editors (LuaCATS). Never required: lua-language-server reads it where it"
add "--- is installed. Written by tools/types.lua: `make lua/mic/types.lua`."
write_aliases()
write_options()
write_results()
write_functions()
write_items()
local list = collections()
for _, collection in ipairs(list) do
  write_collection(collection)
end
write_client(list)
write_module()

io.write(table.concat(out, "\n"), "\n")
