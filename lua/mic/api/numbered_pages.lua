--- Pages by number, and lists that are one answer. Entries that an earlier page had are left out.
---
--- The state of a loop over pages, of each kind, has `request()`, `accept(response)`, `shrink()`,
--- `item(entry)`, `place(page, index)`, and the fields `done`, `total` and `changed`. A page is a
--- table with `list`, the new entries, and `indexes`, where they were in the answer. `accept`
--- changes the state only if it returns a page.

local page_answer = require "mic.api.page_answer"

local numbered_pages = {}
local methods = {}
local mt = { __index = methods }

local FIRST_SIZE = 500 -- after an answer without size that was too large

--- Sets the next page to the one that has the entry behind `offset` entries.
local function go_to(self, offset)
  self.before = 0
  self.skip, self.page = offset, nil
  if self.size and offset > 0 then
    -- The page that has the last entry handed out: that one is looked for.
    self.page = math.floor((offset - 1) / self.size)
    self.before = self.page * self.size
    self.skip = offset - self.before
  end
  self.page = (self.page or 0) + self.first
end

--- Makes the state of a loop.
---@param loop table row, names (field `pages` of the row), given (own parameters), page_size,
--- limit, place (of a position)
---@return table state
function numbered_pages.new(loop)
  local names = loop.names
  local self = setmetatable({
    names = names,
    given = loop.given,
    first = names.first or 1,
    size = names.page and names.size and (loop.page_size or names.page_size) or nil,
    seen = {}, -- hashes of what was handed out
    done = false,
  }, mt)
  local place = loop.place or {}
  self.last = place.last
  go_to(self, tonumber(place.at) or 0)
  return self
end

--- Returns the query of the next page.
---@return table options query
function methods:request()
  local query, names = {}, self.names
  if self.size then
    query[names.size] = self.size
  end
  if names.page and (self.size or self.page > self.first) then
    query[names.page] = self.page
  end
  return { query = query }
end

--- True if this is the last page.
local function is_last(self, response, list)
  local names = self.names
  if not names.page or #list == 0 then
    return true
  end
  local more = names.more and page_answer.member(response.data, names.more)
  if more ~= nil then
    return more ~= true
  end
  local last = names.last and tonumber(page_answer.member(response.data, names.last))
  if last then
    return self.page - self.first + 1 >= last
  end
  return not self.size or #list < self.size
end

--- Notes whether the list has changed while it is read.
local function compare(self, response)
  local names = self.names
  local total = page_answer.total(names, response, self.given)
  local last = names.last and page_answer.member(response.data, names.last)
  if self.compared == self.size and self.is_compared
    and (total ~= self.total or last ~= self.last_page) then
    self.changed = true
  end
  self.total, self.last_page = total, last
  self.compared, self.is_compared = self.size, true
end

--- Takes a page.
---@param response table
---@return table|nil page
---@return table|nil err
function methods:accept(response)
  local list, err = page_answer.list(self.names, response)
  if not list then
    return nil, err
  end
  compare(self, response)
  local handed, moved = page_answer.handed(self.names, list, self.skip, self.last)
  self.changed = self.changed or moved
  local new, indexes, seen = {}, {}, self.seen
  local pages = self.names.page ~= nil
  for index, entry in ipairs(list) do
    local hash = pages and page_answer.hash(self.names, entry)
    if index > handed and not (hash and seen[hash]) then
      new[#new + 1], indexes[#new + 1] = entry, index
    end
    if hash then
      seen[hash] = true
    end
  end
  self.done = is_last(self, response, list)
  local page = { list = new, indexes = indexes, before = self.before }
  self.page, self.before = self.page + 1, self.before + #list
  self.skip, self.last = 0, nil
  return page
end

--- Makes the pages smaller after an answer that was too large.
---@return boolean smaller
function methods:shrink()
  if not self.names.page or not self.names.size or self.size == 1 then
    return false
  end
  local offset = self.before + self.skip
  self.size = self.size and math.floor(self.size / 2) or FIRST_SIZE
  go_to(self, offset)
  if next(self.seen) ~= nil then
    self.skip = 0 -- what was handed out is known by its hash
  end
  return true
end

--- Returns what the loop hands out for an entry.
---@param entry any
---@return any item
---@return any second
function methods:item(entry)
  return page_answer.item(self.names, entry)
end

--- Returns the place behind an entry of a page.
---@param page table
---@param index number
---@return table place
function methods:place(page, index)
  return {
    at = page.before + page.indexes[index],
    last = page_answer.hash(self.names, page.list[index]),
  }
end

return numbered_pages
