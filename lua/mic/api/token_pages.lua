--- Pages by a continuation token that the answer before has. The state has the functions that
--- `mic.api.numbered_pages` lists.

local page_answer = require "mic.api.page_answer"

local token_pages = {}
local methods = {}
local mt = { __index = methods }

--- Makes the state of a loop.
---@param loop table row, names (field `pages` of the row), given (own parameters), page_size,
--- limit, place (of a position)
---@return table state
function token_pages.new(loop)
  local place = loop.place or {}
  return setmetatable({
    names = loop.names,
    size = loop.page_size or loop.names.page_size,
    token = place.t, -- of the next page
    skip = tonumber(place.at) or 0,
    last = place.last,
    done = false,
  }, mt)
end

--- Returns the query of the next page.
---@return table options query
function methods:request()
  local names, query = self.names, {}
  if names.size then
    query[names.size] = self.size
  end
  query[names.token] = self.token
  return { query = query }
end

--- Returns the token of the page behind this one; nil for the last one.
local function next_token(self, response)
  local names = self.names
  local more = names.more and page_answer.member(response.data, names.more)
  local token = page_answer.member(response.data, names.next)
  if token == "" or more == false then
    token = nil
  end
  if more == true and token == nil then
    return nil, page_answer.problem(response,
      ('the response is not the last page, but has no "%s"'):format(names.next))
  end
  if token ~= nil and token == self.token then
    return nil, page_answer.problem(response,
      ('the response has the same "%s" as the previous one'):format(names.next))
  end
  return token
end

--- Takes a page.
---@param response table
---@return table|nil page
---@return table|nil err
function methods:accept(response)
  local list, err = page_answer.list(self.names, response)
  local token
  if list then
    token, err = next_token(self, response)
  end
  if err then
    return nil, err
  end
  local handed, moved = page_answer.handed(self.names, list, self.skip, self.last)
  self.changed = self.changed or moved
  local new, indexes = {}, {}
  for index = handed + 1, #list do
    new[#new + 1], indexes[#new + 1] = list[index], index
  end
  local encoding = self.names.encoding
  local page = { list = new, indexes = indexes, token = self.token, before = handed }
  self.encoded = encoding ~= nil and page_answer.member(response.data, encoding) == "url"
  self.token, self.skip, self.last = token, 0, nil
  self.done = token == nil
  return page
end

--- Makes the pages smaller after an answer that was too large.
---@return boolean smaller
function methods:shrink()
  if not self.names.size or not self.size or self.size == 1 then
    return false
  end
  self.size = math.floor(self.size / 2)
  return true
end

local function decode(text)
  return (text:gsub("%+", " "):gsub("%%(%x%x)", function(digits)
    return string.char(tonumber(digits, 16))
  end))
end

--- Returns what the loop hands out for an entry: the second value is its key, decoded.
---@param entry any
---@return any item
---@return any second
function methods:item(entry)
  local key = type(entry) == "table" and self.names.key and entry[self.names.key]
  if type(key) == "string" and self.encoded then
    key = decode(key)
  end
  return entry, key or nil
end

--- Returns the place behind an entry of a page.
---@param page table
---@param index number
---@return table place
function methods:place(page, index)
  return {
    t = page.token,
    at = page.before + index,
    last = page_answer.hash(self.names, page.list[index]),
  }
end

return token_pages
