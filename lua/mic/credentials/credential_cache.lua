--- Credential cache: the credentials in the core's memory and their record in the store under the
--- client's key. Moves them between the two and sets when they are due. Sends no login or refresh.

local backoff = require "mic.credentials.backoff"
local core_module = require "mic.core"
local errors = require "mic.error"
local pcall_compat = require "mic.pcall_compat"
local rate_limit = require "mic.credentials.rate_limit"
local refused_logins = require "mic.credentials.refused_logins"
local renewal_policy = require "mic.credentials.renewal_policy"

local credential_cache = {}
local cache_methods = {}
local cache_mt = { __name = "mic.credentials.credential_cache", __index = cache_methods }

local LOCK_SECONDS = 45 -- lease of the lock, longer than any transaction that holds it

--- Groups by store, then by key. Weak: an unused store or key is collected.
local registry = setmetatable({}, { __mode = "k" })

--- Returns what the clients of one Lua state with the same store object and key share.
local function group_of(store, key)
  registry[store] = registry[store] or setmetatable({}, { __mode = "v" })
  local group = registry[store][key]
  if not group then
    group = {
      flight = nil, -- the current transaction: see `single_flight`
      backoff = backoff.new(),
      refusals = refused_logins.new(), -- saved with the record
      minute_limit = rate_limit.new(store, key),
      token = false, -- of the lock, while one of our transactions holds it. Both fields exist from
      token_pid = false, -- the start, so that noting a taken lock allocates nothing.
    }
    registry[store][key] = group
  end
  return group
end

--- Records a failure of the store. Secrets of the client and of the given record are masked in what
--- the store raised or returned.
local function failed(self, what, problem, record, reason)
  local text = errors.is(problem) and problem.message or type(problem) == "string" and problem or ""
  local hint = errors.is(problem) and problem.hint or nil
  local code = errors.is(problem) and problem.code or nil
  if text ~= "" then
    text = ": " .. self.core:mask(text, record)
  end
  local message = ("the store could not %s%s"):format(what, text)
  local err = errors.new("store", message, { code = code, hint = hint })
  self.store_error = err
  self.emit { type = "store", err = err, reason = reason }
  return err
end

