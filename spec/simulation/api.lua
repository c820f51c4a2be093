--- Simulated API: accounts, logins, refreshes, tokens that expire. It keeps the state of every
--- secret that it has issued.

local token = require "spec.simulation.token"

local api = {}
local api_methods = {}
local api_mt = { __index = api_methods }

local EXPIRED = "The incoming token has expired"

--- Makes the API.
---@param world table
---@param settings table mode ("echo", "rotate", "omit"; "none": there is no refresh), lifetime
--- (seconds), grace (seconds for which a rotated refresh token works once more), reuse_revokes
--- (what comes later revokes all)
---@return table api
function api.new(world, settings)
  return setmetatable({
    world = world,
    settings = settings,
    accounts = {},
    tokens = {}, -- by their text: family, expires
    refreshes = {}, -- by their text: family, serial, retired (when), next (the reply once more)
    serial = 0,
    renewals = 0, -- tokens that took the place of another
  }, api_mt)
end

--- Adds an account.
---@param user string
---@param password string
function api_methods:add_account(user, password)
  self.accounts[user] = { user = user, password = password, families = {} }
end

local function next_serial(self)
  self.serial = self.serial + 1
  return self.serial
end

local function error_reply(status, key, message)
  return {
    status = status,
    body = ('{"errorMessage":"%s","messageKey":"%s"}'):format(message, key),
  }
end

--- What every success of login and refresh brings. The body is what the core shows: masked.
local function grant(self, family, refresh)
  local now = self.world.now
  local serial = next_serial(self)
  local jwt = token.jwt(serial, now, now + self.settings.lifetime)
  self.tokens[jwt] = { family = family, serial = serial, expires = now + self.settings.lifetime }
  return {
    status = 200,
    body = ('{"user":{"userName":"%s"},"credentials":{"token":"***"}}'):format(family.user),
    credentials = { identityId = "id-of-" .. family.user, token = jwt, refreshToken = refresh },
    family = family,
  }
end

local function new_refresh(self, family)
  local serial = next_serial(self)
  local text = token.refresh(serial)
  self.refreshes[text] = { family = family, serial = serial }
  return text
end

--- POST /auth/login.
---@param user string
---@param password string
---@return table reply status, body, credentials
function api_methods:login(user, password)
  local account = self.accounts[user]
  if account and account.locked then
    return error_reply(401, "", "Password attempts exceeded")
  end
  if not account or account.password ~= password then
    return error_reply(400, "INVALID_LOGIN", "Invalid login")
  end
  local family = { user = user, revoked = false }
  account.families[#account.families + 1] = family
  if #account.families > 1 then
    self.renewals = self.renewals + 1
  end
  if self.settings.mode == "none" then
    return grant(self, family, nil)
  end
  local refresh = new_refresh(self, family)
  family.refresh = refresh
  return grant(self, family, refresh)
end

local function revoke(family, everything)
  family.revoked = true
  family.cut_off = family.cut_off or everything
end

--- POST /auth/refresh.
---@param refresh string
---@return table reply status, body, credentials; `rotated` when the old refresh token is used up
function api_methods:refresh(refresh)
  local known = self.refreshes[refresh]
  local refused = error_reply(401, "INVALID_LOGIN", "Refresh token is not valid")
  if not known or known.family.revoked then
    return refused
  end
  local family, settings, now = known.family, self.settings, self.world.now
  if known.retired then
    if now > known.retired + settings.grace then
      if settings.reuse_revokes then
        revoke(family, false)
      end
      return refused
    end
    self.renewals = self.renewals + 1
    return grant(self, family, family.refresh)
  end
  self.renewals = self.renewals + 1
  if settings.mode == "omit" then
    return grant(self, family, nil)
  elseif settings.mode == "echo" then
    return grant(self, family, refresh)
  end
  known.retired = now
  family.refresh = new_refresh(self, family)
  local reply = grant(self, family, family.refresh)
  reply.rotated = true
  return reply
end

--- Whether a token works now.
---@param jwt string
---@param margin? number seconds for which it has to work on
---@return boolean
function api_methods:accepts(jwt, margin)
  local known = self.tokens[jwt]
  return known ~= nil
    and not known.family.cut_off
    and self.world.now + (margin or 0) < known.expires
end

--- Whether a refresh token would bring a token now.
---@param refresh string
---@return boolean
function api_methods:honours(refresh)
  local known = self.refreshes[refresh]
  return known ~= nil
    and not known.family.revoked
    and (not known.retired or self.world.now <= known.retired + self.settings.grace)
end

--- An ordinary call.
---@param jwt string|nil
---@return table reply
function api_methods:call(jwt)
  if not jwt then
    return error_reply(403, "", "Missing Authentication Token")
  end
  if self:accepts(jwt) then
    return { status = 200, body = '{"ok":true}' }
  end
  return {
    status = 401,
    body = ('{"message":"%s"}'):format(EXPIRED),
    means = "expired",
    cut_off = self.tokens[jwt] and self.tokens[jwt].family.cut_off,
  }
end

--- Ends every login of an account.
---@param user string
---@param everything boolean the tokens stop working too, not only their refresh
function api_methods:revoke_all(user, everything)
  for _, family in ipairs(self.accounts[user].families) do
    revoke(family, everything)
  end
end

return api
