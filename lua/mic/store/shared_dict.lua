--- Shared dict store for nginx: shared by all workers, kept across a reload. Its functions never
--- wait and work in every phase.
---
--- A shared dict has no compare-and-delete: between a `get` and a `delete` the lease may end and
--- another worker may take the lock. But `incr` is atomic and returns the sum. So the lock is a
--- number with a time to live: none or zero is free, otherwise it is the holder's random token.
--- A worker that finds zero adds its token, and has the lock if the sum equals the token; otherwise
--- it subtracts the token again, so that others may briefly see a sum of several tokens. Within its
--- lease, by its own clock, a holder releases the lock by subtracting its token, whatever the sum.
--- Later it does so only if it finds its token there, and restores a sum that was not its own.
--- A counter of granted locks shows a late holder that another one has had the lock since.

local arguments = require "mic.store.arguments"
local core = require "mic.core"
local errors = require "mic.error"

local check_key, check_seconds = arguments.check_key, arguments.check_seconds

local FOREVER = 0 -- nginx: no expiry
local SHORTEST = 0.001 -- seconds: nginx's resolution
local TOKENS = 2 ^ 48 -- sums of a few tokens are exact

local function find_dict(name)
  local ngx = rawget(_G, "ngx")
  local all = type(ngx) == "table" and ngx.shared
  if not all then
    errors.raise "mic.store.shared_dict is for nginx; elsewhere use mic.store.file"
  end
  if type(name) ~= "string" or name == "" then
    errors.raise("mic.store.shared_dict takes the name of a shared dict, got " .. type(name))
  end
  if not all[name] then
    errors.raise(
      ('nginx has no shared dict "%s"; put this into the http block of nginx.conf: '):format(name)
        .. ("lua_shared_dict %s 1m;"):format(name)
    )
  end
  return all[name], ngx
end

local function failed(name, problem)
  if problem == "no memory" then
    local message = ('the shared dict "%s" is full'):format(name)
    local hint = ("make it larger in nginx.conf (lua_shared_dict %s 1m;)"):format(name)
    hint = hint .. " and keep nothing else in it"
    return errors.new("store", message, { code = "ENOSPC", hint = hint })
  end
  return errors.new("store", ('the shared dict "%s" says: %s'):format(name, tostring(problem)))
end

--- Takes the lock of this name.
---@return boolean|nil taken nil and nginx's error if it cannot
---@return string|nil problem
local function take(dict, lock, token, seconds)
  local added, problem = dict:safe_add(lock, token, seconds)
  if added or problem ~= "exists" then
    return added or nil, problem
  end
  local began = core.now()
  local left = dict:get(lock) == 0 and dict:ttl(lock)
  if not left then
    return false
  end
  if dict:incr(lock, token) ~= token then
    dict:incr(lock, -token)
    return false
  end
  dict:expire(lock, seconds)
  -- If its old time to live ended just before `expire`, another worker may have it.
  return core.now() - began < left or dict:get(lock) == token
end

--- Releases the lock if it is still this token's; within the lease it is.
local function give_back(dict, lock, token, within_lease)
  if within_lease then
    dict:incr(lock, -token)
    return true
  end
  if dict:get(lock) ~= token then
    return false
  end
  local rest = dict:incr(lock, -token)
  if rest and rest ~= 0 then
    dict:incr(lock, token)
  end
  return rest == 0
end

--- Increments the counter of granted locks.
---@return number|nil count
---@return string|nil problem
local function count_up(dict, name)
  local count, problem = dict:incr(name, 1)
  if problem == "not found" then
    local added
    added, problem = dict:safe_add(name, 0)
    if added or problem == "exists" then
      count, problem = dict:incr(name, 1)
    end
  end
  return count, problem
end

