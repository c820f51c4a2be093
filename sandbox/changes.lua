--- What can be written: users are created, changed, removed.
local json = require "sandbox.json"
local reply = require "sandbox.reply"
local resources = require "sandbox.resources"
local users = require "sandbox.users"

local changes = {}

local REQUIRED = { "userName", "roleName", "domainName" }

local settable, fixed = {}, {}
for _, name in ipairs(users.ATTRIBUTES) do
  settable[name] = name ~= "id" and name ~= "createdAt"
end
for _, name in ipairs(REQUIRED) do
  fixed[name] = true
end

-- Answers and returns false when this user may only read.
local function may(call, operation)
  if call.user.roleName == "ReadWrite" then
    return true
  end
  reply.error("NOT_AUTHORIZED", nil, { operation = operation, objectType = "Users" })
  return false
end

-- The first member that no caller can set, in the order of the alphabet.
local function unknown(members)
  local wrong = {}
  for name in pairs(members) do
    if not settable[name] then
      wrong[#wrong + 1] = tostring(name)
    end
  end
  table.sort(wrong)
  return wrong[1]
end

--- POST /users
function changes.create(call)
  if not may(call, "CREATE") then
    return
  end
  local members = call.members
  for _, name in ipairs(REQUIRED) do
    if type(members[name]) ~= "string" or members[name] == "" then
      return reply.error("PROPERTY_REQUIRED", name)
    end
  end
  local wrong = unknown(members)
  if wrong then
    return reply.error("INVALID_ARGUMENTS", wrong)
  end
  if users.find(members.userName) then
    return reply.error("USER_USERNAME_EXISTS", "userName")
  end
  for name, value in pairs(members) do
    if value == json.null then
      members[name] = nil
    end
  end
  reply.ok(resources.show(users.create(members)))
end

--- PATCH /users/{userName}: null deletes a member.
function changes.update(call)
  if not may(call, "UPDATE") then
    return
  end
  local user = users.find(call.segments[2])
  if not user then
    return reply.error("USER_NOT_FOUND", "userName")
  end
  local wrong = unknown(call.members)
  if wrong or (call.members.userName or user.userName) ~= user.userName then
    return reply.error("INVALID_ARGUMENTS", wrong or "userName")
  end
  for name, value in pairs(call.members) do
    if value == json.null and fixed[name] then
      return reply.error("PROPERTY_NOT_DELETABLE", name)
    end
  end
  for name, value in pairs(call.members) do
    if value == json.null then
      value = nil
    end
    user[name] = value
  end
  users.save(user)
  reply.ok(resources.show(user))
end

--- DELETE /users/{userName}: documented as without content; the status 204 is our choice.
function changes.remove(call)
  if not may(call, "DELETE") then
    return
  end
  if not users.find(call.segments[2]) then
    return reply.error("USER_NOT_FOUND", "userName")
  end
  users.remove(call.segments[2])
  reply.empty()
end

return changes
