--- Built-in profiles: what is known of some APIs, as data; docs/other-apis.md describes the fields.
--- One that depends on the client's options is a function of these.

local rows = {}

rows.mic = require "mic.profile.mic"

--- OAuth2 (RFC 6749). The path "/" is the token endpoint itself. The bodies depend on what the
--- client has: with a user name it is the password grant, and without a client secret the client
--- names itself in the body (2.3.1, 3.2.1). Only the password grant may do without that.
---@param given table the client's options
---@return table row
function rows.oauth2(given)
  local grant = given.username
      and "grant_type=password&username={username}&password={password}"
    or "grant_type=client_credentials"
  local client = given.client_secret and "" or "&client_id={client_id?}"
  local named = not given.username and client:gsub("%?", "") or client
  return {
    name = "oauth2",
    login = "POST /",
    login_body = grant .. "&scope={scope?}" .. named,
    login_headers = given.client_secret and { "Authorization: Basic {client_basic}" } or {},
    refresh = "POST /",
    refresh_body = "grant_type=refresh_token&refresh_token={refresh_token}" .. client,
  }
end

--- A token that the user has, sent as RFC 6750 has it.
rows.bearer = { name = "bearer" }

--- User name and password with each call (RFC 7617). There is nothing to renew.
rows.basic = {
  name = "basic",
  headers = { "Authorization: Basic {basic}" },
  expired = {},
}

--- Amazon Cognito, called as its own clients do; the ID token is what API Gateway wants.
rows.cognito = {
  name = "cognito",
  login = "POST /",
  login_headers = {
    "Content-Type: application/x-amz-json-1.1",
    "X-Amz-Target: AWSCognitoIdentityProviderService.InitiateAuth",
  },
  login_body = '{"AuthFlow":"USER_PASSWORD_AUTH","ClientId":{client_id},'
    .. '"AuthParameters":{"USERNAME":{username},"PASSWORD":{password}}}',
  refresh = "POST /",
  refresh_body = '{"AuthFlow":"REFRESH_TOKEN_AUTH","ClientId":{client_id},'
    .. '"AuthParameters":{"REFRESH_TOKEN":{refresh_token}}}',
  token = "AuthenticationResult.IdToken",
  refresh_token = "AuthenticationResult.RefreshToken",
  expires = "AuthenticationResult.ExpiresIn",
  headers = { "Authorization: {token}" },
  expired = { { 401, "expired" }, { 403, "expired" } },
  refused = {
    { 400, "NotAuthorizedException" },
    { 400, "InvalidPasswordException" },
    { 400, "UserNotFoundException" },
    { 400, "UserNotConfirmedException" },
    { 400, "PasswordResetRequiredException" },
  },
}

rows.thingsboard = {
  name = "thingsboard",
  login = "POST /api/auth/login",
  login_body = '{"username":{username},"password":{password}}',
  refresh = "POST /api/auth/token",
  refresh_body = '{"refreshToken":{refresh_token}}',
  token = "token",
  refresh_token = "refreshToken",
  headers = { "X-Authorization: Bearer {token}" },
  expired = { { 401, "Token has expired" } },
  refused = { { 401 } },
}

rows.directus = {
  name = "directus",
  login = "POST /auth/login",
  login_body = '{"email":{username},"password":{password},"mode":"json"}',
  refresh = "POST /auth/refresh",
  refresh_body = '{"refresh_token":{refresh_token},"mode":"json"}',
  token = "data.access_token",
  refresh_token = "data.refresh_token",
  expires = "data.expires",
  expires_as = "milliseconds",
  expired = { { 401, "TOKEN_EXPIRED" } },
  refused = { { 401, "INVALID_CREDENTIALS" } },
}

return rows
