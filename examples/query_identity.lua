-- Sends the identity in the query instead of a header: for proxies that remove unknown headers.
--
--   make sandbox RUN="lua examples/query_identity.lua"

local mic = require "mic"

local client = mic.new {
  base_url = os.getenv "MIC_BASE_URL",
  api_key = os.getenv "MIC_API_KEY",
  username = os.getenv "MIC_USERNAME",
  password = os.getenv "MIC_PASSWORD",
  tls = { ca_file = os.getenv "MIC_CA_FILE" },
  identity = "query", -- "header" is the default; false: not sent
}

-- The first call logs in automatically.
local res = mic.assert(client:get("/users", { query = { size = 2, attributes = "userName" } }))

for _, user in ipairs(res.data.users) do
  print(user.userName)
end

-- The request had &identityId=…. `res.url` does not have it, so you can log it.
print("path and query: " .. res.url:match "^%a+://[^/]+(.*)$")
print("identityId in it: " .. (res.url:find("identityId", 1, true) and "yes" or "no"))
