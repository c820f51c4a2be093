--- The profiles of the simulated worlds: MIC's, one that also refreshes, and one that logs in again
--- instead. What their requests look like does not matter: see the simulated core.

local random = require "spec.simulation.random"

local rows = {}

local made = {
  mic = { is_mic = true, refreshes = true },
  renewing = {
    refreshes = true,
    profile = {
      name = "renewing",
      login = "POST /login",
      login_body = '{"user":{username},"password":{password}}',
      refresh = "POST /renew",
      refresh_body = "token={refresh_token}",
      token = "data.token",
      refresh_token = "data.refresh",
      expired = { { 401, "expired" } },
    },
  },
  login_only = {
    profile = {
      name = "login_only",
      login = "POST /login",
      login_body = '{"user":{username},"password":{password}}',
      token = "token",
      expired = { { 401, "expired" } },
    },
  },
}

--- Returns the row of this name, or the one that a world of this seed has.
---@param seed number
---@param name? string
---@return table row is_mic, refreshes, profile (the option of a client; nil for MIC's), name
function rows.of(seed, name)
  -- A generator of its own: otherwise the world would be another one for each row.
  name = name or random.new(seed + 7):pick { "mic", "mic", "renewing", "login_only" }
  local row = assert(made[name], name)
  row.name = name
  return row
end

return rows
