--- Credential fields of `client:status()`. No secrets.

local credential_status = {}

local function line(err)
  return err and tostring(err)
end

--- Adds the fields.
---@param status table
---@param source table the client's token source
function credential_status.add(status, source)
  local cache, group, wall = source.cache, source.group, source.cache:wall()
  local _, _, left, lifetime = source.core:freshness()
  local backoff = group.backoff:left(source.transport.now())
  local next_refresh
  status.username = source.user or status.username
  status.store_error = line(cache.store_error)
  status.last_error = line(source.last_error)
  for name, count in pairs(source.counters) do
    status.counters[name] = count
  end
  status.counters.adoptions = cache.adoptions
  if left then
    local expires = wall + left
    status.expires = math.floor(expires + 0.5) -- both clocks go on between two calls
    status.issued = lifetime and math.floor(expires - lifetime + 0.5)
    next_refresh = expires - (cache.advisory or 0)
  end
  if backoff then
    next_refresh = math.max(next_refresh or 0, wall + backoff)
  end
  status.next_refresh = next_refresh and math.floor(next_refresh)
  local password = not source.authenticate and source.password or nil
  local known = type(password) ~= "function"
  if not known and source.digested then -- not called for this: that of the last login
    password, known = source.digested.password, true
  end
  local refused = known
    and source.can_log_in()
    and group.refusals:left(source, source.username, password, wall)
  status.next_login = refused and math.ceil(wall + refused) or nil
end

return credential_status
