--- Foreign text for a terminal: what a terminal would interpret is shown as its number.

local visible = {}

local function hexadecimal(byte)
  return ("\\x%02x"):format(byte:byte())
end

local function code_point(character)
  local first, second, third = character:byte(1, 3)
  local code = third and (first % 16 * 64 + second % 64) * 64 + third % 64
    or first % 32 * 64 + second % 64
  return ("\\u%04x"):format(code)
end

--- Escapes control characters except tab and line end, DEL, U+0080 to U+009F, what changes the
--- direction of a text, and all bytes from 128 on of a text that is not UTF-8.
---@param text string
---@return string
function visible.text(text)
  if not text:find "[%z\1-\8\11-\31\127-\255]" then
    return text
  end
  text = text:gsub("[%z\1-\8\11-\31]", hexadecimal):gsub("\127", "\\u007f")
  if not text:find "[\128-\255]" then
    return text
  elseif require("mic.core").utf8_problem(text) then
    return (text:gsub("[\128-\255]", hexadecimal))
  end
  for _, pattern in ipairs(require("mic.pretty").controls) do
    text = text:gsub(pattern, code_point)
  end
  return text
end

return visible
