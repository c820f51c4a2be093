--- What limits the cost of minute_limit that a new token does not cure: some answers say 401 or
--- "expired" whatever the token is, and anybody may ask for them. Each kind of event counts at most
--- once a minute, for all that share the store's notes, or else for this Lua state.

local rate_limit = {}
local minute_limit_methods = {}
local minute_limit_mt = { __name = "mic.credentials.rate_limit", __index = minute_limit_methods }

local SECONDS = 60

--- Makes the limit of a store and key.
---@param store table with `note` and `noted` where workers share the store
---@param key string
---@return table minute_limit
function rate_limit.new(store, key)
  return setmetatable({ store = store, key = key, names = {}, last = {} }, minute_limit_mt)
end

local function name_of(self, kind)
  local name = self.names[kind]
  if not name then
    name = ("mic:%s:%s"):format(kind, self.key)
    self.names[kind] = name
  end
  return name
end

local function is_recent(last, now)
  return last ~= nil and now >= last.at and now - last.at < SECONDS
end

--- The event of this kind that was noted within the last minute, in this Lua state.
---@param kind string
---@param now number seconds of a clock of this kind's own
---@return number|nil what
function minute_limit_methods:here(kind, now)
  local last = self.last[kind]
  return is_recent(last, now) and last.what or nil
end

--- The same of all that share the store's notes; nil where there are none.
---@param kind string
---@return number|nil what
function minute_limit_methods:shared(kind)
  local noted = self.store.noted
  return noted and noted(name_of(self, kind)) or nil
end

--- Notes an event of this kind. The same one again is no other.
---@param kind string
---@param now number
---@param what number tells the events apart
---@return boolean counts false: another one was noted within the last minute
function minute_limit_methods:note(kind, now, what)
  local last = self:here(kind, now)
  if last then
    return last == what
  end
  if self.store.note and self.store.note(name_of(self, kind), SECONDS, what) ~= what then
    return false
  end
  self.last[kind] = { at = now, what = what }
  return true
end

return rate_limit
