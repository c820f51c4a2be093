--- The credential store that lasts as long as its Lua state: records stay in a table of this file.

local errors = require "mic.error"

local memory_mt = { __name = "mic.store.memory" }

function memory_mt.__tostring()
  return "mic.store.memory"
end

local function check_key(key, name)
  if type(key) ~= "string" then
    errors.raise(
      ("%s: the key must be a string (got %s); a store's functions are called with a dot"):format(
        name,
        type(key)
      )
    )
  end
end

local function check_seconds(seconds, name, what)
  if type(seconds) ~= "number" or seconds <= 0 or seconds ~= seconds then
    errors.raise(("%s: %s must be a positive number of seconds"):format(name, what))
  end
end

--- Whether somebody else than `owner` has the lock.
local function is_held(held, owner, time)
  if not held or time >= held.ends then
    return false
  end
  if type(held.owner) == "table" and held.owner.ended == true then
    return false -- an error kept that one from giving it back
  end
  return owner == nil or held.owner ~= owner
end

--- Makes an empty store. Its functions never wait and are called with a dot.
---@param options? { now?: fun(): number } `now` is a clock that never goes back, in seconds
---@return table store with `load`, `save`, `lock`, `unlock`
local function memory(options)
  local store = {}
  local records, locks, last_token = {}, {}, 0
  local now = options and options.now or require("mic.core").now

  --- The record that was saved.
  ---@param key string
  ---@return any record the object that was saved, or nil when there is none or its time is over
  function store.load(key)
    check_key(key, "load")
    local kept = records[key]
    if kept and kept.ends and now() >= kept.ends then
      records[key] = nil
      return nil
    end
    return kept and kept.record
  end

  --- Keeps a record, or forgets it.
  ---@param key string
  ---@param record any a record object or its bytes; nil clears
  ---@param ttl? number seconds after which it may be forgotten
  ---@return boolean ok true
  function store.save(key, record, ttl)
    check_key(key, "save")
    if record == nil then
      records[key] = nil
      return true
    end
    if ttl ~= nil then
      check_seconds(ttl, "save", "ttl")
    end
    records[key] = { record = record, ends = ttl and now() + ttl }
    return true
  end

  --- Takes the lock of a key. It ends by itself after `seconds`.
  ---@param key string
  ---@param seconds number
  ---@param owner? any who asks for it: gets it again when an error kept the token from arriving. Of
  --- a table, `ended = true` says that the owner needs no lock any more
  ---@return any token to give back with `unlock`, or false when somebody else has the lock
  function store.lock(key, seconds, owner)
    check_key(key, "lock")
    check_seconds(seconds, "lock", "the second argument")
    local time = now()
    local held = locks[key]
    if is_held(held, owner, time) then
      return false
    end
    last_token = last_token + 1
    locks[key] = { token = last_token, ends = time + seconds, owner = owner }
    return last_token
  end

  --- Gives the lock back, if it is still the caller's.
  ---@param key string
  ---@param token any what `lock` returned
  ---@return boolean ours false when it is no longer the caller's
  function store.unlock(key, token)
    check_key(key, "unlock")
    local held = locks[key]
    if not held or held.token ~= token then
      return false
    end
    locks[key] = nil
    return true
  end

  return setmetatable(store, memory_mt)
end

return memory
