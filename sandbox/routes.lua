--- Routing table: maps paths to handlers.
local accounts = require "sandbox.accounts"
local auth = require "sandbox.auth"
local domains = require "sandbox.domains"
local events = require "sandbox.events"
local file_routes = require "sandbox.file_routes"
local graphql = require "sandbox.graphql"
local manifests = require "sandbox.manifests"
local observations = require "sandbox.observations"
local privileges = require "sandbox.privileges"
local resources = require "sandbox.resources"
local swagger = require "sandbox.swagger"
local thing_batches = require "sandbox.thing_batches"
local thing_changes = require "sandbox.thing_changes"
local thing_groups = require "sandbox.thing_groups"
local thing_reads = require "sandbox.thing_reads"
local thing_type_routes = require "sandbox.thing_type_routes"
local user_changes = require "sandbox.user_changes"
local user_reads = require "sandbox.user_reads"

local routes = {}

-- Method, path, handler; the first that matches counts. "*" is any one segment. open: needs no
-- token; public: no key either; raw: the body is no JSON.
local ROUTES = {
  { "GET", { "metadata", "manifest" }, manifests.manifest, open = true, public = true },
  { "GET", { "metadata", "swagger" }, swagger.answer, open = true, public = true },
  { "POST", { "auth", "login" }, auth.login, open = true },
  { "POST", { "auth", "refresh" }, auth.refresh, open = true },
  { "POST", { "auth", "sign-up" }, accounts.sign_up, open = true },
  { "POST", { "auth", "confirm-sign-up" }, accounts.confirm, open = true },
  { "POST", { "auth", "resend-confirmation-code" }, accounts.send_code, open = true },
  { "POST", { "auth", "forgot-password" }, accounts.send_code, open = true },
  { "POST", { "auth", "set-password" }, accounts.set_password, open = true },
  { "POST", { "auth", "consent" }, accounts.consent, open = true },
  { "GET", { "auth", "get-consent-document" }, accounts.consent_document, open = true },
  { "GET", { "user" }, user_reads.whoami },
  { "GET", { "users" }, user_reads.users },
  { "POST", { "users" }, user_changes.create },
  { "GET", { "users", "*" }, user_reads.user },
  { "PATCH", { "users", "*" }, user_changes.update },
  { "DELETE", { "users", "*" }, user_changes.remove },
  { "PATCH", { "users", "*", "profile" }, user_changes.update_profile },
  { "PATCH", { "users", "*", "data" }, user_changes.update_data },
  { "POST", { "users", "*", "reset-password" }, user_changes.reset_password },
  { "POST", { "users", "*", "revoke-consent" }, user_changes.revoke_consent },
  { "GET", { "things" }, thing_reads.one },
  { "POST", { "things" }, thing_changes.create },
  -- That a thing is changed and deleted under the address under which it is read is our choice.
  { "PATCH", { "things" }, thing_changes.update },
  { "DELETE", { "things" }, thing_changes.remove },
  { "POST", { "things", "find" }, thing_reads.find },
  { "GET", { "thingtypes" }, thing_type_routes.all },
  { "POST", { "thingtypes" }, thing_type_routes.create },
  { "GET", { "thingtypes", "*" }, thing_type_routes.one },
  { "POST", { "observations", "find" }, observations.find },
  { "POST", { "events", "find" }, events.find },
  { "POST", { "events", "*", "acknowledge" }, events.acknowledge },
  { "GET", { "resources" }, resources.all },
  { "GET", { "resources", "*" }, resources.one },
  { "GET", { "domains" }, domains.tree },
  { "GET", { "domains", "list" }, domains.top },
  { "GET", { "domains", "*" }, domains.one },
  { "GET", { "domains", "*", "list" }, domains.children },
  { "POST", { "thingbatches" }, thing_batches.create },
  { "POST", { "thing-groups" }, thing_groups.create },
  { "PATCH", { "thing-groups", "*" }, thing_groups.update },
  { "POST", { "permissions", "privileges" }, privileges.create },
  { "POST", { "graphql" }, graphql.answer },
  { "GET", { "files" }, file_routes.list },
  -- Only the list of files is known; these three are our choice.
  { "GET", { "files", "*" }, file_routes.download },
  { "PUT", { "files", "*" }, file_routes.upload, raw = true },
  { "DELETE", { "files", "*" }, file_routes.remove },
}

local function matches(pattern, segments)
  if #pattern ~= #segments then
    return false
  end
  for index, part in ipairs(pattern) do
    if segments[index] ~= part and (part ~= "*" or segments[index] == "") then
      return false
    end
  end
  return true
end

--- The route of a request.
---@param request table
---@return table? route handle, open, public, raw
function routes.find(request)
  for _, route in ipairs(ROUTES) do
    if route[1] == request.method and matches(route[2], request.segments) then
      return { handle = route[3], open = route.open, public = route.public, raw = route.raw }
    end
  end
end

return routes
