--- What is in an answer that is a page: its list, its total, what tells one item from another. The
--- names of the members come from the row of the endpoint table.

local core = require "mic.core"
local errors = require "mic.error"
local json = require "mic.json"

local page_answer = {}

local HASH_SIZE = 6 -- bytes

--- Returns a member by its path, such as "hits.hits"; nil if there is none, or null.
---@param data any
---@param path string
---@return any value
function page_answer.member(data, path)
  for name in path:gmatch "[^.]+" do
    if type(data) ~= "table" then
      return nil
    end
    data = data[name]
  end
  if data == json.null then
    return nil
  end
  return data
end

--- Makes the error of an answer that cannot be a page.
---@param response table
---@param message string
---@param fields? table of `errors.new`
---@return table err of kind `http`, not retryable
function page_answer.problem(response, message, fields)
  local all = {
    status = response.status,
    response = response,
    request_id = errors.request_id(response.headers),
    attempts = response.attempts,
    retryable = false,
  }
  for name, value in pairs(fields or {}) do
    all[name] = value
  end
  return errors.new(all.kind or "http", message, all)
end

local function is_list(value)
  return type(value) == "table" and (value[1] ~= nil or next(value) == nil)
end

--- Returns the list of a page: a member, or the whole answer if that is a list.
---@param names table field `pages` of the row
---@param response table
---@return table|nil list
---@return table|nil err
function page_answer.list(names, response)
  local data = response.data
  local list = names.items and page_answer.member(data, names.items)
  if list == nil and is_list(data) and (not names.items or next(data) ~= nil) then
    list = data
  end
  if is_list(list) then
    return list
  end
  local wanted = names.items and (' "%s"'):format(names.items) or ""
  return nil, page_answer.problem(response, ("the response has no array%s"):format(wanted))
end

--- Replaces the list of a page.
---@param names table field `pages` of the row
---@param response table
---@param list table
function page_answer.replace(names, response, list)
  local outer, member = (names.items or ""):match "^(.-)%.?([^.]*)$"
  local holder = page_answer.member(response.data, outer)
  if outer == "" then
    holder = response.data
  end
  if names.items and type(holder) == "table" and holder[member] ~= nil then
    holder[member] = json.array(list)
  else
    response.data = json.array(list)
  end
end

--- Returns the number of hits: a number, or a table with `value`, as later versions of
--- Elasticsearch send it, or with one number for each value of a parameter.
---@param names table field `pages` of the row
---@param response table
---@param given table the parameters of the search
---@return number|nil total
function page_answer.total(names, response, given)
  local found = names.total and page_answer.member(response.data, names.total)
  local by = names.total_by
  if type(found) == "table" and by and given[by.unless] == nil then
    found = found[given[by.parameter] or by.default]
  elseif type(found) == "table" then
    found = found.value
  end
  return type(found) == "number" and found or nil
end

--- Returns a short text that stands for an entry: equal for the same one, and for two different
--- ones with a probability of one to 2^48.
---@param names table field `pages` of the row
---@param entry any
---@return string hash
function page_answer.hash(names, entry)
  local key, id = names.key, nil
  if type(entry) ~= "table" then
    id = entry
  elseif type(key) == "table" then
    local parts = {}
    for index, name in ipairs(key) do
      parts[index] = tostring(entry[name])
    end
    id = table.concat(parts, "/")
  elseif key then
    id = entry[key]
  end
  if id == nil or id == json.null then
    id = type(entry) == "table" and json.encode(entry) or ""
  end
  return core.digest(tostring(id)):sub(1, HASH_SIZE)
end

--- Returns the index of the last entry that was handed out before: where its hash is, else where it
--- was.
---@param names table field `pages` of the row
---@param list table
---@param index number where it was; 0: none was handed out
---@param last string|nil its hash; nil: the index counts
---@return number index
---@return boolean|nil changed true: it is no longer in the list
function page_answer.handed(names, list, index, last)
  if not last then
    return index
  end
  if list[index] ~= nil and page_answer.hash(names, list[index]) == last then
    return index
  end
  for at, entry in ipairs(list) do
    if page_answer.hash(names, entry) == last then
      return at
    end
  end
  return index, true
end

--- Returns what a loop hands out for an entry: a member of it, and the whole of it, as of a hit of
--- Elasticsearch; or only the entry.
---@param names table field `pages` of the row
---@param entry any
---@return any item
---@return any|nil second
function page_answer.item(names, entry)
  if not names.item or type(entry) ~= "table" then
    return entry
  end
  local item = entry[names.item]
  if item == nil then
    item = entry
  end
  return item, entry
end

return page_answer
