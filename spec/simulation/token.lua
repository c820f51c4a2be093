--- Tokens of the API: unique JWTs with real times, all with a mark by which a leaked secret is
--- found.

local token = {}

--- A part of every secret of the simulation, and of nothing else.
token.MARK = "sEcReT"

--- Seconds since 1970 at the beginning of a world.
token.EPOCH = 1700000000

local ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

local letters = {}
for index = 0, 63 do
  letters[index] = ALPHABET:sub(index + 1, index + 1)
end

--- Base64 for URLs; the text's length is a multiple of 3.
local function encode(text)
  return (
    text:gsub("(.)(.)(.)", function(first, second, third)
      local bits = first:byte() * 65536 + second:byte() * 256 + third:byte()
      local last = bits % 64
      bits = (bits - last) / 64
      local next_last = bits % 64
      bits = (bits - next_last) / 64
      local second_letter = bits % 64
      return letters[(bits - second_letter) / 64]
        .. letters[second_letter]
        .. letters[next_last]
        .. letters[last]
    end)
  )
end

local HEADER = encode '{"alg":"RS256"}'

--- Makes a JWT.
---@param serial number
---@param issued number seconds of the world
---@param expires number seconds of the world
---@return string
function token.jwt(serial, issued, expires)
  local payload = ('{"iat":%.6f,"exp":%.6f}'):format(token.EPOCH + issued, token.EPOCH + expires)
  payload = payload .. (" "):rep(-#payload % 3)
  return ("%s.%s.%s-%d"):format(HEADER, encode(payload), token.MARK, serial)
end

--- Makes a refresh token.
---@param serial number
---@return string
function token.refresh(serial)
  return ("r-%s-%d."):format(token.MARK, serial)
end

--- The refresh token and the JWT's number in the bytes of a record.
---@param bytes string
---@return string|nil refresh
---@return string|nil jwt
function token.of_record(bytes)
  local refresh = bytes:match("r%-" .. token.MARK .. "%-%d+%.")
  local jwt = bytes:match("eyJ[%w_-]+%.[%w_-]+%." .. token.MARK .. "%-%d+")
  return refresh, jwt
end

return token
