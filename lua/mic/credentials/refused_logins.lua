--- The logins that the API has refused, each known by a digest: when that was, and when each may be
--- tried again by itself. The record in the store holds the same list, for all processes.

local renewal_policy = require "mic.credentials.renewal_policy"

local refused_logins = {}
local refusals_methods = {}
local refusals_mt = { __name = "mic.credentials.refused_logins", __index = refusals_methods }

local MOST = 4 -- that a record can hold
local DAY = 24 * 60 * 60 -- after which one is forgotten

--- An empty list.
---@return table refusals
function refused_logins.new()
  return setmetatable({
    list = {}, -- digest, at (seconds since 1970), times (in a row); the newest last
    owed = false, -- the store does not know of the newest yet
    worked = nil, -- the digest of a login that has worked, until the store knows
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

--- Adds what another list knows better.
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

--- Whether nothing was refused.
---@return boolean
function refusals_methods:is_empty()
  return #self.list == 0
end

--- What the store holds counts, but for what it could not be told.
---@param record table
function refusals_methods:learn(record)
  local saved = record:refused() or {}
  self.list = self.owed and merge(saved, self.list) or saved
  if self.worked then
    remove(self.list, self.worked)
  end
end

--- The record with the list in it.
---@param record table|nil nil: no credentials
---@param client table the core's
---@param wall number seconds since 1970
---@return table|nil record nil: there is nothing to save
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

--- The store knows of all.
function refusals_methods:saved()
  self.owed, self.worked = false, nil
end

--- The API has refused a login.
---@param digest string
---@param wall number seconds since 1970
function refusals_methods:note(digest, wall)
  local before = remove(self.list, digest)
  local times = before and before.times + 1 or 1
  self.list[#self.list + 1] = { digest = digest, at = wall, times = times }
  if #self.list > MOST then
    table.remove(self.list, 1)
  end
  self.owed, self.worked = true, nil
end

--- A login has worked.
---@param digest string
function refusals_methods:forget(digest)
  if remove(self.list, digest) then
    self.worked = digest
  end
end

--- How long a login is not to be tried yet.
---@param digest string
---@param wall number seconds since 1970
---@return number|nil seconds nil: it may be tried
function refusals_methods:left(digest, wall)
  local _, entry = find(self.list, digest)
  return entry and renewal_policy.refusal_left(entry.at, entry.times, wall)
end

return refused_logins
