--- Pages by offset and size, in a list whose order the API may change from one request to the next:
--- what was handed out is left out, and the list is read once more when entries are missing. The
--- state has the functions that `mic.api.numbered_pages` lists.

local page_answer = require "mic.api.page_answer"
local search_request = require "mic.api.search_request"

local offset_pages = {}
local methods = {}
local mt = { __index = methods }

local HASH_SIZE = 6 -- bytes, as of page_answer.hash
local SIZE = 100 -- of pages, where the row says none

--- Makes the state of a loop.
---@param loop table row, names (field `pages` of the row), given (own parameters), page_size,
--- limit, place (of a position); parts of a search
---@return table state
function offset_pages.new(loop)
  local names, seen = loop.names, loop.place and loop.place.seen or ""
  local window = names.window or math.huge
  local limit = (loop.limit or math.huge) + #seen / HASH_SIZE
  local size = loop.page_size or not loop.parts and (names.page_size or SIZE) or limit
  local self = setmetatable({
    loop = loop,
    names = names,
    given = loop.given,
    window = window,
    limit = limit, -- those of the position included
    size = math.min(size, window),
    from = 0,
    passes = 1,
    seen = {}, -- hashes of what was handed out, by hash and in order
    done = false,
  }, mt)
  for at = 1, #seen, HASH_SIZE do
    local hash = seen:sub(at, at + HASH_SIZE - 1)
    self.seen[#self.seen + 1], self.seen[hash] = hash, true
  end
  return self
end

--- Returns what the next request has.
---@return table options query or data
function methods:request()
  local size = math.min(self.size, self.window - self.from)
  if self.loop.parts then
    return search_request.make(self.loop, { from = self.from, size = size })
  end
  return { query = { [self.names.from] = self.from, [self.names.size] = size } }
end

--- True if the list is too long for the API's window, and the loop wants more than that.
local function is_beyond(self, total)
  return total and total > self.window and self.limit > self.window
end

--- Decides what follows the last page of a pass.
local function end_pass(self, total)
  local wanted = math.min(total or 0, self.window)
  if #self.seen >= wanted or #self.seen >= self.limit then
    self.done = true
  elseif self.passes == 1 then
    self.passes, self.from = 2, 0
  else
    self.done, self.changed = true, true
  end
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
  local total = page_answer.total(self.names, response, self.given)
  if is_beyond(self, total) then
    return nil, page_answer.problem(response, search_request.beyond(self.loop, total),
      { kind = "too_large" })
  end
  self.total = total
  local new, indexes, seen, before = {}, {}, self.seen, #self.seen
  for index, entry in ipairs(list) do
    local hash = page_answer.hash(self.names, entry)
    if not seen[hash] then
      new[#new + 1], indexes[#new + 1] = entry, index
      seen[#seen + 1], seen[hash] = hash, true
    end
  end
  local full = #list >= math.min(self.size, self.window - self.from)
  self.from = self.from + #list
  local ended = #list == 0 or self.from >= self.window
  if ended or total and self.from >= total or not total and not full then
    end_pass(self, total)
  end
  return { list = new, indexes = indexes, before = before }
end

--- Makes the pages smaller after an answer that was too large.
---@return boolean smaller
function methods:shrink()
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

--- Returns the place behind an entry of a page.
---@param page table
---@param index number
---@return table place
function methods:place(page, index)
  local seen, count = self.seen, page.before + index
  return {
    seen = function()
      return table.concat(seen, "", 1, count)
    end,
  }
end

return offset_pages
