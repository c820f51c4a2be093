--- Points at a mistake in what was typed.

local visible = require "mic.command.visible"

local mark = {}

local BEFORE, AFTER = 50, 20 -- characters shown of a long text

local CHARACTER = "[%z\1-\127\192-\255][\128-\191]*"

--- Returns the column of a character.
---@param text string
---@param at integer its first byte, or the place behind the text
---@return integer column in characters, from 1
function mark.column(text, at)
  local _, before = text:sub(1, at - 1):gsub("[^\128-\191]", "")
  return before + 1
end

--- Shows a text and, below it, a caret; characters that a terminal may interpret are shown as "?",
--- line ends as spaces.
---@param text string
---@param column integer
---@return string lines two, indented by two spaces
function mark.lines(text, column)
  local first, count, shown = math.max(1, column - BEFORE), 0, {}
  for char in text:gmatch(CHARACTER) do
    count = count + 1
    if count >= first and count <= column + AFTER then
      local is_safe = visible.text(char) == char
      shown[#shown + 1] = char:find "^%s" and " " or is_safe and char or "?"
    end
  end
  local before = first > 1 and "..." or ""
  return ("  %s%s%s\n  %s^"):format(before, table.concat(shown),
    count > column + AFTER and "..." or "", (" "):rep(#before + column - first))
end

return mark
