--- Random bytes, and the encodings of ids and tokens.
local ffi = require "ffi"

ffi.cdef [[
int RAND_bytes(unsigned char *buffer, int size);
unsigned char *SHA256(const unsigned char *data, size_t size, unsigned char *digest);
]]

local random = {}

local ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

---@param size integer bytes
---@return string
function random.bytes(size)
  local buffer = ffi.new("unsigned char[?]", size)
  assert(ffi.C.RAND_bytes(buffer, size) == 1, "no randomness")
  return ffi.string(buffer, size)
end

---@param size integer bytes; the text is twice as long
---@return string hex lower case
function random.hex(size)
  return (random.bytes(size):gsub(".", function(char)
    return string.format("%02x", char:byte())
  end))
end

---@param length integer
---@return string text letters and digits, each equally likely
function random.alphanumeric(length)
  local chars = {}
  while #chars < length do
    local value = random.bytes(1):byte()
    if value < 248 then -- 4 * 62: the rest would favour the first characters
      local index = value % 62 + 1
      chars[#chars + 1] = ALPHABET:sub(index, index)
    end
  end
  return table.concat(chars)
end

---@return string uuid version 4
function random.uuid()
  local hex = random.hex(16)
  local variant = ("89ab"):sub(1 + hex:byte(17) % 4, 1 + hex:byte(17) % 4)
  return table.concat({
    hex:sub(1, 8), hex:sub(9, 12), "4" .. hex:sub(14, 16), variant .. hex:sub(18, 20), hex:sub(21),
  }, "-")
end

---@param text string
---@return string base64url without padding
function random.base64url(text)
  return (ngx.encode_base64(text, true):gsub("[+/]", { ["+"] = "-", ["/"] = "_" }))
end

---@param text string
---@return string digest 32 bytes
function random.sha256(text)
  local digest = ffi.new("unsigned char[32]")
  ffi.C.SHA256(text, #text, digest)
  return ffi.string(digest, 32)
end

return random
