--- Position of a loop as a text: base64, safe in URLs and on command lines, of a JSON object.

local errors = require "mic.error"
local json = require "mic.json"

local position = {}

local ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

local digits, values = {}, {}
for index = 1, #ALPHABET do
  local char = ALPHABET:sub(index, index)
  digits[index - 1] = char
  values[char:byte()] = index - 1
end

local function encode(bytes)
  local parts = {}
  for at = 1, #bytes, 3 do
    local a, b, c = bytes:byte(at, at + 2)
    local number = a * 65536 + (b or 0) * 256 + (c or 0)
    parts[#parts + 1] = digits[math.floor(number / 262144)]
      .. digits[math.floor(number / 4096) % 64]
      .. (b and digits[math.floor(number / 64) % 64] or "")
      .. (c and digits[number % 64] or "")
  end
  return table.concat(parts)
end

local function decode(text)
  if #text % 4 == 1 or text:find "[^%w_-]" then
    return nil
  end
  local parts = {}
  for at = 1, #text, 4 do
    local a, b, c, d = text:byte(at, at + 3)
    local number = values[a] * 262144 + values[b] * 4096
    number = number + (values[c] or 0) * 64 + (values[d] or 0)
    local count = d and 3 or c and 2 or 1
    local bytes = string.char(math.floor(number / 65536), math.floor(number / 256) % 256,
      number % 256)
    parts[#parts + 1] = bytes:sub(1, count)
  end
  return table.concat(parts)
end

--- Returns the text of a position.
---@param name string of the row
---@param kind string of its pages
---@param place table JSON-able, but for `last`, the bytes of a hash, and `seen`, those of several,
--- or a function that returns them
---@return string text
function position.text(name, kind, place)
  local all = { n = name, k = kind }
  for member, value in pairs(place) do
    all[member] = value
  end
  local seen = place.seen
  if type(seen) == "function" then
    seen = seen()
  end
  all.seen = seen and encode(seen)
  all.last = place.last and encode(place.last)
  return encode(json.encode(all, "position"))
end

--- Returns the place of a text. Raises for a text that is no position of this loop.
---@param text any
---@param name string of the row
---@param kind string of its pages
---@param what string name of the method, for messages
---@return table place
function position.place(text, name, kind, what)
  local bytes = type(text) == "string" and decode(text)
  local place = bytes and json.decode(bytes)
  if type(place) ~= "table" or type(place.n) ~= "string" then
    errors.raise(what .. ": after must be the position() of a loop")
  end
  if place.n ~= name or place.k ~= kind then
    errors.raise(("%s: after is the position of another loop (%s)"):format(what,
      errors.one_line(place.n, 60)))
  end
  for _, member in ipairs { "seen", "last" } do
    local encoded = place[member]
    place[member] = type(encoded) == "string" and decode(encoded) or nil
  end
  return place
end

return position
