--- User routes that create, change and delete.
local fields = require "sandbox.fields"
local json = require "sandbox.json"
local reply = require "sandbox.reply"
local rights = require "sandbox.rights"
local user_reads = require "sandbox.user_reads"
local users = require "sandbox.users"

local user_changes = {}

local REQUIRED = { "userName", "roleName", "domainName" }

local settable = {}
for _, name in ipairs(users.ATTRIBUTES) do
  settable[name] = name ~= "id" and name ~= "createdAt"
end

-- What users may set of themselves.
local own = {}
for name, may_set in pairs(settable) do
  own[name] = may_set and name ~= "userName" and name ~= "roleName" and name ~= "roles"
    and name ~= "domainName" and name ~= "enabled" and name ~= "data"
end

--- POST /users
function user_changes.create(call)
  if not rights.may(call, "CREATE", "Users") then
    return
  end
  local members = call.members
  local missing = fields.missing(members, REQUIRED)
  if missing then
    return reply.error("PROPERTY_REQUIRED", missing)
  end
  local wrong = fields.wrong(members, settable)
  if wrong then
    return reply.error("INVALID_ARGUMENTS", wrong)
  end
  if not rights.reaches(call, members.domainName) then
    return reply.error("NOT_AUTHORIZED_DOMAIN", "domainName")
  end
  if users.find(members.userName) then
    return reply.error("USER_USERNAME_EXISTS", "userName")
  end
  reply.ok(user_reads.show(users.create(fields.apply({}, members))))
end

--- PATCH /users/{userName}: null deletes a member.
function user_changes.update(call)
  if not rights.may(call, "UPDATE", "Users") then
    return
  end
  local user = users.find(call.segments[2])
  if not user then
    return reply.error("USER_NOT_FOUND", "userName")
  end
  local wrong = fields.wrong(call.members, settable)
  if wrong or (call.members.userName or user.userName) ~= user.userName then
    return reply.error("INVALID_ARGUMENTS", wrong or "userName")
  end
  local deleted = fields.deleted(call.members, REQUIRED)
  if deleted then
    return reply.error("PROPERTY_NOT_DELETABLE", deleted)
  end
  fields.apply(user, call.members)
  if not rights.reaches(call, user.domainName) then
    return reply.error("NOT_AUTHORIZED_DOMAIN", "domainName")
  end
  users.save(user)
  reply.ok(user_reads.show(user))
end

-- The user in the path; answers and returns nil when there is none.
local function named(call)
  local user = users.find(call.segments[2])
  if not user then
    reply.error("USER_NOT_FOUND", "userName")
  end
  return user
end

--- PATCH /users/{userName}/profile: only of oneself; not the user's rights.
function user_changes.update_profile(call)
  local user = named(call)
  if not user then
    return
  elseif user.userName ~= call.user.userName then
    return reply.error "NOT_AUTHORIZED"
  end
  local wrong = fields.wrong(call.members, own)
  if wrong then
    return reply.error("INVALID_ARGUMENTS", wrong)
  end
  local deleted = fields.deleted(call.members, { "email" })
  if deleted then
    return reply.error("PROPERTY_NOT_DELETABLE", deleted)
  end
  users.save(fields.apply(user, call.members))
  reply.ok(user_reads.show(user))
end

--- PATCH /users/{userName}/data: free members, null deletes one.
function user_changes.update_data(call)
  local user = named(call)
  if not user or (user.userName ~= call.user.userName
    and not rights.may(call, "UPDATE", "Users")) then
    return
  end
  if call.members[1] ~= nil then
    return reply.error "INVALID_ARGUMENTS"
  end
  user.data = fields.apply(type(user.data) == "table" and user.data or {}, call.members)
  users.save(user)
  reply.ok(json.object { { "userdata", user.data } })
end

--- POST /users/{userName}/reset-password: nobody enters until a new password is set.
function user_changes.reset_password(call)
  local user = rights.may(call, "UPDATE", "Users") and named(call)
  if not user then
    return
  end
  if fields.missing(call.members, { "userName" }) then
    return reply.error("PROPERTY_REQUIRED", "userName")
  elseif call.members.userName ~= user.userName then
    return reply.error("INVALID_ARGUMENTS", "userName")
  end
  user.must_set_password, user.has_code = true, true
  users.save(user)
  reply.ok "{}"
end

--- POST /users/{userName}/revoke-consent: the next login is refused for want of it.
function user_changes.revoke_consent(call)
  local user = rights.may(call, "UPDATE", "Users") and named(call)
  if user then
    user.consent = false
    users.save(user)
    reply.ok "{}"
  end
end

--- DELETE /users/{userName}: documented as without content; the status 204 is our choice.
function user_changes.remove(call)
  if not rights.may(call, "DELETE", "Users") then
    return
  end
  if not users.find(call.segments[2]) then
    return reply.error("USER_NOT_FOUND", "userName")
  end
  users.remove(call.segments[2])
  reply.empty()
end

return user_changes
