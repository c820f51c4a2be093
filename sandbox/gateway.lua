--- Gateway: the checks of a request, in this order:
---
---   scripted answer · Host and stage · header size · route · authorizer · API key · throttling ·
---   body size · identity · JSON
local answers = require "sandbox.answers"
local call = require "sandbox.call"
local json = require "sandbox.json"
local log = require "sandbox.log"
local manifests = require "sandbox.manifests"
local other_apis = require "sandbox.other_apis"
local reply = require "sandbox.reply"
local routes = require "sandbox.routes"
local state = require "sandbox.state"
local throttle = require "sandbox.throttle"
local tokens = require "sandbox.tokens"

local gateway = {}

local HEADER_LIMIT = 10240 -- bytes, all header values together

-- nginx refuses some requests before they reach Lua.
local REFUSALS = {
  [404] = "forbidden", [413] = "too_large", [414] = "uri_too_long",
  [431] = "headers_too_large", [500] = "broken", [502] = "broken",
}

-- The stack manifest has a root of its own, with and without the slash at its end.
local function is_discovery(request)
  return request.method == "GET"
    and (request.path == "/discovery/manifest/" or request.path == "/discovery/manifest")
end

local function no_route(authorization)
  if authorization then
    return reply.no_signature(authorization)
  end
  reply.gateway "no_route"
end

-- The authorizer. An open route needs no token, but one that comes along is checked all the same:
-- a client must not send its dead token to /auth/refresh. Returns false after a refusal.
local function authorize(request, route, authorization)
  if not authorization then
    if route.open then
      return true
    end
    -- Strict: without one of the three headers a call is forbidden. Later stacks: 401.
    reply.gateway(state.mode "strict" and "forbidden" or "unauthorized")
    return false
  end
  local user, reason, number = tokens.check(authorization)
  log.token(number)
  if not user then
    reply.gateway(reason == "expired" and "expired" or "unauthorized")
    return false
  end
  request.user = user
  return true
end

-- identityId is looked at behind the gateway, so a refusal has the application's shape; a client
-- can tell it from a wrong key. It may come as a header or in the query.
local function identified(request)
  local identity = call.header(request, "identityid") or request.query.identityId
  if identity == nil and not state.mode "strict" then
    return true
  end
  return identity == request.user.identityId
end

-- The body as a table of members; nil when it is no JSON. Other JSON than an object has none.
local function parse(body)
  if body == "" then
    return {}
  end
  local value, err = json.decode(body)
  if err then
    return nil
  end
  return type(value) == "table" and value or {}
end

local function answer(request)
  local settings = state.settings()
  if request.headers.host ~= settings.host then
    return reply.gateway "forbidden"
  end
  if is_discovery(request) then
    return manifests.stack_manifest(request)
  end
  if not request.stage_path then
    return reply.gateway "forbidden"
  end
  if state.mode "profile" ~= "mic" then
    return other_apis.answer(request, state.mode "profile")
  end
  if request.header_size > HEADER_LIMIT then
    return reply.gateway "headers_too_large"
  end
  local authorization = call.header(request, "authorization")
  local route = routes.find(request)
  if not route then
    return no_route(authorization)
  end
  if not authorize(request, route, authorization) then
    return
  end
  if not route.public and call.header(request, "x-api-key") ~= settings.api_key then
    return reply.gateway "forbidden"
  end
  -- A usage plan belongs to a key, so what needs none is not throttled.
  local refusal = not route.public and throttle.refusal()
  if refusal then
    return reply.gateway(refusal)
  end
  if not request.body then
    return reply.gateway "too_large"
  end
  if not route.open and not identified(request) then
    return reply.error "NOT_AUTHORIZED"
  end
  request.members = route.raw and {} or parse(request.body)
  if not request.members then
    return reply.gateway "bad_json"
  end
  route.handle(request)
end

local KINDS = { ["/auth/login"] = "login", ["/auth/refresh"] = "refresh" }

local function kind_of(request)
  local profile = state.mode "profile"
  if profile ~= "mic" then
    return other_apis.kind(request, profile)
  end
  return KINDS[request.stage_path or ""]
end

--- Answers the current request.
function gateway.handle()
  local request = call.read()
  log.begin(request, kind_of(request))
  if not answers.give(request) then
    answer(request)
  end
end

--- Answers what nginx itself refused.
function gateway.refused()
  reply.gateway(REFUSALS[ngx.status] or "bad_request")
end

return gateway
