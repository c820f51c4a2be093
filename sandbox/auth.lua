--- Routes /auth/login and /auth/refresh.
local domains = require "sandbox.domains"
local json = require "sandbox.json"
local reply = require "sandbox.reply"
local state = require "sandbox.state"
local tokens = require "sandbox.tokens"
local users = require "sandbox.users"

local auth = {}

local RIGHTS = {
  ReadWrite = '["CREATE","READ","UPDATE","DELETE"]',
  Read = '["READ"]',
}
local OBJECTS = { "Things", "ThingTypes", "Users", "Domains", "Observations", "Events", "Files" }

local function permissions(user)
  local rights = RIGHTS[user.roleName] or RIGHTS.Read
  local members = {}
  for _, name in ipairs(OBJECTS) do
    members[#members + 1] = string.format('"%s":%s', name, rights)
  end
  return '{"objects":{' .. table.concat(members, ",") .. "}}"
end

local function answer(user, auth_time, refresh_token)
  local shown = json.object {
    { "userName", user.userName }, { "roleName", user.roleName },
    { "firstName", user.firstName }, { "lastName", user.lastName }, { "email", user.email },
    { "domainName", user.domainName }, { "domainPath", domains.path(user.domainName) },
    { "data", user.data },
  }
  local credentials = json.object {
    { "identityId", user.identityId }, { "token", tokens.issue(user, auth_time) },
    { "refreshToken", refresh_token },
  }
  reply.ok(string.format('{"user":%s,"credentials":%s,"permissions":%s}', shown, credentials,
    permissions(user)))
end

-- The first of these members that is missing, null or empty.
local function missing(members, ...)
  for _, name in ipairs { ... } do
    local value = members[name]
    if value == nil or value == json.null or value == "" then
      return name
    end
  end
end

--- Every active user has the password of this start, unless another one was set.
---@param call table
function auth.login(call)
  local members = call.members
  local absent = missing(members, "userName", "password")
  if absent then
    return reply.error("PROPERTY_REQUIRED", absent)
  end
  local user = users.find(members.userName)
  if not users.may_enter(user) or not users.has_password(user, members.password) then
    return reply.error "INVALID_LOGIN"
  elseif user.consent == false then
    return reply.error("USER_CONSENT_REQUIRED", "consent")
  end
  local now = state.time()
  answer(user, now, tokens.issue_refresh(user, now))
end

--- Brings the refresh token again, a new one or none, as the mode `refresh` says.
---@param call table
function auth.refresh(call)
  local old = call.members.refreshToken
  if missing(call.members, "refreshToken") then
    return reply.error("PROPERTY_REQUIRED", "refreshToken")
  end
  local user, auth_time
  if type(old) == "string" then
    user, auth_time = tokens.check_refresh(old)
  end
  if not users.may_enter(user) then
    return reply.error "INVALID_LOGIN"
  end
  local mode, brought = state.mode "refresh", nil
  if mode == "echo" then
    brought = old
  elseif mode == "rotate" then
    brought = tokens.issue_refresh(user, auth_time)
    tokens.retire_refresh(old, state.mode "refresh_grace")
  end
  answer(user, auth_time, brought)
end

return auth
