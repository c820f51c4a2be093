--- Requests of a loop over hits of Elasticsearch: the user's search with our range, sort and size.

local find = require "mic.api.find"

local search_request = {}

--- Returns the request of a page.
---@param loop table row, parts (of `find.split`)
---@param changes table members of the search body: from, size, sort
---@param range? table a clause beside the user's; nil: the time of the short form
---@return table options data
function search_request.make(loop, changes, range)
  local row, parts = loop.row, loop.parts
  local clauses = {}
  for index, clause in ipairs(parts.clauses) do
    clauses[index] = clause
  end
  if not range and row.find.time and parts.is_short then
    range = find.range(row, { gte = parts.since or 0, lte = parts.till })
  end
  clauses[#clauses + 1] = range -- the last one: it is the one with gte
  return { data = find.join(parts, clauses, changes) }
end

--- Returns the message for a list that does not fit into the API's window.
---@param loop table row, names, parts
---@param total number
---@return string message
function search_request.beyond(loop, total)
  local row = loop.row
  local way = "narrow the search"
  if row.find and row.find.time then
    way = ('sort by "%s" to read all'):format(row.find.time)
  elseif row.find and row.find.thing then
    way = ('use key = "%s" to read all'):format(row.find.thing)
  end
  return ("%d %s, but the API returns at most %s this way; %s"):format(total,
    row.name:match "^[^.]*", search_request.counted(loop.names.window), way)
end

--- Formats a number with commas: 10,000.
---@param number number
---@return string
function search_request.counted(number)
  local text = ("%d"):format(number)
  repeat
    local count
    text, count = text:gsub("^(%d+)(%d%d%d)", "%1,%2")
  until count == 0
  return text
end

return search_request
