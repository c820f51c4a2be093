--- What a loop over pages takes: the endpoint's own parameters, the options of the loop, and those
--- of a call, in one table or two. Loaded with the first loop.

local call_options = require "mic.call_options"
local errors = require "mic.error"
local find = require "mic.api.find"
local options = require "mic.options"

local page_options = {}

local COUNT = "number: a positive whole number"

local loop_fields = {
  page_size = COUNT,
  limit = COUNT,
  after = "string: what position() of such a loop has returned",
}
local KEY = "string: the name of a field that is unique"

--- Options of a call that hold for each request of a loop.
local call_names = { "timeout", "deadline", "retry", "headers", "auth", "idempotent", "query" }

--- Members of a search body that a loop sets.
local set_in_body = { "size", "from", "search_after" }

local function check_count(value)
  return value >= 1 and value % 1 == 0 and value < math.huge
end

--- Names of the API for pages, which a loop sets itself.
local function own_names(row)
  local names = { "size" }
  local known = row.pages or {}
  for _, name in ipairs { "page", "size", "token", "from" } do
    names[#names + 1] = type(known[name]) == "string" and known[name] or nil
  end
  return names
end

--- Specs of a row: of the first table and of the last one.
local specs_of = setmetatable({}, { __mode = "k" })

local function make_specs(row)
  local last = { fields = {}, checks = { headers = call_options.checks.headers }, aliases = {} }
  for name, text in pairs(loop_fields) do
    last.fields[name] = text
  end
  for _, name in ipairs(call_names) do
    last.fields[name] = call_options.fields[name]
  end
  last.ways = call_options.ways
  last.checks.page_size, last.checks.limit = check_count, check_count
  if row.find and row.paging == "from" then
    last.fields.key = KEY
  elseif not row.find and not (row.pages and row.pages.size) then
    last.fields.page_size = nil
  end
  local first = { fields = {}, checks = {}, aliases = {}, name = not row.find and "call" or nil }
  for name, text in pairs(last.fields) do
    first.fields[name], first.checks[name] = text, last.checks[name]
  end
  local own = {}
  if row.find then
    local fields, checks = find.fields(row)
    for name, text in pairs(fields) do
      own[name], first.fields[name], first.checks[name] = true, text, checks[name]
    end
  end
  for _, name in ipairs(row.query or {}) do
    own[name], first.fields[name] = true, "any: a value"
  end
  for _, name in ipairs(own_names(row)) do
    own[name], first.fields[name] = nil, nil
  end
  return { first = first, last = last, own = own }
end

local function find_specs(row)
  specs_of[row] = specs_of[row] or make_specs(row)
  return specs_of[row]
end

--- Returns what a loop takes, as texts of `options.verify`: for the types of editors.
---@param row table of the endpoint table
---@return table<string, string> own parameters of the endpoint
---@return table<string, any> others options of the loop and of its calls
function page_options.fields(row)
  local specs, own = find_specs(row), {}
  for name in pairs(specs.own) do
    own[name] = specs.first.fields[name]
  end
  return own, specs.last.fields
end

local function refuse_size(what, name)
  errors.raise(
    ('%s: the loop sets "%s" itself; use page_size per request, or limit for the total'):format(
      what, name)
  )
end

local function refuse_own_names(row, what, ...)
  local names = own_names(row)
  for index = 1, 3 do
    local given = select(index, ...)
    for _, name in ipairs(type(given) == "table" and names or {}) do
      if given[name] ~= nil then
        refuse_size(what, name)
      end
    end
  end
end

local function check_page_size(row, what, size)
  local window = row.pages and row.pages.window
  if size and window and size > window then
    errors.raise(("%s: page_size must not be larger than %d"):format(what, window))
  end
end

--- Sorts what a loop was given. Raises for misuse.
---@param row table of the endpoint table
---@param what string name of the method, for messages
---@param given? table
---@param opts? table
---@return table own parameters of the endpoint
---@return table looping page_size, limit, after, key
---@return table calling options of a call
function page_options.split(row, what, given, opts)
  given, opts = given == nil and {} or given, opts == nil and {} or opts
  local specs = find_specs(row)
  if type(given) == "table" and type(opts) == "table" then
    refuse_own_names(row, what, given, not row.find and given.query, opts.query)
  end
  options.verify(given, specs.first, what)
  options.verify(opts, specs.last, what)
  local own, looping, calling = {}, {}, {}
  for index, source in ipairs { given, opts } do
    for name, value in pairs(source) do
      local to = calling
      if index == 1 and specs.own[name] then
        to = own
      elseif loop_fields[name] or name == "key" then
        to = looping
      end
      if to[name] ~= nil then
        errors.raise(('%s: "%s" is in both tables'):format(what, name))
      end
      to[name] = value
    end
  end
  check_page_size(row, what, looping.page_size)
  for _, name in ipairs(row.find and type(own.query) == "table" and set_in_body or {}) do
    if own.query[name] ~= nil then
      refuse_size(what, name)
    end
  end
  return own, looping, calling
end

return page_options
