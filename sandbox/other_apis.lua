--- Other APIs than MIC, one at a time (mode `profile`): how each logs in, refreshes, and answers a
--- call. Every kind has GET /thing and GET /forbidden. Names, members and texts are those of the
--- real servers; docs/other-apis.md has the sources. Of the answers with status 429 only the form
--- is.
local call = require "sandbox.call"
local json = require "sandbox.json"
local log = require "sandbox.log"
local random = require "sandbox.random"
local reply = require "sandbox.reply"
local state = require "sandbox.state"
local throttle = require "sandbox.throttle"
local tokens = require "sandbox.tokens"

local other_apis = {}

local dict = ngx.shared.tokens

--- ---- tokens ----

-- A token is good for exactly `token_life`. A time that is told in whole seconds is rounded down.
local function keep(token, facts)
  facts.ends = state.now() + state.mode "token_life"
  dict:set("other:" .. random.sha256(token), json.encode(facts))
end

local function issue(kind)
  local size = math.max(24, math.ceil(state.mode "token_length" * 3 / 4))
  local token = random.base64url(random.bytes(size))
  keep(token, { kind = kind, epoch = state.epoch(), number = dict:incr("issued", 1, 0) })
  return token
end

--- True if the token is good. `prolong`: its lifetime begins again.
local function is_good(token, kind, prolong)
  local text = token and dict:get("other:" .. random.sha256(token))
  local facts = text and json.decode(text)
  if not facts or facts.kind ~= kind then
    return false
  end
  log.token(facts.number)
  if facts.epoch < state.epoch() or state.now() > facts.ends then
    return false
  end
  if prolong then
    keep(token, facts)
  end
  return true
end

local function issue_refresh()
  local token = random.base64url(random.bytes(24))
  dict:set("refresh:" .. random.sha256(token), "{}")
  return token
end

--- True if the refresh token is good; it is used up then, or after the time `refresh_grace`.
local function take_refresh(token)
  if type(token) ~= "string" or not dict:get("refresh:" .. random.sha256(token)) then
    return false
  end
  tokens.retire_refresh(token, state.mode "refresh_grace")
  return true
end

--- ---- requests ----

local function json_body(request)
  local value = json.decode(request.body or "")
  return type(value) == "table" and value or {}
end

local function form_body(request)
  return ngx.decode_args(request.body or "", 0) or {}
end

local function may_enter(name, password)
  return name == "demo" and password == state.settings().password
end

