--- The bytes of records, made by hand.

local records = {}

--- The exclusive or of two bytes, on every Lua.
local function xor_byte(left, right)
  local result, bit = 0, 1
  for _ = 1, 8 do
    if left % 2 ~= right % 2 then
      result = result + bit
    end
    left, right, bit = math.floor(left / 2), math.floor(right / 2), bit * 2
  end
  return result
end

--- The frame that all versions have: magic, version, content, check sum (FNV-1a).
---@param version number
---@param content string
---@return string bytes
function records.framed(version, content)
  local bytes = "mic-record" .. string.char(version) .. content
  local sum = 2166136261
  for position = 1, #bytes do
    sum = sum - sum % 256 + xor_byte(sum % 256, bytes:byte(position))
    --- times 16777619 = 2^24 + 403, modulo 2^32, in numbers that stay exact
    sum = (sum % 256 * 2 ^ 24 + sum * 403) % 2 ^ 32
  end
  local tail = {}
  for index = 1, 4 do
    tail[index] = string.char(sum % 256)
    sum = math.floor(sum / 256)
  end
  return bytes .. table.concat(tail)
end

return records
