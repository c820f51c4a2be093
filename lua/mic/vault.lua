--- Where credentials rest: in the memory of the core, and in the store under the key of the client.
--- Moves them between the two and knows when they are due; starts no login and no refresh.

local core_module = require "mic.core"
local errors = require "mic.error"
local policy = require "mic.policy"

local vault = {}
local vault_methods = {}
local vault_mt = { __name = "mic.vault", __index = vault_methods }

local LOCK_SECONDS = 45 -- longer than any flight, so that a lock never ends under it

--- Makes the vault of a client.
---@param settings table core (the core's client), store, key, transport, emit, refresh_margin
---@return table vault
function vault.new(settings)
  return setmetatable({
    core = settings.core,
    store = settings.store,
    key = settings.key,
    transport = settings.transport,
    emit = settings.emit,
    refresh_margin = settings.refresh_margin,
    owner = { ended = true }, -- of the lock, while not ended; a vault takes one at a time
    adoptions = 0, -- of what somebody else saved
    advisory = nil, -- seconds before expiry from which a refresh is due
    store_error = nil, -- of the last use of the store that failed; nil once a save has worked
  }, vault_mt)
end

--- ---- memory ----

--- Swaps credentials in and sets when they are due.
---@param record table the core's record, or the user's table
---@param generation number|nil only while this is the present one
---@return number|nil generation the new one, or nil and an error
---@return table|nil err
function vault_methods:adopt(record, generation)
  local adopted, kind, code, message = self.core:adopt(record, generation)
  if not adopted then
    return nil, errors.from_fail(kind, code, message)
  end
  local _, _, left, lifetime = self.core:freshness()
  self.advisory = nil
  if left then
    local mandatory
    self.advisory, mandatory =
      policy.windows(lifetime or left, self.refresh_margin, self.transport.random())
    self.core:schedule(self.advisory, mandatory)
  end
  return adopted
end

--- ---- the store ----

--- Notes a failure of the store. What it raised or returned is shown without our secrets, and
--- without those of the record that it was given.
local function failed(self, what, problem, record)
  local text = errors.is(problem) and problem.message or type(problem) == "string" and problem or ""
  if text ~= "" then
    text = ": " .. self.core:mask(text, record)
  end
  local err = errors.new("store", ("the store could not %s%s"):format(what, text))
  self.store_error = err
  self.emit { type = "store", err = err }
  return err
end

--- Calls one of the store's functions; one that raises has failed.
local function ask(self, what, ...)
  local ok, value, problem = pcall(self.store[what], ...)
  local record = select(2, ...)
  if not ok then
    return nil, failed(self, what, value, record)
  end
  if value == nil and problem ~= nil then
    return nil, failed(self, what, problem, record)
  end
  return value
end

--- The saved record; nil when there is none or what is saved is damaged.
---@return table|nil record
---@return table|nil err when the store failed
function vault_methods:saved()
  local record, err = ask(self, "load", self.key)
  if record == nil or type(record) ~= "string" then
    return record, err
  end
  local read, _, _, message = core_module.record(record)
  if not read then
    failed(self, "load", message)
  end
  return read
end

--- Adopts what somebody else saved.
---@return boolean changed the present credentials are other than before
function vault_methods:adopt_saved()
  local record = self:saved()
  if not record or self.core:holds(record) then
    return false
  end
  local _, generation = self.core:freshness()
  local adopted, err = self:adopt(record, generation)
  if not adopted then
    failed(self, "load", err)
    return false
  end
  self.adoptions = self.adoptions + 1
  self.emit { type = "store", reason = "adopted what was saved" }
  return true
end

--- Saves a record, or clears the store.
---@param record table|nil
---@return true|nil ok
---@return table|nil err
function vault_methods:save(record)
  local saved, err = ask(self, "save", self.key, record)
  if err then
    return nil, err
  end
  if not saved then
    return nil, failed(self, "save", "it returned " .. tostring(saved))
  end
  self.store_error = nil
  return true
end

--- Clears the store if it still holds the present credentials.
function vault_methods:clear_own()
  local saved = self:saved()
  if saved and self.core:holds(saved) then
    self:save(nil)
  end
end

--- Takes the store's lock; does not wait.
---@return any token false when somebody else has it; nil and an error when the store failed
---@return table|nil err
function vault_methods:lock()
  self.owner.ended = false
  return ask(self, "lock", self.key, LOCK_SECONDS, self.owner)
end

--- Gives the lock back.
---@param token any
function vault_methods:unlock(token)
  ask(self, "unlock", self.key, token)
end

return vault
