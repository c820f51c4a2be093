--- Pages of hits by a moving range over the field that they are sorted by, a time or a unique key:
--- nothing is lost and nothing comes twice, however many there are, while documents arrive, and
--- with many at one value. The state has the functions that `mic.api.numbered_pages` lists.
---
--- The range begins at the value of the last hit, inclusive, and the hits at that value that were
--- handed out are left out. A page whose hits all have one value is followed by requests for this
--- value alone (`mode` "alone"), in one answer, until one brings nothing new. If that answer is too
--- large, its parts are read (`mode` "parts"), which may come in another order each time.

local page_answer = require "mic.api.page_answer"
local search_request = require "mic.api.search_request"

local window_pages = {}
local methods = {}
local mt = { __index = methods }

local HASH_SIZE = 6 -- bytes, as of page_answer.hash
local TRIES = 10 -- passes over the parts of one value

--- Returns a set of hashes out of a position: by hash, and in order.
local function read_seen(bytes)
  local seen = {}
  for at = 1, #bytes, HASH_SIZE do
    local hash = bytes:sub(at, at + HASH_SIZE - 1)
    seen[#seen + 1], seen[hash] = hash, true
  end
  return seen
end

--- Makes the state of a loop.
---@param loop table row, names (field `pages` of the row), parts (of `find.split`), field (that of
--- the range), descending, is_time (values are milliseconds), page_size, limit, place
---@return table state
function window_pages.new(loop)
  local place = loop.place or {}
  local seen = read_seen(place.seen or "")
  local default = math.min(loop.names.page_size, (loop.limit or math.huge) + #seen)
  return setmetatable({
    loop = loop,
    names = loop.names,
    size = loop.page_size or default,
    mode = "range",
    value = place.v, -- of the last hit; nil: the range is open, or `behind` a value
    behind = nil, -- a value that was read completely
    seen = seen, -- hashes of the hits at `value` that were handed out
    is_first = true,
    done = false,
  }, mt)
end

--- Returns the bounds of the next request's range.
local function bounds(self)
  local parts, loop = self.loop.parts, self.loop
  local value, behind = self.value, self.behind
  if self.mode ~= "range" then
    return { gte = value, lte = value }
  end
  local lowest, highest, above, below = parts.since, parts.till, nil, nil
  if loop.is_time then
    lowest = lowest or 0
    behind = behind and behind + (loop.descending and -1 or 1)
    value = value or behind
  elseif behind ~= nil then
    above, below = not loop.descending and behind or nil, loop.descending and behind or nil
  end
  if value ~= nil and loop.descending then
    highest = value
  elseif value ~= nil then
    lowest = value
  end
  return { gte = lowest, lte = highest, gt = above, lt = below }
end

--- Returns what the next request has.
---@return table options data
function methods:request()
  local loop = self.loop
  local changes = { size = self.size, from = nil, sort = loop.sort }
  if self.mode == "alone" then
    changes.size = self.names.window
  elseif self.mode == "parts" then
    changes.from = self.from
    changes.size = math.min(self.size, self.names.window - self.from)
  end
  local range = bounds(self)
  if next(range) == nil then
    return search_request.make(loop, changes)
  end
  return search_request.make(loop, changes, { range = { [loop.field] = range } })
end

--- Returns the value by which a hit is sorted; nil, err if it has none.
local function value_of(self, response, hit)
  local value = type(hit) == "table" and type(hit.sort) == "table" and hit.sort[1]
  if type(value) == "number" or (type(value) == "string" and not self.loop.is_time) then
    return value
  end
  return nil, page_answer.problem(response,
    ('the response has a hit that is not sorted by "%s"'):format(self.loop.field))
end

--- True if the values of a page can follow the last one. Texts are compared by the API alone.
local function are_in_order(self, first, last)
  local before = self.value or first
  if type(first) == "number" and type(last) == "number" and type(before) == "number" then
    if self.loop.descending then
      return before >= first and first >= last
    end
    return before <= first and first <= last
  end
  return type(first) == type(last) and (first == last or last ~= self.value)
end

--- Returns the values of the first and the last hit; nil, nil, err if the hits are not in order.
local function ends_of(self, response, list)
  local first, problem = value_of(self, response, list[1])
  local last
  if first then
    last, problem = value_of(self, response, list[#list])
  end
  if not last then
    return nil, nil, problem
  end
  if not are_in_order(self, first, last) then
    return nil, nil, page_answer.problem(response,
      ('the response is not sorted by "%s"'):format(self.loop.field))
  end
  return first, last
end

--- Makes the page. The hashes at a value are only added to, so `place` needs their number alone.
local function make_page(self, list, indexes)
  local seen = self.seen
  return { list = list, indexes = indexes, value = self.value, seen = seen, count = #seen }
end

--- Returns the page of the hits that were not handed out, and the hashes of those of them at the
--- value of the range's end.
local function select_new(self, list, last)
  local new, indexes, hashes = {}, {}, {}
  local all_at_value = self.mode ~= "range"
  for index, hit in ipairs(list) do
    local value = not all_at_value and hit.sort[1]
    local at_start = all_at_value or value == self.value
    local at_end = all_at_value or value == last
    local hash = (at_start or at_end) and page_answer.hash(self.names, hit)
    if not (at_start and self.seen[hash]) then
      new[#new + 1], indexes[#new + 1] = hit, index
      if at_end then
        hashes[#hashes + 1] = hash
      end
    end
  end
  return make_page(self, new, indexes), hashes
end

--- Keeps the hits that were handed out at the value of the last one.
local function keep(self, last, hashes)
  if last ~= self.value then
    self.value, self.behind, self.seen = last, nil, {}
  end
  local seen = self.seen
  for _, hash in ipairs(hashes) do
    if not seen[hash] then
      seen[#seen + 1], seen[hash] = hash, true
    end
  end
end

--- The value is complete: the range goes on behind it.
local function go_behind(self)
  self.mode, self.behind, self.value, self.seen = "range", self.value, nil, {}
end

local function accept_range(self, response, list)
  if #list == 0 then
    self.done = true
    return make_page(self, list, {})
  end
  local first, last, err = ends_of(self, response, list)
  if err then
    return nil, err
  end
  local page, hashes = select_new(self, list, last)
  keep(self, last, hashes)
  local total = page_answer.total(self.names, response, {})
  if #list < self.size and not (total and total > #list) then
    self.done = true
  elseif first == last then
    self.mode = "alone"
  end
  return page
end

--- Returns an error if there are more hits at one value than the API gives.
local function check_window(self, response, total)
  if total and total > self.names.window then
    local value, noun = self.value, self.loop.row.name:match "^[^.]*"
    local message = "more than %s %s at %s; narrow the search by thing or type"
    return page_answer.problem(response,
      message:format(search_request.counted(self.names.window), noun,
        type(value) == "number" and ("%d"):format(value) or value),
      { kind = "too_large" })
  end
end

--- Takes hits of the one value; nothing but `mode`, `from` and counts change besides.
local function take_value(self, list)
  local page, hashes = select_new(self, list)
  keep(self, self.value, hashes)
  return page
end

local function accept_alone(self, response, list)
  local total = page_answer.total(self.names, response, {})
  local err = check_window(self, response, total)
  if err then
    return nil, err
  end
  local page = take_value(self, list)
  if total and #list < total then -- the API gives fewer at once than were asked for
    self.mode, self.from, self.found, self.tries = "parts", 0, 0, 1
  elseif #page.list == 0 then
    go_behind(self)
  end
  return page
end

local function accept_parts(self, response, list)
  local total = page_answer.total(self.names, response, {})
  local err = check_window(self, response, total)
  local asked = math.min(self.size, self.names.window - self.from)
  local ends = #list < asked or self.from + #list >= (total or self.names.window)
  local count = #self.seen
  local page = not err and take_value(self, list)
  if err then
    return nil, err
  end
  self.found = self.found + #page.list
  self.from = self.from + #list
  if not ends then
    return page
  end
  local whole = #self.seen >= (total or 0)
  if whole and self.found == 0 then
    go_behind(self)
  elseif not whole and self.tries >= TRIES then
    self.from, self.found, self.tries = 0, 0, 1 -- for `retry`
    if #page.list == 0 then
      return nil, page_answer.problem(response,
        ("the API returned only %d of %d hits in %d attempts"):format(count, total, TRIES),
        { retryable = true })
    end
  else
    self.tries = self.tries + (whole and 0 or 1)
    self.from, self.found = 0, 0
  end
  return page
end

local accept = { range = accept_range, alone = accept_alone, parts = accept_parts }

--- Takes a page.
---@param response table
---@return table|nil page
---@return table|nil err
function methods:accept(response)
  local list, err = page_answer.list(self.names, response)
  if not list then
    return nil, err
  end
  local page
  page, err = accept[self.mode](self, response, list)
  if page and self.is_first then
    self.total, self.is_first = page_answer.total(self.names, response, {}), false
  end
  return page, err
end

--- Makes the pages smaller after an answer that was too large.
---@return boolean smaller
function methods:shrink()
  if self.mode == "alone" then
    self.mode, self.from, self.found, self.tries = "parts", 0, 0, 1
    return true
  end
  if self.size <= 1 then
    return false
  end
  self.size = math.floor(self.size / 2)
  return true
end

--- Returns what the loop hands out for an entry.
---@param entry any
---@return any item
---@return any second
function methods:item(entry)
  return page_answer.item(self.names, entry)
end

--- Returns the place behind an entry of a page: its value, and the hashes of what was handed out at
--- that value.
---@param page table
---@param index number
---@return table place
function methods:place(page, index)
  local value = page.list[index].sort[1]
  local hashes = {}
  for at = index, 1, -1 do
    local hit = page.list[at]
    if hit.sort[1] ~= value then
      break
    end
    hashes[#hashes + 1] = page_answer.hash(self.names, hit)
  end
  if value == page.value then
    hashes[#hashes + 1] = table.concat(page.seen, "", 1, page.count)
  end
  return { v = value, seen = table.concat(hashes) }
end

return window_pages
