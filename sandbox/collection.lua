--- Collection of named objects in shared memory.
local json = require "sandbox.json"

local collection = {}

local collection_methods = {}
local collection_mt = { __index = collection_methods }

---@param name string a lua_shared_dict
---@param key string the member that names an object
---@return table collection
function collection.new(name, key)
  return setmetatable({ dict = ngx.shared[name], key = key }, collection_mt)
end

---@param name any
---@return table? object a copy: save it to keep a change
function collection_methods:find(name)
  local text = type(name) == "string" and self.dict:get(name)
  return text and json.decode(text) or nil
end

--- Raises if there is no room: nothing is evicted.
---@param object table
function collection_methods:save(object)
  assert(self.dict:safe_set(object[self.key], json.encode(object)))
end

---@param name string
function collection_methods:remove(name)
  self.dict:delete(name)
end

---@return table[] objects sorted by name
function collection_methods:all()
  local names = self.dict:get_keys(0)
  table.sort(names)
  local list = {}
  for _, name in ipairs(names) do
    list[#list + 1] = self:find(name)
  end
  return list
end

--- Replaces the whole content.
---@param objects table[]
function collection_methods:reset(objects)
  self.dict:flush_all()
  self.dict:flush_expired()
  for _, object in ipairs(objects) do
    self:save(object)
  end
end

return collection
