--- JSON with a line for each value, made from the text: spaces are inserted, and nothing else
--- changes but characters that a terminal would interpret, which become escapes.

local json_text = require "mic.command.json_text"
local visible = require "mic.command.visible"

local pretty_text = {}

local INDENT = "  "
local DEEPEST = 64 -- what is nested deeper is indented like this
local MOST_TIMES, SMALL = 32, 65536 -- how much longer a text may become

local RESET = "\27[0m"
local colours = { name = "\27[1;34m", string = "\27[32m", number = "\27[36m", word = "\27[33m" }

local line_ends = setmetatable({}, { __index = function(cache, depth)
  cache[depth] = "\n" .. INDENT:rep(math.min(depth, DEEPEST))
  return cache[depth]
end })

--- Formats a JSON text. One that is not JSON, or would become too long, is only made safe for a
--- terminal.
---@param text string
---@param colour? boolean with colours
---@return string formatted without a line end after the last line
---@return string|nil message why it is not formatted
function pretty_text.pretty(text, colour)
  local parts, count = {}, 0
  local is_open = false -- nothing has come since the last bracket
  local left = MOST_TIMES * #text + SMALL

  local function visit(kind, first, last, depth)
    local shown = text:sub(first, last)
    if kind == "}" or kind == "]" then
      shown = is_open and shown or line_ends[depth] .. shown
      is_open = false
    elseif kind == "," then
      shown = "," .. line_ends[depth]
    elseif kind == ":" then
      shown = ": "
    else
      if kind == "string" or kind == "name" then
        shown = visible.text(shown)
      end
      if colour and colours[kind] then
        shown = colours[kind] .. shown .. RESET
      end
      if is_open then
        shown = line_ends[depth] .. shown
      end
      is_open = kind == "{" or kind == "["
    end
    left = left - #shown
    if left >= 0 then
      count = count + 1
      parts[count] = shown
    end
  end

  local ok, message = json_text.walk_whole(text, visit)
  if not ok or left < 0 then
    return visible.text(text), message or "JSON nested too deeply"
  end
  return table.concat(parts)
end

return pretty_text