local function header(request, name, prefix)
  local value = call.header(request, name)
  if value and prefix then
    return value:sub(1, #prefix) == prefix and value:sub(#prefix + 1) or nil
  end
  return value
end

local function send(status, value, headers)
  reply.plain(status, type(value) == "string" and value or json.encode(value), headers)
end

local function iso(seconds)
  return os.date("!%Y-%m-%dT%H:%M:%SZ", seconds)
end

--- ---- the APIs ----
--- `token(request)` returns the token of a call; `expired`, `forbidden` and `throttled` answer
--- calls; `routes` are the login and the refresh, and `is_refresh(request)` tells the latter.

local apis = {}

local function directus_tokens()
  return {
    data = {
      access_token = issue "directus",
      refresh_token = issue_refresh(),
      expires = state.mode "token_life" * 1000,
    },
  }
end

local function directus_error(status, code, message)
  send(status, { errors = { { message = message, extensions = { code = code } } } })
end

apis.directus = {
  token = function(request)
    return header(request, "authorization", "Bearer ")
  end,
  expired = function()
    directus_error(401, "TOKEN_EXPIRED", "Token expired.")
  end,
  forbidden = function()
    directus_error(403, "FORBIDDEN", "You don't have permission to access this.")
  end,
  throttled = function()
    directus_error(429, "REQUESTS_EXCEEDED", "Too many requests.")
  end,
  is_refresh = function(request)
    return request.stage_path == "/auth/refresh"
  end,
  routes = {
    ["POST /auth/login"] = function(request)
      local body = json_body(request)
      if body.mode ~= "json" or not may_enter(body.email, body.password) then
        return directus_error(401, "INVALID_CREDENTIALS", "Invalid user credentials.")
      end
      send(200, directus_tokens())
    end,
    ["POST /auth/refresh"] = function(request)
      if not take_refresh(json_body(request).refresh_token) then
        return directus_error(401, "INVALID_CREDENTIALS", "Invalid user credentials.")
      end
      send(200, directus_tokens())
    end,
  },
}

local function vault_error(status, message)
  send(status, { errors = { message } })
end

local function vault_auth(token)
  return {
    auth = {
      client_token = token, accessor = "accessor-" .. random.hex(8), renewable = true,
      lease_duration = state.mode "token_life", entity_id = "entity-1", policies = { "default" },
    },
  }
end

apis.vault = {
  token = function(request)
    return header(request, "x-vault-token")
  end,
  expired = function()
    vault_error(403, "permission denied")
  end,
  forbidden = function()
    vault_error(403, "permission denied")
  end,
  throttled = function()
    vault_error(429, "rate limit quota exceeded")
  end,
  is_refresh = function(request)
    return request.stage_path == "/v1/auth/token/renew-self"
  end,
  routes = {
    ["POST /v1/auth/userpass/login/*"] = function(request)
      local body = json_body(request)
      if not may_enter(request.segments[5], body.password) then
        return vault_error(400, "invalid username or password")
      end
      send(200, vault_auth(issue "vault"))
    end,
    ["POST /v1/auth/token/renew-self"] = function(request)
      local token = header(request, "x-vault-token")
      if not is_good(token, "vault", true) then
        return vault_error(403, "permission denied")
      end
      send(200, vault_auth(token))
    end,
  },
}

apis.iso = {
  token = function(request)
    return header(request, "authorization", "token ")
  end,
  expired = function()
    send(401, { message = "Bad credentials" })
  end,
  forbidden = function()
    send(403, { message = "Resource not accessible" })
  end,
  throttled = function()
    send(429, { message = "Too many requests" })
  end,
  routes = {
    ["POST /session"] = function(request)
      local body = json_body(request)
      if not may_enter(body.user, body.password) then
        return send(401, { message = "Bad login" })
      end
      send(201, { token = issue "iso", expires_at = iso(state.time() + state.mode "token_life") })
    end,
  },
}

local function etcd_error(status, code, text)
  send(status, { error = text, message = text, code = code })
end

--- As etcd's: the reply does not tell how long the token lives, and each use moves its end.
apis.idle = {
  idle = true,
  token = function(request)
    return header(request, "authorization")
  end,
  expired = function()
    etcd_error(401, 16, "etcdserver: invalid auth token")
  end,
  forbidden = function()
    etcd_error(403, 7, "etcdserver: permission denied")
  end,
  throttled = function()
    etcd_error(429, 8, "etcdserver: too many requests")
  end,
  routes = {
    ["POST /v3/auth/authenticate"] = function(request)
      local body = json_body(request)
      if not may_enter(body.name, body.password) then
        return etcd_error(400, 3,
          "etcdserver: authentication failed, invalid user ID or password")
      end
      send(200, { header = { revision = "1" }, token = issue "idle" })
    end,
  },
}

--- As Node-RED's: the meaning is in a header, the body says nothing.
apis.challenge = {
  token = function(request)
    return header(request, "authorization", "Bearer ")
  end,
  expired = function()
    send(401, "Unauthorized",
      { ["WWW-Authenticate"] = 'Bearer realm="Users", error="invalid_token"' })
  end,
  forbidden = function()
    send(401, "Unauthorized")
  end,
  throttled = function()
    send(429, "Too Many Requests")
  end,
  routes = {
    ["POST /auth/token"] = function(request)
      local body = form_body(request)
      if body.grant_type ~= "password" or body.client_id ~= "node-red-admin"
        or not may_enter(body.username, body.password) then
        return send(403, {
          error = "invalid_grant", error_description = "Invalid resource owner credentials",
        })
      end
      send(200, {
        access_token = issue "challenge", expires_in = state.mode "token_life",
        token_type = "Bearer",
      })
    end,
  },
}

--- As Zabbix's: errors have status 200.
apis.status200 = {
  token = function(request)
    return header(request, "authorization", "Bearer ")
  end,
  expired = function()
    send(200, { message = "Session terminated, re-login, please." })
  end,
  forbidden = function()
    send(200, { message = "No permissions to call this." })
  end,
  throttled = function()
    send(429, { message = "Too many requests." })
  end,
  routes = {
    ["POST /login"] = function(request)
      local body = json_body(request)
      body = type(body.params) == "table" and body.params or body -- JSON-RPC has it inside
      if not may_enter(body.username, body.password) then
        return send(200, { error = { message = "Incorrect user name or password." } })
      end
      send(200, { result = issue "status200" })
    end,
  },
}

apis.status200.routes["POST /api_jsonrpc.php"] = apis.status200.routes["POST /login"]

local function supabase_tokens()
  return {
    access_token = issue "supabase", token_type = "bearer", refresh_token = issue_refresh(),
    expires_at = state.time() + state.mode "token_life", user = { id = "user-1" },
  }
end

apis.supabase = {
  token = function(request)
    local key = header(request, "apikey") == state.settings().api_key
    return key and header(request, "authorization", "Bearer ") or nil
  end,
  expired = function()
    send(401, { code = "PGRST301", message = "JWT expired" })
  end,
  forbidden = function()
    send(403, { code = "42501", message = "permission denied for table things" })
  end,
  throttled = function()
    send(429, { code = "over_request_rate_limit", message = "Request rate limit reached" })
  end,
  is_refresh = function(request)
    return request.query.grant_type == "refresh_token"
  end,
  routes = {
    ["POST /auth/v1/token"] = function(request)
      local grant, body = request.query.grant_type, json_body(request)
      if header(request, "apikey") ~= state.settings().api_key then
        return send(401, { message = "No API key found in request" })
      end
      if grant == "password" and may_enter(body.email, body.password) then
        return send(200, supabase_tokens())
      elseif grant == "password" then
        return send(400,
          { error = "invalid_grant", error_description = "Invalid login credentials" })
      elseif grant == "refresh_token" and take_refresh(body.refresh_token) then
        return send(200, supabase_tokens())
      end
      send(400, { error = "invalid_grant", error_description = "Invalid Refresh Token: Not Found" })
    end,
  },
}

--- As Balena's: the body of the answer is the token.
apis.text = {
  token = function(request)
    return header(request, "authorization", "Bearer ")
  end,
  expired = function()
    send(401, "Unauthorized")
  end,
  forbidden = function()
    send(403, "Forbidden")
  end,
  throttled = function()
    send(429, "Too Many Requests")
  end,
  is_refresh = function(request)
    return request.stage_path == "/user/v1/refresh-token"
  end,
  routes = {
    ["POST /login_"] = function(request)
      local body = json_body(request)
      if not may_enter(body.username, body.password) then
        return send(401, "Unauthorized")
      end
      send(200, "\n" .. issue "text" .. "\n", { ["Content-Type"] = "text/plain" })
    end,
    ["GET /user/v1/refresh-token"] = function(request)
      if not is_good(header(request, "authorization", "Bearer "), "text") then
        return send(401, "Unauthorized")
      end
      send(200, issue "text", { ["Content-Type"] = "text/plain" })
    end,
  },
}

--- As Parse's: the login is a GET with the password in its query.
apis.query = {
  token = function(request)
    return header(request, "x-parse-session-token")
  end,
  expired = function()
    send(400, { code = 209, error = "Invalid session token" })
  end,
  forbidden = function()
    send(403, { code = 119, error = "Permission denied" })
  end,
  throttled = function()
    send(429, { code = 155, error = "Too many requests" })
  end,
  routes = {
    ["GET /parse/login"] = function(request)
      if not may_enter(request.query.username, request.query.password) then
        return send(404, { code = 101, error = "Invalid username/password." })
      end
      send(200, { objectId = "user-1", sessionToken = issue "query" })
    end,
  },
}

--- As an OAuth2 server's (RFC 6749), with the resource at the same origin. The client is the user.
local function client_may_enter(request)
  local basic = header(request, "authorization", "Basic ")
  local id, secret = (ngx.decode_base64(basic or "") or ""):match "^([^:]*):(.*)$"
  return id and may_enter(ngx.unescape_uri(id), ngx.unescape_uri(secret))
end

local function oauth2_tokens(with_refresh)
  return {
    access_token = issue "oauth2", token_type = "Bearer", expires_in = state.mode "token_life",
    refresh_token = with_refresh and issue_refresh() or nil,
  }
end

apis.oauth2 = {
  token = function(request)
    return header(request, "authorization", "Bearer ")
  end,
  expired = function()
    send(401, { error = "invalid_token" },
      { ["WWW-Authenticate"] = 'Bearer error="invalid_token", error_description="expired"' })
  end,
  forbidden = function()
    send(403, { error = "insufficient_scope" },
      { ["WWW-Authenticate"] = 'Bearer error="insufficient_scope"' })
  end,
  throttled = function()
    send(429, { error = "too_many_requests" })
  end,
  is_refresh = function(request)
    return form_body(request).grant_type == "refresh_token"
  end,
  routes = {
    ["POST /oauth2/token"] = function(request)
      local body = form_body(request)
      if not client_may_enter(request) then
        return send(401, { error = "invalid_client" }, { ["WWW-Authenticate"] = "Basic" })
      elseif body.grant_type == "client_credentials" then
        return send(200, oauth2_tokens(false))
      elseif body.grant_type == "password" and may_enter(body.username, body.password)
        or body.grant_type == "refresh_token" and take_refresh(body.refresh_token) then
        return send(200, oauth2_tokens(true))
      end
      send(400, { error = "invalid_grant" })
    end,
  },
}

--- ---- dispatch ----

local function find_route(api, request)
  local route = api.routes[request.method .. " " .. request.stage_path]
  if route then
    return route
  end
  local start = request.stage_path:match "^(.*/)[^/]*$"
  return start and api.routes[request.method .. " " .. start .. "*"]
end

--- What a request is for the API of the mode `profile`.
---@param request table as call.lua reads it
---@param name string
---@return "login"|"refresh"|nil kind nil for a call
function other_apis.kind(request, name)
  local api = apis[name]
  if not request.stage_path or not find_route(api, request) then
    return nil
  end
  return api.is_refresh and api.is_refresh(request) and "refresh" or "login"
end

--- Answers a request as the API of the mode `profile` does.
---@param request table as call.lua reads it, below the stage
---@param name string
function other_apis.answer(request, name)
  local api = apis[name]
  local route = find_route(api, request)
  if not route and not is_good(api.token(request), name, api.idle) then
    return api.expired()
  elseif throttle.refusal() then
    return api.throttled()
  elseif route then
    return route(request)
  elseif request.stage_path == "/forbidden" then
    return api.forbidden()
  elseif request.stage_path == "/thing" then
    return send(200, { ok = true, query = request.query, headers = {
      tenant = request.headers["x-tenant"],
    } })
  end
  send(404, { error = "no such thing" })
end

return other_apis
