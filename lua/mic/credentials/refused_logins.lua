--- List of refused logins, each with its digest, time and count. The record in the store holds the
--- same list for all processes.

local renewal_policy = require "mic.credentials.renewal_policy"

local refused_logins = {}
local refusals_methods = {}
local refusals_mt = { __name = "mic.credentials.refused_logins", __index = refusals_methods }

local MOST = 4 -- entries in a record
local DAY = 24 * 60 * 60 -- lifetime of an entry

--- An empty list.
---@return table refusals
function refused_logins.new()
  return setmetatable({
    list = {}, -- entries: digest, at (seconds since 1970), times (in a row); the newest is last
    owed = false, -- the newest entry is not saved yet
    worked = nil, -- digest of a login that succeeded, until the store is updated
    worked_at = nil, -- its time; a later refusal takes precedence
  }, refusals_mt)
end

local function find(list, digest)
  for index, entry in ipairs(list) do
    if entry.digest == digest then
      return index, entry
    end
  end
end

local function remove(list, digest)
  local index = find(list, digest)
  return index and table.remove(list, index)
end

--- Merges another list; the newer entry of a digest wins.
local function merge(list, other)
  for _, entry in ipairs(other) do
    local index, known = find(list, entry.digest)
    if not known or known.at < entry.at then
      if index then
        table.remove(list, index)
      end
      list[#list + 1] = entry
    end
  end
  table.sort(list, function(first, second)
    return first.at < second.at
  end)
  return list
end

--- True if the list is empty.
---@return boolean
function refusals_methods:is_empty()
  return #self.list == 0
end

--- Takes the list of the saved record; entries that are not saved yet are kept.
---@param record table
function refusals_methods:learn(record)
  local saved = record:refused() or {}
  self.list = self.owed and merge(saved, self.list) or saved
  local _, entry = find(self.list, self.worked)
  if entry and entry.at <= self.worked_at then
    remove(self.list, self.worked)
  end
end

--- Returns the record with the list in it.
---@param record table|nil nil: no credentials
---@param client table the core's
---@param wall number seconds since 1970
---@return table|nil record nil: nothing to save
function refusals_methods:attach(record, client, wall)
  local list = {}
  for _, entry in ipairs(self.list) do
    if wall - entry.at < DAY then
      list[#list + 1] = entry
    end
  end
  if #list == 0 and not (record and record:refused()) then
    return record
  end
  if #list == 0 then
    return record:with_refused()
  end
  return (record or client:no_login()):with_refused(list)
end

--- Marks the list as saved.
function refusals_methods:saved()
  self.owed, self.worked = false, nil
end

--- Returns the digest of a login. The last one is cached: it is slow.
local function digest_of(account, username, password)
  local last = account.digested
  if not last or last.username ~= username or last.password ~= password then
    local digest = account.core:login_digest(username, password)
    last = { username = username, password = password, digest = digest }
    account.digested = last
  end
  return last.digest
end

--- Adds a refused login.
---@param account table core; `digested` holds the last digest
---@param username string|nil
---@param password string|nil
---@param wall number seconds since 1970
function refusals_methods:note(account, username, password, wall)
  local digest = digest_of(account, username, password)
  local before = remove(self.list, digest)
  local times = before and before.times + 1 or 1
  self.list[#self.list + 1] = { digest = digest, at = wall, times = times }
  if #self.list > MOST then
    table.remove(self.list, 1)
  end
  self.owed, self.worked = true, nil
end

--- Removes a login that succeeded.
---@param account table as for `note`
---@param username string
---@param password string
---@param wall number seconds since 1970
function refusals_methods:forget(account, username, password, wall)
  if self:is_empty() then
    return
  end
  local digest = digest_of(account, username, password)
  account.digested = nil -- it holds the password
  if remove(self.list, digest) then
    self.worked, self.worked_at = digest, wall
  end
end

--- Returns how long a login must not be retried.
---@param account table as for `note`
---@param username string|nil
---@param password string|nil
---@param wall number seconds since 1970
---@return number|nil seconds nil: it may be tried
function refusals_methods:left(account, username, password, wall)
  if self:is_empty() then
    return nil
  end
  local _, entry = find(self.list, digest_of(account, username, password))
  return entry and renewal_policy.refusal_left(entry.at, entry.times, wall)
end

return refused_logins
