--- The items of a page, cut out of its text: order of names, numbers and escapes stay as the server
--- wrote them.

local json_text = require "mic.command.json_text"

local items = {}

local opens = { ["{"] = true, ["["] = true }
local closes = { ["}"] = true, ["]"] = true }
local scalars = { string = true, number = true, word = true }

local function split(path)
  local names = {}
  for name in (path or ""):gmatch "[^.]+" do
    names[#names + 1] = name
  end
  return names
end

--- Returns the texts of the elements of a list.
---@param text string JSON
---@param path? string names on the way to the list, such as "hits.hits"; a text that is a list
--- itself needs none
---@return string[] texts empty if there is no such list
---@return string|nil message why there is none
function items.of_list(text, path)
  local names, found = split(path), nil
  local list_depth -- of the list, while inside it
  local start -- of an element
  local matched, is_next = 0, false -- names of the path; the next value is that of the last one

  local ok, message = json_text.walk_whole(text, function(kind, first, last, depth)
    if list_depth then
      if depth == list_depth + 1 and (opens[kind] or scalars[kind]) then
        start = first
      end
      if depth == list_depth + 1 and (closes[kind] or scalars[kind]) then
        found[#found + 1] = text:sub(start, last)
      elseif depth == list_depth and kind == "]" then
        list_depth = nil
      end
    elseif kind == "name" then
      is_next = depth == matched + 1 and json_text.string(text, first, last) == names[depth]
    elseif kind == "[" and (depth == 0 or is_next and depth == #names) then
      found, list_depth, is_next = {}, depth, false
    elseif kind == "{" and is_next and depth < #names then
      matched, is_next = matched + 1, false
    elseif kind == "}" and matched > 0 and depth == matched then
      matched, is_next = matched - 1, false
    elseif kind ~= ":" then
      is_next = false
    end
  end)
  if not ok then
    return {}, message
  elseif not found then
    return {}, "the response has no array" .. (path and " at " .. path or "")
  end
  return found
end

--- Returns the text of a member of an object.
---@param text string JSON
---@param name string
---@return string|nil member nil if there is none
function items.member(text, name)
  local found, start
  local is_next = false
  json_text.walk_whole(text, function(kind, first, last, depth)
    if depth ~= 1 then
      return
    elseif kind == "name" then
      is_next = json_text.string(text, first, last) == name
    elseif is_next and (opens[kind] or scalars[kind]) then
      start = first
    end
    if is_next and (closes[kind] or scalars[kind]) then
      found = text:sub(start, last)
    end
  end)
  return found
end

--- Returns a text on one line.
---@param text string JSON
---@return string
function items.line(text)
  return text:find "[\r\n]" and json_text.compact(text) or text
end

return items
