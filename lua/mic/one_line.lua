--- Foreign text on one line, safe for a terminal.

local one_line = {}

--- Patterns of the multi-byte characters of UTF-8, by their first byte.
local characters = {
  "^[\194-\223][\128-\191]",
  "^\224[\160-\191][\128-\191]",
  "^[\225-\236\238\239][\128-\191][\128-\191]",
  "^\237[\128-\159][\128-\191]",
  "^\240[\144-\191][\128-\191][\128-\191]",
  "^[\241-\243][\128-\191][\128-\191][\128-\191]",
  "^\244[\128-\143][\128-\191][\128-\191]",
}
local REPLACEMENT = "\239\191\189" -- U+FFFD

local function character_end(text, at)
  for _, pattern in ipairs(characters) do
    local _, last = text:find(pattern, at)
    if last then
      return last
    end
  end
end

--- Repairs a run of non-ASCII bytes: each invalid sequence, such as 8-bit control bytes, becomes
--- one replacement character.
local function repair(run)
  local parts, at, broken = {}, 1, false
  while at <= #run do
    local last = character_end(run, at)
    if last then
      parts[#parts + 1] = run:sub(at, last)
    elseif not broken then
      parts[#parts + 1] = REPLACEMENT
    end
    broken = not last
    at = (last or at) + 1
  end
  return table.concat(parts)
end

--- Removes an incomplete character at the end.
local function whole(text)
  for back = 1, math.min(3, #text) do
    local byte = text:byte(-back)
    if byte >= 192 then
      return character_end(text, #text - back + 1) and text or text:sub(1, -back - 1)
    elseif byte < 128 then
      return text
    end
  end
  return text
end

--- Returns the text on one line of at most `limit` bytes, cut between characters. Control
--- characters and bidirectional marks, embeddings and isolates become spaces; invalid UTF-8 becomes
--- U+FFFD.
---@param text string
---@param limit integer bytes
---@return string line
function one_line.of(text, limit)
  if #text > 4 * limit then
    local first = text:find "[^%z\1-\32\127]" or 1
    text = whole(text:sub(first, first + 4 * limit - 1))
  end
  if text:find "[\128-\255]" then
    text = text:gsub("[\128-\255]+", repair)
    text = text:gsub("\194[\128-\159]", " "):gsub("\216\156", " ") -- C1, U+061C
    text = text:gsub("\226\128[\142\143\168-\174]", " ") -- U+200E, 200F, 2028 to 202E
    text = text:gsub("\226\129[\166-\175]", " "):gsub("\239\187\191", " ") -- U+2066 to 206F, FEFF
  end
  text = text:gsub("[%z\1-\32\127]+", " "):gsub("^ ", ""):gsub(" $", "")
  if #text <= limit then
    return text
  end
  return whole(text:sub(1, limit - 3)) .. "..."
end

return one_line
