--- Query parameters of a request.
local arguments = {}

---@param call table
---@param name string
---@return string? value the last one when it is given more than once; nil when absent or empty
function arguments.text(call, name)
  local value = call.query[name]
  if type(value) == "table" then
    value = value[#value]
  end
  if value ~= true and value ~= "" then
    return value
  end
end

---@param call table
---@param name string
---@return integer|false|nil number nil when absent, false when it is no integer from 1 on
function arguments.positive(call, name)
  local text = arguments.text(call, name)
  if not text then
    return nil
  end
  local number = #text <= 6 and text:find "^%d+$" and tonumber(text) or 0
  return number > 0 and number
end

---@param list string[]
---@return table set
function arguments.set(list)
  local set = {}
  for _, name in ipairs(list) do
    set[name] = true
  end
  return set
end

--- A list with commas between its names.
---@param call table
---@param name string
---@param known table set of the names that may stand in it
---@return string[]|false|nil names nil when absent, false when one is unknown
function arguments.names(call, name, known)
  local text = arguments.text(call, name)
  if not text then
    return nil
  end
  local names = {}
  for word in text:gmatch "[^,]+" do
    if not known[word] then
      return false
    end
    names[#names + 1] = word
  end
  return names
end

return arguments
