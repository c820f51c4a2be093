-- The whole protocol by hand: log in, take the credentials out of the answer, send the three
-- headers. A client does all of this by itself; here you see what it does.
--
--   make sandbox RUN="lua examples/by_hand.lua"

local mic = require "mic"

-- No user name and no password: this client never logs in by itself.
local client = mic.new {
  base_url = os.getenv "MIC_BASE_URL",
  api_key = os.getenv "MIC_API_KEY",
  tls = { ca_file = os.getenv "MIC_CA_FILE" }, -- nil: the system's authorities
}

-- Log in. An ordinary call: paths below /auth/ need no login, and its answer is not touched, so the
-- secrets are now yours to hide. client:login() keeps them in C and gives you the user only.
local res = mic.assert(client:post("/auth/login", {
  userName = os.getenv "MIC_USERNAME",
  password = os.getenv "MIC_PASSWORD",
}))

-- The three that count, under `credentials`. There is no expiry: a client reads it from the token.
local credentials = res.data.credentials

-- Call. `auth = false` says that this call brings its own headers; without it they are refused,
-- because the client sets them. `{userName}` is filled and percent-encoded either way.
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

-- Refresh. Without an Authorization header: an expired token there would be refused. A client does
-- this before the token expires, and once more when the API says that it has.
res = mic.assert(client:post("/auth/refresh", { refreshToken = credentials.refreshToken }))

-- The new token counts from now on; a refresh token may come or not: then the old one stays.
credentials.token = res.data.credentials.token
credentials.refreshToken = res.data.credentials.refreshToken or credentials.refreshToken

-- From here on the client can take over what you got by hand, and keep it fresh.
mic.assert(client:use_credentials(credentials))
print("the client goes on as " .. mic.assert(client:get "/user").data.userName)
