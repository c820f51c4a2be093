--- Telenor's Managed IoT Cloud. Its records carry no profile name, so that older versions can read
--- them. Login and refresh carry the API key where there is one.
local mic = {
  name = "mic",
  is_default = true,
  login = "POST /auth/login",
  login_body = '{"userName":{username},"password":{password}}',
  login_headers = { "x-api-key: {api_key?}" },
  refresh = "POST /auth/refresh",
  refresh_headers = { "x-api-key: {api_key?}" },
  refresh_body = '{"refreshToken":{refresh_token}}',
  token = "credentials.token",
  refresh_token = "credentials.refreshToken",
  identity = "credentials.identityId",
  headers = { "Authorization: {token}", "identityId: {identity}", "x-api-key: {api_key}" },
  --- The API's own names of the credentials: `credentials()` and `use_credentials` have them, too.
  aliases = { identityId = "identity", refreshToken = "refresh_token" },
  query_name = "identityId", -- of the identity, where it travels in the query
  session = { "user", "permissions" }, -- members of a login's reply that `login()` returns
  open = { "/auth/", "/metadata" },
  --- POST requests that only search, so they can be repeated safely.
  searches = {
    ["/things/find"] = true,
    ["/observations/find"] = true,
    ["/events/find"] = true,
  },
  --- API Gateway sends 401; a customised gateway response may send 403.
  expired = {
    { 401, "The incoming token has expired" },
    { 403, "The incoming token has expired" },
  },
  --- INVALID_LOGIN is not documented with one status. A 401 without it is a refusal too.
  refused = { { 400, "INVALID_LOGIN" }, { 401 }, { 403, "INVALID_LOGIN" } },
  --- Field names of its error bodies.
  error_members = {
    text = "message",
    key = "messageKey",
    params = "messageParams",
    property = "property",
    legacy = "errorMessage", -- of functions behind the gateway, also with status 200
  },
  --- End of the gateway's message for an unknown path: a digest of the token, useless to a reader
  --- and unfit for logs.
  error_digest = " %(hashed with .*$",
  --- Hints for its usual errors: see `mic.hints`.
  error_hints = [[
no_manifest=true
  unknown stack: check the host name in the option stack
profile=mic; status=403; keyless=true; message=Forbidden
  check api_key, and the stage ("/prod") at the end of base_url
profile=mic; status=403; keyless=true; message=Missing Authentication Token
  there is no such path or method
profile=mic; status=403; keyless=true; text=key=value pair
  there is no such path or method
profile=mic; status=401; fresh_token=true
  this user may not do that, or the token belongs to another stack
profile=mic; kind=auth; text=expired, and there is no refresh token
  pass a refreshToken to use_credentials too, or call client:login()
]],
}

--- What `mic.profile.facts` makes of this row: written down, since most clients need no more.
mic.facts = {
  row = mic,
  name = mic.name,
  is_mic = true,
  requests = {
    login = { method = "POST", path = "/auth/login" },
    refresh = { method = "POST", path = "/auth/refresh" },
  },
  header_names = { "Authorization", "identityId", "x-api-key" },
  owned = { authorization = true, identityid = true, ["x-api-key"] = true },
  token_header = "Authorization",
  token_variable = "authorization",
  query_name = mic.query_name,
  searches = mic.searches,
  login_needs = "username and password",
  takes_user = true,
}

return mic
