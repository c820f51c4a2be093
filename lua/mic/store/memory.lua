--- The credential store that lasts as long as its Lua state: records stay in a table of this file.

local arguments = require "mic.store.arguments"
local options = require "mic.options"

local check_key, check_seconds = arguments.check_key, arguments.check_seconds

local spec = { aliases = {}, fields = { now = { types = { "function" }, expects = "a clock" } } }

local memory_mt = { __name = "mic.store.memory" }

function memory_mt.__tostring()
  return "mic.store.memory"
end

--- Makes an empty store. Its functions never wait and are called with a dot.
---@param given? { now?: fun(): number } `now` is a clock that never goes back, in seconds
---@return table store with `load`, `save`, `lock`, `unlock`
local function memory(given)
  options.verify(given or {}, spec, "mic.store.memory")
  local store = {}
  local records, locks, last_token = {}, {}, 0
  local now = given and given.now or require("mic.core").now

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
  ---@param owner? any who asks for it: gets it again when an error kept the token from arriving
  ---@return any token to give back with `unlock`, or false when somebody else has the lock
  function store.lock(key, seconds, owner)
    check_key(key, "lock")
    check_seconds(seconds, "lock", "the second argument")
    local time = now()
    local held = locks[key]
    if held and time < held.ends and (owner == nil or held.owner ~= owner) then
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
