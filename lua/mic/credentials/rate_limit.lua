--- Rate limit: each kind of event counts once a minute. Some answers say 401 or "expired" whatever
--- the token is, so a refresh for each of them would be useless and expensive. Shared through the
--- store's notes where it has them, otherwise per Lua state.

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

--- Returns the event of this kind noted in this Lua state within the last minute.
---@param kind string
---@param now number seconds of the clock used for this kind
---@return number|nil what
function minute_limit_methods:here(kind, now)
  local last = self.last[kind]
  return is_recent(last, now) and last.what or nil
end

--- Returns the event of this kind in the store's shared notes; nil where there are none.
---@param kind string
---@return number|nil what
function minute_limit_methods:shared(kind)
  local noted = self.store.noted
  return noted and noted(name_of(self, kind)) or nil
end

--- Notes an event. Repeating the same `what` counts as the same event.
---@param kind string
---@param now number
---@param what number identifies the event
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
