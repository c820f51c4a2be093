--- Route /thingbatches: many things at once. Here they are there before the answer.
local fields = require "sandbox.fields"
local json = require "sandbox.json"
local random = require "sandbox.random"
local reply = require "sandbox.reply"
local rights = require "sandbox.rights"
local state = require "sandbox.state"
local thing_types = require "sandbox.thing_types"
local things = require "sandbox.things"

local thing_batches = {}

local MOST = 1000
local SETTABLE = {
  thingType = "string", domain = "string", requestedSize = "number", concurrency = "number",
  protocol = "string", identityCodes = "table",
}

-- Answers and returns false when the batch cannot be.
local function acceptable(call, given)
  local absent = fields.missing(given, { "thingType", "domain" })
    or fields.is_absent(given.requestedSize) and "requestedSize"
  local size = given.requestedSize
  local wrong = fields.wrong(given, SETTABLE)
  if absent then
    reply.error("PROPERTY_REQUIRED", absent)
  elseif type(size) ~= "number" then
    reply.error("PROPERTY_NOT_A_NUMBER", "requestedSize")
  elseif size < 1 or size > MOST or size % 1 ~= 0 then
    reply.error("PROPERTY_NOT_IN_RANGE", "requestedSize", { min = 1, max = MOST })
  elseif wrong or type(given.identityCodes) == "table" and #given.identityCodes ~= size then
    reply.error("INVALID_ARGUMENTS", wrong or "identityCodes")
  elseif not thing_types:find(given.thingType) then
    reply.error("INVALID_ARGUMENTS", "thingType")
  elseif not rights.reaches(call, given.domain) then
    reply.error("NOT_AUTHORIZED_DOMAIN", "domain")
  else
    return true
  end
  return false
end

--- POST /thingbatches
function thing_batches.create(call)
  local given = call.members
  if not rights.may(call, "CREATE", "ThingBatches") or not acceptable(call, given) then
    return
  end
  for number = 1, given.requestedSize do
    local code = type(given.identityCodes) == "table" and given.identityCodes[number] or {}
    things:save {
      thingName = things.next_name(), thingType = given.thingType, domain = given.domain,
      protocol = given.protocol or "mqtt", simulated = false, createdAt = state.time() * 1000,
      imsi = code.imsi, imei = code.imei,
    }
  end
  reply.ok(json.object { { "batchId", random.uuid() } })
end

return thing_batches
