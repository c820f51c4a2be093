--- The iterator of a loop over pages: `for … in it do`, `it:next()`, and what else a user calls.

local errors = require "mic.error"
local page_answer = require "mic.api.page_answer"
local page_request = require "mic.api.page_request"
local pcall_compat = require "mic.pcall_compat"
local position = require "mic.api.position"

local iterator_methods = {}
local iterator = { methods = iterator_methods }
local iterator_mt = { __name = "mic.iterator", __index = iterator_methods }

--- PUC Lua 5.1 cannot suspend a coroutine below the function that `for … in` calls.
local waits_in_for = _VERSION ~= "Lua 5.1" or type(rawget(_G, "jit")) == "table"

--- States by iterator, so that printing one shows nothing else.
local state_of = setmetatable({}, { __mode = "k" })

local function find(it, name)
  return state_of[it] or errors.raise(("call it with a colon: it:%s()"):format(name))
end

--- Makes an iterator.
---@param loop table as of `mic.api.pages`: client and its state, row, kind, names, what, limit,
--- whole (hand out responses)
---@param pager table the state of its pages, see `mic.api.numbered_pages`
---@return table it
function iterator.new(loop, pager)
  local it = setmetatable({ changed = false }, iterator_mt)
  -- Each field is there from the beginning: setting it later needs no memory.
  state_of[it] = {
    loop = loop,
    pager = pager,
    page = false, -- its `list` is what was received and not handed out
    index = 0, -- of the last entry handed out
    handed = 0, -- how many in all
    place = false, -- behind the page before, for `position`
    total = false,
    has_page = false,
    holder = { cancel = false, is_taking = false, shrinks = 0 }, -- of page_request
    is_waiting = false,
    is_closed = false,
    is_broken = false,
  }
  return it
end

--- Requests a page. The flag is set here: the caller unsets it whatever happens.
local function request(state)
  state.is_waiting = true
  return page_request.next(state.loop, state.pager, state.holder)
end

--- Requests a page. Returns an error if there is none.
local function fetch(it, state)
  if state.index > 0 then
    state.place = state.pager:place(state.page, state.index)
  end
  state.page, state.index = false, 0
  local loop, pager, holder = state.loop, state.pager, state.holder
  local ok, page, response = pcall_compat.call(request, state)
  state.is_waiting, holder.cancel = false, false
  if not ok then
    state.is_broken = holder.is_taking -- the pages have gone on, but without their items
    error(page, 0)
  elseif state.is_closed then
    return errors.new("cancelled", "the loop was closed")
  elseif not page then
    return response
  end
  it.changed, state.total = pager.changed or false, pager.total or false
  page.response = loop.whole and response or nil
  state.page, holder.is_taking = page, false
end

--- Returns the next entry of the page, or nil.
local function from_page(state)
  local page = state.page
  if page and state.index < #page.list then
    local item, second = state.pager:item(page.list[state.index + 1])
    state.index, state.handed = state.index + 1, state.handed + 1
    return item, second
  end
end

--- Returns the page's response, with the entries that no page before had and that the limit allows,
--- and their `indexes` in the list as it was sent; nil if there are none, but for the first page.
local function whole_page(state)
  local page = state.page
  local response = page and page.response
  if not response then
    return nil
  end
  local list, left = page.list, (state.loop.limit or math.huge) - state.handed
  if #list == 0 and state.has_page then
    page.response = nil
    return nil
  end
  for index = #list, left + 1, -1 do
    list[index], page.indexes[index] = nil, nil
  end
  page_answer.replace(state.loop.names, response, list)
  response.indexes, page.response = page.indexes, nil
  state.index, state.handed, state.has_page = #list, state.handed + #list, true
  return response
end

--- Returns what comes next; nil at the end; nil, err after a failure.
local function take(it, state)
  if state.is_closed then
    return nil
  elseif state.is_waiting then
    errors.raise "one task at a time: another task is reading the next page of this loop"
  elseif state.is_broken then
    it.err = it.err or errors.new("cancelled",
      "the loop was interrupted by an error; continue with after = it:position()")
  end
  if it.err then
    return nil, it.err
  end
  local from = state.loop.whole and whole_page or from_page
  while state.handed < (state.loop.limit or math.huge) do
    local item, second = from(state)
    if item ~= nil then
      return item, second
    elseif state.pager.done then
      return nil
    end
    local err = fetch(it, state)
    if err then
      it.err = err
      return nil, err
    end
  end
  return nil
end

--- Returns the next item. After an error it returns the same error, until `retry` is called.
---@return any item nil at the end; of `pages` a response
---@return any second of searches the whole hit, of files the decoded key; the error if there is one
function iterator_methods:next()
  return take(self, find(self, "next"))
end

--- For `for … in`: like `next`, but an error is raised, as its one line; `it.err` keeps the object.
function iterator_mt:__call()
  local state = find(self, "next")
  if not waits_in_for and state.loop.state.transport.can_suspend() then
    errors.raise 'Lua 5.1 cannot wait inside "for … in"; use it:next()'
  end
  local item, second = take(self, state)
  if item == nil and second ~= nil then
    error(tostring(second), 0)
  end
  return item, second
end

--- Lets the loop go on after an error, with the request that has failed.
---@return table it the iterator itself
function iterator_methods:retry()
  local state = find(self, "retry")
  self.err, state.holder.shrinks = nil, 0
  return self
end

--- Returns the place behind the last item handed out, for the option `after` of a loop like this
--- one, in another process too.
---@return string|nil position nil before the first item
function iterator_methods:position()
  local state = find(self, "position")
  local place = state.place
  if state.index > 0 and not state.is_closed then
    place = state.pager:place(state.page, state.index)
  end
  return place and position.text(state.loop.row.name, state.loop.kind, place) or nil
end

--- Returns how many items there are, as the API has told.
---@return number|nil total nil before the first page, and where the API does not tell
function iterator_methods:total()
  return find(self, "total").total or nil
end

--- Drops what is held; `next` then returns nil. A task that waits in `next` gets an error of kind
--- `cancelled`. Idempotent.
function iterator_methods:close()
  local state = find(self, "close")
  if state.is_closed then
    return
  end
  if state.index > 0 then
    state.place = state.pager:place(state.page, state.index)
  end
  state.is_closed, state.page, state.index = true, false, 0
  if state.holder.cancel then
    state.holder.cancel()
  end
end

function iterator_mt:__close()
  self:close()
end

function iterator_mt:__tostring()
  return ("mic.iterator (%s)"):format(find(self, "tostring").loop.what)
end

return iterator
