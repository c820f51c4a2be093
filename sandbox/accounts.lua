--- Routes below /auth but login and refresh: sign-up, consent, passwords. No mail is sent: the code
--- in it would always be the same, and the token is made of user name and code.
local fields = require "sandbox.fields"
local json = require "sandbox.json"
local reply = require "sandbox.reply"
local state = require "sandbox.state"
local user_reads = require "sandbox.user_reads"
local users = require "sandbox.users"

local accounts = {}

local CODE = "123456"
local REQUIRED = { "userName", "password", "email" }

local settable = { password = "string", consent = "boolean" }
for _, name in ipairs(users.ATTRIBUTES) do
  local own = name ~= "id" and name ~= "createdAt" and name ~= "roleName" and name ~= "domainName"
  settable[name] = own and true or nil
end

--- POST /auth/sign-up: the new user is unconfirmed.
function accounts.sign_up(call)
  local given = call.members
  local absent = fields.missing(given, REQUIRED)
  if absent then
    return reply.error("PROPERTY_REQUIRED", absent)
  end
  local wrong = fields.wrong(given, settable)
  if wrong then
    return reply.error("INVALID_ARGUMENTS", wrong)
  end
  if users.find(given.userName) then
    return reply.error("USER_USERNAME_EXISTS", "userName")
  end
  local user = fields.apply({ state = "unconfirmed", has_code = true }, given)
  reply.ok(user_reads.show(users.create(user), users.ATTRIBUTES))
end

-- The user whose mail brought this token or code; answers and returns nil when it is none. A code
-- is good for one use.
local function by_code(given)
  local name, code = given.userName, given.code
  if fields.is_absent(name) then
    if fields.is_absent(given.token) then
      reply.error("PROPERTY_REQUIRED", "token")
      return nil
    end
    local text, digits = tostring(given.token):match "^(.*)%-(%d+)$"
    local inner = text and json.decode(ngx.decode_base64(text) or "")
    name, code = type(inner) == "table" and inner.userName, digits
    if not name then
      reply.error("INVALID_LOGIN", "token")
      return nil
    end
  end
  local user = users.find(name)
  if not user then
    reply.error("USER_NOT_FOUND", "token")
  elseif code ~= CODE or not user.has_code then
    reply.error("INVALID_LOGIN", "token")
  else
    user.has_code = nil
    return user
  end
  return nil
end

--- POST /auth/confirm-sign-up: the user is then pending, without a domain and a role.
function accounts.confirm(call)
  local user = by_code(call.members)
  if user then
    user.state = user.state == "unconfirmed" and "pending" or user.state
    users.save(user)
    reply.ok "{}"
  end
end

-- The user that a body names; answers and returns nil when there is none.
local function named(given)
  if fields.missing(given, { "userName" }) then
    reply.error("PROPERTY_REQUIRED", "userName")
    return nil
  end
  local user = users.find(given.userName)
  if not user then
    reply.error("USER_NOT_FOUND", "userName")
  end
  return user
end

--- POST /auth/resend-confirmation-code, /auth/forgot-password: the password stays as it is.
function accounts.send_code(call)
  local user = named(call.members)
  if user then
    user.has_code = true
    users.save(user)
    reply.ok "{}"
  end
end

--- POST /auth/set-password
function accounts.set_password(call)
  if fields.missing(call.members, { "password" }) then
    return reply.error("PROPERTY_REQUIRED", "password")
  end
  local user = by_code(call.members)
  if user then
    user.password, user.must_set_password = call.members.password, nil
    users.save(user)
    reply.ok "{}"
  end
end

--- POST /auth/consent
function accounts.consent(call)
  local given = call.members
  local absent = fields.missing(given, { "userName", "password" })
  if absent then
    return reply.error("PROPERTY_REQUIRED", absent)
  end
  local user = users.find(given.userName)
  if not user or not users.has_password(user, given.password) then
    return reply.error "INVALID_LOGIN"
  end
  user.consent = true
  users.save(user)
  reply.ok "{}"
end

--- GET /auth/get-consent-document
function accounts.consent_document()
  reply.ok(json.object {
    { "url", state.settings().root .. "/consent/terms.html?expires=" .. state.time() + 900 },
    { "version", "1" },
  })
end

return accounts
