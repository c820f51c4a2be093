-- Login, call and refresh by hand: reads the credentials from the login response and sets the three
-- headers. Normally the client does this.
--
--   make sandbox RUN="lua examples/by_hand.lua"

local mic = require "mic"

-- Without user name and password the client does not log in automatically.
local client = mic.new {
  base_url = os.getenv "MIC_BASE_URL",
  api_key = os.getenv "MIC_API_KEY",
  tls = { ca_file = os.getenv "MIC_CA_FILE" }, -- nil: the system's authorities
}

-- Log in with an ordinary call: paths below /auth/ need no login. The response has the secrets, and
-- you must protect them. client:login() keeps them in C and returns only the user.
local res = mic.assert(client:post("/auth/login", {
  userName = os.getenv "MIC_USERNAME",
  password = os.getenv "MIC_PASSWORD",
}))

-- The three credentials. The expiry time is in the token.
local credentials = res.data.credentials

-- Call. With `auth = false` the call may set these headers. Without it they raise an error, because
-- the client sets them.
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

-- Refresh, without an Authorization header: the API would refuse an expired token in it. The client
-- does this before the token expires, and when the API responds that it has expired.
res = mic.assert(client:post("/auth/refresh", { refreshToken = credentials.refreshToken }))

-- Use the new token. Without a new refresh token, the old one stays valid.
credentials.token = res.data.credentials.token
credentials.refreshToken = res.data.credentials.refreshToken or credentials.refreshToken

-- The client can use these credentials, and renews them from now on.
mic.assert(client:use_credentials(credentials))
print("the client goes on as " .. mic.assert(client:get "/user").data.userName)
