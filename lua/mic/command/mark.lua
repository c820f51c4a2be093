--- Points at a mistake in what was typed.

local core = require "mic.core"

local mark = {}

local BEFORE, AFTER = 50, 20 -- characters shown of a long text

local CHARACTER = "[%z\1-\127\192-\255][\128-\191]*"

--- Returns the column of a byte.
---@param text string
---@param at integer
---@return integer column in characters, from 1
function mark.column(text, at)
  local _, inside = text:sub(1, at):gsub("[^\128-\191]", "")
  return math.max(inside, 1)
end

local function is_plain(char)
  return #char == 1 and char:find "[ -~]" or #char > 1 and not core.utf8_problem(char)
    and not char:find "^\194[\128-\159]"
    and not char:find "^\216\156" and not char:find "^\226\128[\142\143\168-\174]"
    and not char:find "^\226\129[\166-\169]"
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
      shown[#shown + 1] = char:find "%s" and " " or is_plain(char) and char or "?"
    end
  end
  local before = first > 1 and "..." or ""
  return ("  %s%s%s\n  %s^"):format(before, table.concat(shown),
    count > column + AFTER and "..." or "", (" "):rep(#before + column - first))
end

return mark
