--- Memory store: keeps records as long as the Lua state.

local leased = require "mic.store.leased"
local options = require "mic.options"

local spec = { aliases = {}, fields = { now = "function: a clock" } }

--- Makes an empty store. Its functions never wait.
---@param given? { now?: fun(): number } `now`: a monotonic clock, in seconds
---@return table store with `load`, `save`, `lock`, `unlock`
local function memory(given)
  options.verify(given or {}, spec, "mic.store.memory")
  local now = given and given.now or require("mic.core").now
  local records = {} -- by key: record, ends
  local primitives = { now = now }

  function primitives.load(key)
    local kept = records[key]
    if kept and kept.ends and now() >= kept.ends then
      records[key], kept = nil, nil
    end
    return kept and kept.record
  end

  function primitives.save(key, record, ttl)
    records[key] = record ~= nil and { record = record, ends = ttl and now() + ttl } or nil
    return true
  end

  function primitives.take(_, seconds, lease)
    return not lease and { ends = now() + seconds }
  end

  function primitives.release(_, _, lease)
    return lease ~= nil
  end

  return leased.new("mic.store.memory", primitives)
end

return memory
