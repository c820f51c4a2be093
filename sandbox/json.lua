--- JSON encoder and decoder in the API's style: no escaped slashes, empty arrays stay arrays.
local cjson = require "cjson.safe"

local json = { null = cjson.null, decode = cjson.decode }

---@param value any
---@return string text
function json.encode(value)
  -- cjson escapes every slash, so each "\/" is one of its own making.
  return (assert(cjson.encode(value)):gsub("\\/", "/"))
end

---@param texts string[] values that are JSON already
---@return string text
function json.array(texts)
  return "[" .. table.concat(texts, ",") .. "]"
end

---@param list table[] name and value by turns: {{"a", 1}, {"b", 2}}
---@return string text an object whose members keep this order; nil values are left out
function json.object(list)
  local members = {}
  for _, member in ipairs(list) do
    if member[2] ~= nil then
      members[#members + 1] = json.encode(member[1]) .. ":" .. json.encode(member[2])
    end
  end
  return "{" .. table.concat(members, ",") .. "}"
end

return json
