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

local core = require "mic.core"
local errors = require "mic.error"
local leased = require "mic.store.leased"

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
  return errors.new("store", ('shared dict "%s": %s'):format(name, tostring(problem)))
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

local function names(key)
  return "mic:record:" .. key, "mic:lock:" .. key, "mic:locks:" .. key
end

--- Makes a store in a shared dict of nginx. Raises outside nginx, and if nginx.conf does not
--- declare the dict (`lua_shared_dict NAME 1m;`). Its functions never wait. `load` returns "" for a
--- value that is not a string.
---@param name string of the shared dict; it should hold nothing else, because a `set` of other
--- values may evict records
---@return table store with `load`, `save`, `lock`, `unlock`
local function shared_dict(name)
  local dict, ngx = find_dict(name)
  local primitives = { shown = name, encode = leased.bytes_of }

  function primitives.load(key)
    local value, problem = dict:get((names(key)))
    if value == nil then
      return nil, problem and failed(name, problem)
    end
    return type(value) == "string" and value or ""
  end

  --- True if no other holder has the lock or has had it since this store took it.
  local function may_save(key, lease)
    local _, lock, locks = names(key)
    local holder = dict:get(lock) or 0
    if not lease then
      return holder == 0
    end
    local is_free = holder == 0 or holder == lease.token or core.now() < lease.kept_until
    return is_free and dict:get(locks) == lease.count
  end

  --- Evicts nothing from the dict.
  function primitives.save(key, bytes, ttl, lease)
    if not may_save(key, lease) then
      return false
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

  function primitives.take(key, seconds)
    local _, lock, locks = names(key)
    local kept_until = core.now() + seconds
    ngx.update_time() -- the time to live counts from nginx's cached time, stale in a busy worker
    local token = 1 + math.floor(core.random() * TOKENS)
    local taken, problem = take(dict, lock, token, math.max(seconds, SHORTEST))
    if not taken then
      return taken, problem and failed(name, problem)
    end
    local count
    count, problem = count_up(dict, locks)
    if not count then
      give_back(dict, lock, token, core.now() < kept_until)
      return nil, failed(name, problem)
    end
    return { token = token, count = count, kept_until = kept_until }
  end

  function primitives.release(key, token, lease)
    local _, lock = names(key)
    return type(token) == "number"
      and give_back(dict, lock, token, lease and core.now() < lease.kept_until)
  end

  local store = leased.new("mic.store.shared_dict", primitives)

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

  return store
end

return shared_dict
