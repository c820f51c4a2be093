--- Credential fields of `client:status()`. No secrets.

local credential_status = {}

local function line(err)
  return err and tostring(err)
end

--- Adds the fields.
---@param status table
---@param session table
function credential_status.add(status, session)
  local cache = session.cache
  local _, _, left, lifetime = session.core:freshness()
  local pause = session.group.pause:left(session.transport.now())
  local next_refresh
  status.username = session.user or status.username
  status.store_error = line(cache.store_error)
  status.last_error = line(session.last_error)
  for name, count in pairs(session.counters) do
    status.counters[name] = count
  end
  status.counters.adoptions = cache.adoptions
  if left then
    local expires = session:wall() + left
    status.expires = math.floor(expires)
    status.issued = lifetime and math.floor(expires - lifetime)
    next_refresh = expires - (cache.advisory or 0)
  end
  if pause then
    next_refresh = math.max(next_refresh or 0, session:wall() + pause)
  end
  status.next_refresh = next_refresh and math.floor(next_refresh)
  local password = type(session.password) == "string" and session.password or nil
  local refused = session:refused_for(password)
  status.next_login = refused and math.ceil(session:wall() + refused)
end

return credential_status
