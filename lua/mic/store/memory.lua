--- Memory store: keeps records as long as the Lua state.

local arguments = require "mic.store.arguments"
local options = require "mic.options"

local check_key, check_seconds = arguments.check_key, arguments.check_seconds

local spec = { aliases = {}, fields = { now = "function: a clock" } }

local memory_mt = { __name = "mic.store.memory" }

function memory_mt.__tostring()
  return "mic.store.memory"
end

--- Makes an empty store. Its functions never wait and are called with a dot.
---@param given? { now?: fun(): number } `now`: a monotonic clock, in seconds
---@return table store with `load`, `save`, `lock`, `unlock`
local function memory(given)
  options.verify(given or {}, spec, "mic.store.memory")
  local store = {}
  local records, locks, last_token = {}, {}, 0
  local now = given and given.now or require("mic.core").now

  --- Returns the saved record.
  ---@param key string
  ---@return any record the saved object; nil if there is none or it has expired
  function store.load(key)
    check_key(key, "load")
    local kept = records[key]
    if kept and kept.ends and now() >= kept.ends then
      records[key] = nil
      return nil
    end
    return kept and kept.record
  end

  --- Saves a record, or clears it.
  ---@param key string
  ---@param record any a record object or its bytes; nil clears
  ---@param ttl? number seconds after which the record may expire
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

  --- Takes the lock of a key. The lock expires after `seconds`.
  ---@param key string
  ---@param seconds number
  ---@param owner? any the caller: gets the lock again if an error kept the token from arriving
  ---@return any token for `unlock`; false if another holder has the lock
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

  --- Releases the lock if the caller still holds it.
  ---@param key string
  ---@param token any what `lock` returned
  ---@return boolean ours false if the caller no longer holds it
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
