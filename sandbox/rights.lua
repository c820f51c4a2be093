--- Permissions of a user: write or only read, and the domain.
local domains = require "sandbox.domains"
local reply = require "sandbox.reply"

local rights = {}

--- Answers and returns false when this user may only read.
---@param call table
---@param operation string CREATE, UPDATE or DELETE
---@param object string such as Things
---@return boolean
function rights.may(call, operation, object)
  if call.user.roleName == "ReadWrite" then
    return true
  end
  reply.error("NOT_AUTHORIZED", nil, { operation = operation, objectType = object })
  return false
end

--- True if a domain is the user's own or below it; false if it does not exist.
---@param call table
---@param domain any
---@return boolean
function rights.reaches(call, domain)
  return domains.is_within(domain, call.user.domainName)
end

return rights
