--- Base of the stores: checks the arguments, and keeps of each key the lease that this store object
--- took last. A store gives the primitives.

local core = require "mic.core"
local errors = require "mic.error"

local leased = {}

local LONGEST = 1e10 -- seconds: three hundred years

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

--- Returns the seconds, capped at what every store can count in milliseconds.
local function check_seconds(seconds, name, what)
  if type(seconds) ~= "number" or seconds <= 0 or seconds ~= seconds then
    errors.raise(("%s: %s must be a positive number of seconds"):format(name, what))
  end
  return math.min(seconds, LONGEST)
end

--- Returns the bytes of a record passed to `save`. Raises unless it is a record.
---@param record table|string a record object or its bytes
---@return string|nil bytes
---@return table|nil err of kind `store`, for a string that is not a record
function leased.bytes_of(record)
  if type(record) == "string" then
    local read, kind, code, message = core.record(record)
    if not read then
      return nil, errors.from_fail(kind, code, message)
    end
    return record
  end
  local known, bytes = pcall(function()
    return record:bytes()
  end)
  if not known or type(bytes) ~= "string" then
    errors.raise(("save: a record or its bytes expected (got %s)"):format(type(record)))
  end
  return bytes
end

local function not_the_holder()
  local message =
    "another client has or had the lock: a save would overwrite its record; try again"
  return errors.new("store", message, { code = "EAGAIN" })
end

--- Makes a store of primitives, which get checked arguments:
--- - `load(key)`: as of the store;
--- - `encode(record)`, optional: returns the record as `save` gets it, or nil and an error;
--- - `save(key, record, ttl, lease)`: true; false if the caller may not save; or nil and an error;
--- - `take(key, seconds, lease, again)`: a new lease, a table of the store's own; false if another
---   holder has the lock; or nil and an error. `lease` is the last one of this object. `again`: the
---   owner of it takes the lock again, in a store with `retakes`; others have released it before;
--- - `release(key, token, lease)`: as `unlock`. `lease` is nil for a token of an earlier one.
--- Fields of a lease: `owner`; `token`, a number unless `take` sets it; `ends`, optional: when this
--- object releases the lock, by `now()` of the primitives.
---@param name string of the store
---@param primitives table also `shown`, for tostring; `problem`, an error that all functions return
---@return table store with `load`, `save`, `lock`, `unlock`
function leased.new(name, primitives)
  local store = {}
  local leases = {} -- by key
  local last_token = 0
  local problem = primitives.problem

  --- Returns the last lease of this store. One that has ended is released.
  local function lease_of(key)
    local lease = leases[key]
    if not lease or not lease.ends or primitives.now() < lease.ends then
      return lease
    end
    leases[key] = nil
    primitives.release(key, lease.token, lease)
  end

  --- Returns the saved record.
  ---@param key string
  ---@return table|string|nil record nil if there is none
  ---@return table|nil err of kind `store`
  ---@return table|nil damage of kind `store`, if this store has moved a damaged record aside
  function store.load(key)
    check_key(key, "load")
    if problem then
      return nil, problem
    end
    lease_of(key)
    return primitives.load(key)
  end

  --- Saves a record, or clears it. A store that can tell refuses it while another holder has the
  --- lock, and to a holder whose lock has expired and been taken since.
  ---@param key string
  ---@param record table|string|nil a record object or its bytes; nil clears
  ---@param ttl? number seconds after which it may expire
  ---@return true|nil ok
  ---@return table|nil err of kind `store`
  function store.save(key, record, ttl)
    check_key(key, "save")
    ttl = ttl ~= nil and check_seconds(ttl, "save", "ttl") or nil
    if problem then
      return nil, problem
    end
    local err
    if record ~= nil and primitives.encode then
      record, err = primitives.encode(record)
    end
    if err then
      return nil, err
    end
    local saved
    saved, err = primitives.save(key, record, ttl, lease_of(key))
    if not saved then
      return nil, err or not_the_holder()
    end
    return true
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
    if problem then
      return nil, problem
    end
    local lease = lease_of(key)
    local again = lease ~= nil and owner ~= nil and lease.owner == owner
    if again and not primitives.retakes then
      store.unlock(key, lease.token)
      lease, again = nil, false
    end
    local taken, err = primitives.take(key, seconds, lease, again)
    if not taken then
      return taken, err
    end
    last_token = last_token + 1
    taken.token, taken.owner = taken.token or last_token, owner
    leases[key] = taken
    return taken.token
  end

  --- Releases the lock if the caller still holds it.
  ---@param key string
  ---@param token any what `lock` returned
  ---@return boolean|nil ours false if the caller no longer holds it
  ---@return table|nil err of kind `store`; the lock then expires
  function store.unlock(key, token)
    check_key(key, "unlock")
    local lease = leases[key]
    lease = lease and lease.token == token and lease or nil
    local ours, err = primitives.release(key, token, lease)
    if err then
      return nil, err
    end
    if lease then
      leases[key] = nil
    end
    return ours
  end

  return setmetatable(store, {
    __name = name,
    problem = problem, -- known before the first use
    __tostring = function()
      return primitives.shown and ("%s (%s)"):format(name, primitives.shown) or name
    end,
  })
end

return leased