--- Makes the credential cache of a client.
---@param settings table core (the core's client), store, key, transport, refresh_margin, emit
---@return table cache `group` is shared by the clients of this store and key
function credential_cache.new(settings)
  return setmetatable({
    core = settings.core,
    store = settings.store,
    key = settings.key,
    transport = settings.transport,
    emit = settings.emit,
    refresh_margin = settings.refresh_margin,
    group = group_of(settings.store, settings.key),
    adoptions = 0, -- adopted records that others saved
    advisory = nil, -- seconds before expiry from which a refresh is due
    store_error = nil, -- last failure of the store; nil after a successful save
    retry_at = 0, -- end of the backoff in the last loaded record, in seconds since 1970; 0 = none
    failures = 0, -- in a row, that led to this backoff
    damage = nil, -- message and err last reported for damaged content, until the next save
    dirty = nil, -- the credentials in memory are not saved yet: see `mark_dirty`
  }, cache_mt)
end

--- Reports a store that is known to be unusable, before its first use.
function cache_methods:check_store()
  local facts = getmetatable(self.store)
  local problem = type(facts) == "table" and facts.problem
  if errors.is(problem) then
    failed(self, "load", problem)
  end
end

--- ---- memory ----

--- True if the token is fresh or in the advisory window.
---@return boolean
function cache_methods:is_good()
  local state = self.core:freshness()
  return state == "fresh" or state == "advisory"
end

--- True if the token may be sent: fresh, advisory or mandatory.
---@return boolean
function cache_methods:is_usable()
  local state = self.core:freshness()
  return state == "fresh" or state == "advisory" or state == "mandatory"
end

--- Swaps in credentials and sets their refresh windows.
---@param record table the core's record, or the user's table
---@param generation number|nil only if this is the present one
---@return number|nil generation the new one, or nil and an error
---@return table|nil err
function cache_methods:adopt(record, generation)
  local adopted, kind, code, message = self.core:adopt(record, generation)
  if not adopted then
    return nil, errors.from_fail(kind, code, message)
  end
  local _, _, left, lifetime = self.core:freshness()
  self.advisory = nil
  if left then
    local mandatory
    self.advisory, mandatory =
      renewal_policy.windows(lifetime or left, self.refresh_margin, self.transport.random())
    self.core:schedule(self.advisory, mandatory)
  end
  return adopted
end

--- ---- the store ----

--- Reports damaged content, once: the store may return the same until the next save.
local function damaged(self, problem)
  local message = errors.is(problem) and problem.message or problem
  if not self.damage or self.damage.message ~= message then
    local err = failed(self, "load", problem, nil, "the saved record is damaged")
    self.damage = { message = message, err = err }
  end
end

--- Clears the report of damage: the store holds a valid record.
local function undamaged(self)
  if self.damage and self.store_error == self.damage.err then
    self.store_error = nil
  end
  self.damage = nil
end

--- Calls a function of the store; an error that it raises is a failure.
local function ask(self, what, ...)
  local ok, value, problem, damage = pcall_compat.user(self.store[what], ...)
  local record = select(2, ...)
  if not ok then
    if what == "load" or what == "lock" then
      errors.pass_memory(value) -- not in save: the credentials to save must not be lost
    end
    return nil, failed(self, what, value, record)
  end
  if value == nil and problem ~= nil then
    return nil, failed(self, what, problem, record)
  end
  if what == "load" and value == nil and damage ~= nil then
    damaged(self, damage)
  end
  return value
end

--- Takes refused logins and backoff from a valid record.
local function learn(self, record)
  undamaged(self)
  self.group.refusals:learn(record)
  self.retry_at, self.failures = record:retry_at()
  return record:is_login() and record or nil
end

--- Loads the saved record; nil if there is none or what is saved is damaged.
---@return table|nil record with credentials
---@return table|nil err the store failed
function cache_methods:load()
  local record, err = ask(self, "load", self.key)
  self.retry_at, self.failures = 0, 0
  if record == nil then
    return nil, err
  end
  if type(record) == "string" then
    local code, message, _
    record, _, code, message = core_module.record(record)
    if code then -- the record is valid and must not be overwritten
      return nil, failed(self, "load", message)
    end
    if not record then
      damaged(self, message)
      return nil
    end
    return learn(self, record)
  end
  local is_record, problem = pcall(self.core.holds, self.core, record)
  if not is_record then
    errors.pass_memory(problem)
    damaged(self, "it did not return a record")
    return nil
  end
  return learn(self, record)
end

--- Adopts a record that others saved, unless memory is about to replace it.
---@param record table
---@return boolean changed the credentials are new
function cache_methods:adopt_saved(record)
  local base = self.dirty and self.dirty.base
  if self.core:holds(record) or (base and base:same(record)) then
    return false
  end
  local _, generation = self.core:freshness()
  local adopted, err = self:adopt(record, generation)
  if not adopted then
    failed(self, "load", err)
    return false
  end
  self.dirty = nil
  self.adoptions = self.adoptions + 1
  self.emit { type = "store", reason = "adopted the saved credentials" }
  return true
end

--- Seconds since 1970, from the transport if it has a clock of its own.
---@return number
function cache_methods:wall()
  return (self.transport.wall or core_module.wall)()
end

--- Saves a record. Nil clears the store, except for refused logins.
---@param record table|nil
---@return true|nil ok
---@return table|nil err
function cache_methods:save(record)
  local refused = self.group.refusals
  record = refused:attach(record, self.core, self:wall())
  local saved, err = ask(self, "save", self.key, record)
  if err then
    return nil, err
  end
  if not saved then
    return nil, failed(self, "save", "it returned " .. tostring(saved))
  end
  self.store_error, self.damage = nil, nil
  refused:saved()
  return true
end

--- Marks memory as dirty. It is saved at the next opportunity if the store still holds `base` or
--- nothing; a newer record of others takes precedence.
---@param base table|false|nil the record that the store held; without one that of the last mark
function cache_methods:mark_dirty(base)
  base = base or (self.dirty and self.dirty.base)
  local failures = self.dirty and self.dirty.failures + 1 or 1
  local facts = { failures = failures, random = self.transport.random() }
  -- The first retry comes with the next call.
  local pause = failures > 1 and renewal_policy.backoff(facts) or 0
  local next_try = self.transport.now() + pause
  self.dirty = { base = base, failures = failures, next_try = next_try }
end

--- Saves what memory holds. Call it with the lock held.
---@param base table|false|nil the record that the store holds
---@return true|nil ok
---@return table|nil err
function cache_methods:flush(base)
  local mine = self.core:record()
  local ok, err = self:save(mine and mine:with_retry_at(0))
  if ok then
    self.dirty = nil
  else
    self:mark_dirty(base)
  end
  return ok, err
end

--- Loads the saved record and adopts it if others have saved it.
---@param locked any true with the lock held: if memory is dirty and the record is not newer, memory
--- is saved instead
---@return table|nil record what the store holds
---@return boolean adopted the credentials are new
---@return table|nil err the store failed
function cache_methods:reload(locked)
  local record, err = self:load()
  if err then
    return nil, false, err
  end
  local dirty = locked and self.dirty
  if dirty and (not record or (dirty.base and dirty.base:same(record))) then
    if self:flush() then
      record = self.core:record()
    end
  elseif dirty then
    self.dirty = nil
  end
  return record, record ~= nil and self:adopt_saved(record)
end

--- Takes the store's lock; does not wait. The group notes the token, in case an error from outside
--- keeps it from the transaction.
---@return any token false when another holder has it; nil and an error when the store failed
---@return table|nil err
function cache_methods:lock()
  local group, pid = self.group, core_module.pid()
  local token, err = ask(self, "lock", self.key, LOCK_SECONDS, group)
  if token then
    group.token, group.token_pid = token, pid
  elseif token == nil and not err then
    err = failed(self, "lock", "it returned nil")
  end
  return token, err
end

--- Releases the lock.
---@param token any
function cache_methods:unlock(token)
  ask(self, "unlock", self.key, token)
  if self.group.token == token then
    self.group.token = false
  end
end

--- Releases a lock that an interrupted transaction has left. Call it only while none is running.
function cache_methods:unlock_left()
  local group = self.group
  if group.token and group.token_pid == core_module.pid() then
    self:unlock(group.token)
  end
  group.token = false
end

return credential_cache
