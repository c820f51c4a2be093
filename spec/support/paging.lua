--- What specs of loops over pages do with them.

local paging = {}

--- What a loop hands out: the second value of each, or the first where there is none.
---@param it table
---@param most? number
---@return table list ids of hits, keys of files, names of users
function paging.keys(it, most)
  local list = {}
  while #list < (most or math.huge) do
    local item, second = it:next()
    if item == nil then
      assert(it.err == nil, tostring(it.err))
      break
    end
    list[#list + 1] = type(second) == "table" and second._id or second or item.userName or item
  end
  return list
end

---@param list table
---@return table copy sorted
function paging.sorted(list)
  local copy = paging.joined(list, {})
  table.sort(copy)
  return copy
end

--- The values of two lists, one after the other.
---@param first table
---@param second table
---@return table list
function paging.joined(first, second)
  local list = {}
  for _, values in ipairs { first, second } do
    for _, value in ipairs(values) do
      list[#list + 1] = value
    end
  end
  return list
end

--- What a call raises, which must raise.
---@param call function
---@param ... any
---@return string problem
function paging.refused(call, ...)
  local ok, problem = pcall(call, ...)
  assert(not ok, "nothing was raised")
  return problem
end

return paging
