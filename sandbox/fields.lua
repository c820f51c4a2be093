--- Fields of a JSON body that creates or changes an object.
local json = require "sandbox.json"

local fields = {}

local function is_absent(value)
  return value == nil or value == json.null or value == ""
end

fields.is_absent = is_absent

---@param given table
---@param required string[]
---@return string? name the first that is missing, null, empty or no text
function fields.missing(given, required)
  for _, name in ipairs(required) do
    if is_absent(given[name]) or type(given[name]) ~= "string" then
      return name
    end
  end
end

---@param given table
---@param settable table name to the Lua type of its value, or true for any
---@return string? name the first, in the order of the alphabet, that cannot be set or has another
--- type; null goes with any
function fields.wrong(given, settable)
  local wrong = {}
  for name, value in pairs(given) do
    local kind = settable[name]
    if not kind or (kind ~= true and value ~= json.null and type(value) ~= kind) then
      wrong[#wrong + 1] = tostring(name)
    end
  end
  table.sort(wrong)
  return wrong[1]
end

---@param given table
---@param fixed string[]
---@return string? name the first of those that null would delete
function fields.deleted(given, fixed)
  for _, name in ipairs(fixed) do
    if given[name] == json.null then
      return name
    end
  end
end

--- Sets what is given; null deletes.
---@param target table
---@param given table
---@return table target
function fields.apply(target, given)
  for name, value in pairs(given) do
    if value == json.null then
      value = nil
    end
    target[name] = value
  end
  return target
end

return fields
