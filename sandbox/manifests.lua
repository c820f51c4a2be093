--- Manifests of a stack and of its API.
local arguments = require "sandbox.arguments"
local json = require "sandbox.json"
local reply = require "sandbox.reply"
local state = require "sandbox.state"
local tokens = require "sandbox.tokens"

local manifests = {}

local REGION = "eu-west-1"
local IDENTITY_POOL = "eu-west-1:5f6c3c1a-7d0e-4c52-9a51-2b8f0d3e6a10"

--- GET /metadata/manifest: no key, no token; it hands the key out.
function manifests.manifest()
  reply.ok(json.object {
    { "ApiKey", state.settings().api_key },
    { "IotEndpoint", "a1b2c3d4e5f6g7.iot.eu-west-1.amazonaws.com" },
    { "IotEndpointATS", "a1b2c3d4e5f6g7-ats.iot.eu-west-1.amazonaws.com" },
    { "IdentityPool", IDENTITY_POOL },
    { "UserPool", tokens.POOL },
    { "Region", REGION },
  })
end

--- GET …/manifest/?hostname=HOST: every value is a string; an unknown host gives {} and 200.
function manifests.stack_manifest(call)
  local settings = state.settings()
  if arguments.text(call, "hostname") ~= settings.stack then
    return reply.ok "{}"
  end
  reply.ok(json.object {
    { "AccountNumber", "000000000000" },
    { "ApiGatewayRootUrl", settings.root },
    { "ApiId", "sandbox001" },
    { "ApiKeyId", "k1e2y3i4d5" }, -- an AWS resource id, not the key
    { "ConsentRequired", "false" },
    { "EsVersion", "5.5" },
    { "IdentityPool", IDENTITY_POOL },
    { "IotEndpoint", "a1b2c3d4e5f6g7.iot.eu-west-1.amazonaws.com" },
    { "IotEndpointATS", "a1b2c3d4e5f6g7-ats.iot.eu-west-1.amazonaws.com" },
    { "LogLevel", "1" },
    { "Protocol", "lora" },
    { "Region", REGION },
    { "Rev", "2.60.0-sandbox" },
    { "SignUpVerificationMedium", "email" },
    { "StackName", "prod" },
    { "SupportedThingProtocols", "lora,mqtt,nbiot" },
    { "UserPool", tokens.POOL },
    { "UserPoolClient", tokens.CLIENT },
  })
end

return manifests
