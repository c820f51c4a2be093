--- Loops over all pages of an endpoint: `each`, `pages` and `all` of `client.users` and the other
--- names. Which kind of pages it has, its row says; what a loop takes is checked before it begins.

local core = require "mic.core"
local errors = require "mic.error"
local find = require "mic.api.find"
local iterator = require "mic.api.iterator"
local named_call = require "mic.api.named_call"
local page_options = require "mic.api.page_options"
local page_request = require "mic.api.page_request"
local pcall_compat = require "mic.pcall_compat"
local position = require "mic.api.position"

local pages = {}

local kinds = {
  one = "mic.api.numbered_pages",
  page = "mic.api.numbered_pages",
  token = "mic.api.token_pages",
  from = "mic.api.offset_pages",
  range = "mic.api.window_pages",
}

--- Returns "asc" or "desc" if a sort of Elasticsearch is by this field first; nil for another.
local function order_by(sort, field)
  if sort == nil then
    return "asc"
  end
  local first = sort
  if type(sort) == "table" and sort[1] ~= nil then
    first = sort[1]
  end
  if first == field then
    return "asc"
  end
  local name, order = next(type(first) == "table" and first or {})
  if name ~= field or next(first, name) ~= nil then
    return nil
  end
  if type(order) == "table" then
    order = order.order or "asc"
  end
  order = type(order) == "string" and core.lower(order)
  return (order == "asc" or order == "desc") and order or nil
end

--- Sets what a search by a moving range needs: `field`, `sort`, `descending`, `is_time`, and the
--- kind. False: the search is not sorted so that one can be used.
local function use_range(loop, key)
  local search = loop.parts.search
  if key then
    if search.sort ~= nil then
      errors.raise(loop.what .. ": key and sort cannot be combined: key sets the sort")
    end
    loop.field, loop.sort, loop.kind = key, { { [key] = "asc" } }, "key:" .. key
    return true
  end
  local field = loop.row.find.time
  local order = loop.row.paging == "time" and order_by(search.sort, field)
  if not order then
    return false
  end
  loop.field, loop.is_time, loop.descending = field, true, order == "desc"
  loop.sort, loop.kind = search.sort or { { [field] = "asc" } }, "time:" .. order
  return true
end

--- Returns the loop of a call, checked, and the state of its pages. Raises for misuse.
local function prepare(source, given, opts)
  local client, row, what = source.client, source.row, source.what
  local self = require("mic.client").inside_of(client) -- which loads this in nginx
  local own, looping, calling = page_options.split(row, what, given, opts)
  local loop = {
    client = client,
    state = self,
    row = row,
    what = what,
    names = row.pages or {},
    options = named_call.options(row, what, source.values, own, calling),
    given = own,
    limit = looping.limit,
    page_size = looping.page_size,
    kind = row.paging,
    on_response = source.on_response, -- of the command: sees each answer as it came
  }
  local module = row.paging
  if row.find then
    local wall = self.core and self.core:wall() or core.wall()
    loop.parts = find.split(row, own, what, wall)
    module = use_range(loop, looping.key) and "range" or "from"
    loop.kind = loop.kind == "time" and "from" or loop.kind
  end
  if looping.after ~= nil then
    loop.place = position.place(looping.after, row.name, loop.kind, what)
  end
  local pager = pcall_compat.need(kinds[module]).new(loop)
  page_request.build(loop, pager:request(), self.profile) -- misuse raises now
  return loop, pager
end

--- Returns the iterator over the items. `source` is what names make: client, row (of the endpoint
--- table, with `paging`), what (name of the method, for messages: "client.users:each") and values
--- (the row's parameters, by position).
---@param source table
---@param given? table the endpoint's own parameters, with page_size, limit, after, and options of
--- a call, which hold for each request
---@param opts? table options of a call, and of the loop
---@return table it
function pages.each(source, given, opts)
  return iterator.new(prepare(source, given, opts))
end

--- Returns the iterator over the responses, in which entries are left out that a page before had.
---@param source table
---@param given? table
---@param opts? table
---@return table it
function pages.pages(source, given, opts)
  local loop, pager = prepare(source, given, opts)
  loop.whole = true
  return iterator.new(loop, pager)
end

--- Returns all items as a list. Where there are pages, `limit` has to be given.
---@param source table
---@param given? table
---@param opts? table
---@return table|nil list
---@return table|nil err
function pages.all(source, given, opts)
  local loop, pager = prepare(source, given, opts)
  if not loop.limit and source.row.paging ~= "one" then
    errors.raise(source.what .. " requires a limit: the maximum number of items")
  end
  local it, list = iterator.new(loop, pager), {}
  while true do
    local item, err = it:next()
    if item == nil then
      if it.err then
        return nil, err
      end
      return list
    end
    list[#list + 1] = item
  end
end

return pages