--- Makes a store in a shared dict of nginx. Raises outside nginx, and if nginx.conf does not
--- declare the dict (`lua_shared_dict NAME 1m;`). Its functions never wait and are called with a
--- dot.
---@param name string of the shared dict; it should hold nothing else, because a `set` of other
--- values may evict records
---@return table store with `load`, `save`, `lock`, `unlock`
local function shared_dict(name)
  local dict, ngx = find_dict(name)
  local store = {}
  local held = {} -- by key: token, count, ends, owner; of the last lock that this store took

  local function names(key)
    return "mic:record:" .. key, "mic:lock:" .. key, "mic:locks:" .. key
  end

  --- True if no other holder has the lock or has had it since this store took it.
  local function may_save(key)
    local _, lock, locks = names(key)
    local holder, mine = dict:get(lock) or 0, held[key]
    if not mine then
      return holder == 0
    end
    local is_free = holder == 0 or holder == mine.token or core.now() < mine.ends
    return is_free and dict:get(locks) == mine.count
  end

  --- Returns the saved record.
  ---@param key string
  ---@return string|nil bytes nil if there is none; "" for a value that is not a string
  ---@return table|nil err of kind `store`
  function store.load(key)
    check_key(key, "load")
    local value, problem = dict:get((names(key)))
    if value == nil then
      return nil, problem and failed(name, problem)
    end
    return type(value) == "string" and value or ""
  end

  --- Saves a record, or clears it. Evicts nothing from the dict. Refused while another holder has
  --- the lock, and to a holder whose lock has expired and been taken since.
  ---@param key string
  ---@param record table|string|nil a record object or its bytes; nil clears
  ---@param ttl? number seconds after which it expires
  ---@return true|nil ok
  ---@return table|nil err of kind `store`
  function store.save(key, record, ttl)
    check_key(key, "save")
    if ttl ~= nil then
      ttl = check_seconds(ttl, "save", "ttl")
    end
    local bytes, err
    if record ~= nil then
      bytes, err = arguments.bytes_of(record)
    end
    if err then
      return nil, err
    end
    if not may_save(key) then
      return nil, arguments.not_the_holder()
    end
    local place = names(key)
    if not bytes then
      dict:delete(place)
      return true
    end
    local old, seconds = dict:get(place), dict:ttl(place)
    local saved, problem = dict:safe_set(place, bytes, ttl and math.max(ttl, SHORTEST) or FOREVER)
    if saved then
      return true
    end
    if old ~= nil and dict:get(place) == nil then
      dict:safe_set(place, old, seconds) -- nginx frees the old value before it allocates the new
    end
    return nil, failed(name, problem)
  end

  --- Takes the lock of a key. The lock expires after `seconds`.
  ---@param key string
  ---@param seconds number
  ---@param owner? any the caller: gets the lock again if an error kept the token from arriving
  ---@return any token for `unlock`; false if another holder has the lock
  ---@return table|nil err of kind `store`
  function store.lock(key, seconds, owner)
    check_key(key, "lock")
    seconds = check_seconds(seconds, "lock", "the second argument")
    local _, lock, locks = names(key)
    local mine = held[key]
    if mine and owner ~= nil and mine.owner == owner then
      store.unlock(key, mine.token)
    end
    local ends = core.now() + seconds
    ngx.update_time() -- the time to live counts from nginx's cached time, stale in a busy worker
    local token = 1 + math.floor(core.random() * TOKENS)
    local taken, problem = take(dict, lock, token, math.max(seconds, SHORTEST))
    if not taken then
      return taken, problem and failed(name, problem)
    end
    local count
    count, problem = count_up(dict, locks)
    if not count then
      give_back(dict, lock, token, core.now() < ends)
      return nil, failed(name, problem)
    end
    held[key] = { token = token, count = count, ends = ends, owner = owner }
    return token
  end

  --- Releases the lock if the caller still holds it.
  ---@param key string
  ---@param token any what `lock` returned
  ---@return boolean ours false if the caller no longer holds it
  function store.unlock(key, token)
    check_key(key, "unlock")
    if type(token) ~= "number" then
      return false
    end
    local _, lock = names(key)
    local mine = held[key]
    if not mine or mine.token ~= token then
      return give_back(dict, lock, token)
    end
    held[key] = nil
    return give_back(dict, lock, token, core.now() < mine.ends)
  end

  --- Notes a number for some time, unless one is noted already. A full dict notes none.
  ---@param place string its name in the dict
  ---@param seconds number
  ---@param what number
  ---@return number what the number that is noted now
  function store.note(place, seconds, what)
    local _, problem = dict:safe_add(place, what, seconds)
    return problem == "exists" and dict:get(place) or what
  end

  --- Returns the noted number.
  ---@param place string
  ---@return number|nil what
  function store.noted(place)
    return (dict:get(place))
  end

  return setmetatable(store, {
    __name = "mic.store.shared_dict",
    __tostring = function()
      return ("mic.store.shared_dict (%s)"):format(name)
    end,
  })
end

return shared_dict
