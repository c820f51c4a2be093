--- Records for the specs of stores, and their bytes made by hand.

local core = require "mic.core"

local records = {}

--- Makes records that differ in one number.
---@param credentials table what all of them hold: token, identity, refresh_token
---@return fun(number: number): userdata
function records.numbered(credentials)
  local client = core.client {
    base_url = "https://api.example", api_key = "-", profile = require "mic.profile.mic",
  }
  client:adopt(credentials)
  return function(number)
    return client:record():with_retry_at(number)
  end
end

--- The number of a record that a store keeps as bytes.
---@param bytes string
---@return number
function records.number(bytes)
  return core.record(bytes):retry_at()
end

--- Makes a store of bytes over a table, with a lock that is always free.
---@param kept table key to bytes
---@return table store
function records.store(kept)
  return {
    load = function(key)
      return kept[key]
    end,
    save = function(key, record)
      kept[key] = record and record:bytes()
      return true
    end,
    lock = function()
      return "token"
    end,
    unlock = function()
      return true
    end,
  }
end

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

local function length_bytes(length)
  return string.char(length % 256, math.floor(length / 256) % 256, 0, 0)
end

--- Doubles as they stand in a record: 8 bytes, the lowest first.
records.doubles = {
  [0] = "\0\0\0\0\0\0\0\0",
  [1] = "\0\0\0\0\0\0\240\063",
  [1.5] = "\0\0\0\0\0\0\248\063",
  [-1] = "\0\0\0\0\0\0\240\191",
  [2 ^ 52] = "\0\0\0\0\0\0\048\067",
  [2 ^ 52 + 1] = "\1\0\0\0\0\0\048\067",
  [2 ^ 53] = "\0\0\0\0\0\0\064\067",
  [2 ^ 53 + 2] = "\1\0\0\0\0\0\064\067",
  [math.huge] = "\0\0\0\0\0\0\240\127",
}
records.nan = "\0\0\0\0\0\0\248\127"

--- The bytes of a record with these fields, whatever they are, and a right check sum.
---@param fields table root, and where wanted token, identity, refresh_token (strings), issued,
--- expires, lifetime, generation, retry_at (members of `doubles`)
---@return string bytes
function records.made(fields)
  local parts = {}
  for _, name in ipairs { "issued", "expires", "lifetime", "generation", "retry_at" } do
    parts[#parts + 1] = fields[name] or records.doubles[0]
  end
  for _, text in ipairs { fields.identity or "identity", fields.token or "token",
    fields.refresh_token or "refresh", fields.root } do
    parts[#parts + 1] = length_bytes(#text) .. text
  end
  return records.framed(2, table.concat(parts))
end

return records
