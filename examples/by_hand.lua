-- The login protocol by hand: log in, take the credentials from the answer, send the three headers.
-- A client does all of this automatically.
--
--   make sandbox RUN="lua examples/by_hand.lua"

local mic = require "mic"

-- Without user name and password the client never logs in automatically.
local client = mic.new {
  base_url = os.getenv "MIC_BASE_URL",
  api_key = os.getenv "MIC_API_KEY",
  tls = { ca_file = os.getenv "MIC_CA_FILE" }, -- nil: the system's authorities
}

-- Log in with an ordinary call: paths below /auth/ need no login. The answer is returned unmasked,
-- so you have to protect the secrets. client:login() keeps them in C and returns only the user.
local res = mic.assert(client:post("/auth/login", {
  userName = os.getenv "MIC_USERNAME",
  password = os.getenv "MIC_PASSWORD",
}))

-- The three credentials. There is no expiry time: a client reads it from the token.
local credentials = res.data.credentials

-- Call. `auth = false` lets the call set its own headers; without it they raise an error, because
-- the client sets them. `{userName}` is filled in and percent-encoded either way.
res = mic.assert(client:get("/users/{userName}", {
  params = { userName = res.data.user.userName },
  auth = false,
  headers = {
    ["Authorization"] = credentials.token,
    ["identityId"] = credentials.identityId,
    ["x-api-key"] = os.getenv "MIC_API_KEY",
  },
}))

local user = res.data
print(("%s  %s %s  %s"):format(user.userName, user.firstName, user.lastName, user.email))

-- Refresh, without an Authorization header: an expired token there would be refused. A client does
-- this before the token expires, and when the API says that it has expired.
res = mic.assert(client:post("/auth/refresh", { refreshToken = credentials.refreshToken }))

-- Use the new token. If there is no new refresh token, the old one stays valid.
credentials.token = res.data.credentials.token
credentials.refreshToken = res.data.credentials.refreshToken or credentials.refreshToken

-- The client can adopt these credentials and renew them from now on.
mic.assert(client:use_credentials(credentials))
print("the client goes on as " .. mic.assert(client:get "/user").data.userName)
