--- The items of a page, cut out of its text: order of names, numbers and escapes stay as the server
--- wrote them.

local json_text = require "mic.command.json_text"

local items = {}

--- Cuts the items of a list, each on one line.
---@param text string JSON
---@param path string[] names on the way to the list, such as { "hits", "hits" }; a text that is a
--- list itself needs none
---@param inner? string a member of each item, such as "_source", that stands for it; an item
--- without it is taken whole
---@return string[]|nil texts nil if the text is not JSON or has no such list
---@return string|nil message
function items.cut(text, path, inner)
  local texts, count, list_depth -- of the list, while inside it
  local matched, is_next = 0, false -- names of the path; the next value is that of the last one
  local item_first, inner_first, inner_last

  --- A value begins or ends inside the list.
  local function inside(kind, first, last, depth)
    local is_close = kind == "}" or kind == "]"
    if is_close and depth == list_depth then
      list_depth = nil
    elseif depth == list_depth + 1 and kind ~= "," then
      item_first = is_close and item_first or first
      if is_close or kind ~= "{" and kind ~= "[" then
        count = count + 1
        texts[count] = text:sub(inner_last and inner_first or item_first, inner_last or last)
        inner_first, inner_last, is_next = nil, nil, false
      end
    elseif inner and depth == list_depth + 2 and text:byte(item_first) == 123 then -- an object
      if kind == "name" then
        is_next = json_text.string(text, first, last) == inner
      elseif is_next and kind ~= ":" and kind ~= "," then
        inner_first = is_close and inner_first or first
        inner_last = last
        is_next = not is_close and (kind == "{" or kind == "[")
      end
    end
  end

  local function visit(kind, first, last, depth)
    if list_depth then
      inside(kind, first, last, depth)
    elseif kind == "name" then
      is_next = depth == matched + 1 and json_text.string(text, first, last) == path[depth]
    elseif kind == "[" and (depth == 0 or is_next and depth == #path) then
      texts, count, list_depth, is_next = {}, 0, depth, false
    elseif kind == "{" and is_next and depth < #path then
      matched, is_next = matched + 1, false
    elseif kind == "}" and matched > 0 and depth == matched then
      matched, is_next = matched - 1, false
    elseif kind ~= ":" then
      is_next = false
    end
  end

  local ok, message = json_text.walk_whole(text, visit)
  if not ok then
    return nil, message
  elseif not texts then
    local place = #path > 0 and "no list at " .. table.concat(path, ".") or "no list"
    return nil, "the answer has " .. place
  end
  if text:find "[\r\n]" then
    for index = 1, count do
      texts[index] = json_text.compact(texts[index])
    end
  end
  return texts
end

return items
