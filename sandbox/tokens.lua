--- Tokens like Cognito's: JWTs that look like RS256 (the signature cannot be verified; the sandbox
--- stores its tokens) and opaque refresh tokens.
local json = require "sandbox.json"
local random = require "sandbox.random"
local state = require "sandbox.state"
local users = require "sandbox.users"

local tokens = {}

local dict = ngx.shared.tokens

local POOL = "eu-west-1_Sandbox01"
local CLIENT = "3n4b5urk1ft4fl3mg5e62d9ado"
local ISSUER = "https://cognito-idp.eu-west-1.amazonaws.com/" .. POOL

tokens.POOL, tokens.CLIENT = POOL, CLIENT

-- Tokens are kept by their digest, so a long one costs no more than a short one.
local function key(kind, token)
  return kind .. random.sha256(token)
end

local function claims(user, auth_time, now)
  return {
    { "sub", user.id },
    { "email_verified", true },
    { "custom:domain", user.domainName },
    { "custom:role", user.roleName },
    { "iss", ISSUER },
    { "cognito:username", user.userName },
    { "given_name", user.firstName },
    { "family_name", user.lastName },
    { "email", user.email },
    { "locale", user.locale },
    { "aud", CLIENT },
    { "event_id", random.uuid() },
    { "jti", random.uuid() },
    { "origin_jti", random.uuid() },
    { "token_use", "id" },
    { "auth_time", auth_time },
    { "iat", now },
    { "exp", now + state.mode "token_life" },
  }
end

local function assemble(list)
  local head = json.object { { "kid", "c2FuZGJveC1rZXktbnVtYmVyLW9uZS1mb3ItdGVzdHM=" },
    { "alg", "RS256" } }
  local parts = { head, json.object(list), random.bytes(256) }
  for index, part in ipairs(parts) do
    parts[index] = random.base64url(part)
  end
  return table.concat(parts, ".")
end

--- A new ID token, good for exactly `token_life`. Its claims are whole seconds, rounded down: it is
--- good until `exp` at least, and for as long as `exp` - `iat`. The mode token_length asks for a
--- longer one: a claim is padded.
---@param user table
---@param auth_time integer time of the first login
---@return string token
function tokens.issue(user, auth_time)
  local now = state.now()
  local list = claims(user, auth_time, math.floor(now))
  local token = assemble(list)
  local short = state.mode "token_length" - #token
  if short > 0 then
    -- Three bytes make four characters; the member has 20 bytes without its value.
    table.insert(list, 15, { "custom:padding", ("x"):rep(math.ceil(short * 3 / 4) - 20) })
    token = assemble(list)
  end
  dict:set(key("token:", token), json.encode {
    userName = user.userName, ends = now + state.mode "token_life", epoch = state.epoch(),
    number = dict:incr("issued", 1, 0),
  })
  return token
end

--- Checks the value of an Authorization header, with or without "Bearer ".
---@param value string
---@return table? user whose token this is
---@return string? reason "expired" or "unknown"
---@return integer? number which token of this sandbox it is, the first is 1
function tokens.check(value)
  local token = value:gsub("^[Bb][Ee][Aa][Rr][Ee][Rr] +", "")
  local text = dict:get(key("token:", token))
  local known = text and json.decode(text)
  if not known then
    return nil, "unknown"
  end
  if known.epoch < state.epoch() or state.now() > known.ends then
    return nil, "expired", known.number
  end
  local user = users.find(known.userName)
  if not user then
    return nil, "unknown", known.number
  end
  return user, nil, known.number
end

---@param user table
---@param auth_time integer
---@return string token opaque
function tokens.issue_refresh(user, auth_time)
  local token = random.base64url(random.bytes(600))
  dict:set(key("refresh:", token), json.encode { userName = user.userName, auth_time = auth_time })
  return token
end

---@param token string
---@return table? user
---@return integer? auth_time of the first login
function tokens.check_refresh(token)
  local text = dict:get(key("refresh:", token))
  if not text then
    return nil
  end
  local known = json.decode(text)
  return users.find(known.userName), known.auth_time
end

--- Revokes the old token of a rotation, at once or after the grace time.
---@param token string
---@param grace integer seconds
function tokens.retire_refresh(token, grace)
  local name = key("refresh:", token)
  if grace == 0 then
    dict:delete(name)
  elseif dict:ttl(name) == 0 then -- the first use starts the grace time, no later one extends it
    dict:set(name, dict:get(name), grace)
  end
end

--- Revokes every refresh token.
function tokens.forget_refresh()
  for _, name in ipairs(dict:get_keys(0)) do
    if name:sub(1, 8) == "refresh:" then
      dict:delete(name)
    end
  end
end

function tokens.reset()
  dict:flush_all()
end

return tokens
