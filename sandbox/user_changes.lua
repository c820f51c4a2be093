--- User routes that create, change and delete.
local fields = require "sandbox.fields"
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
