-- The identity in the query instead of a header, for what stands in front of the API and drops
-- headers that it does not know.
--
--   make sandbox RUN="lua examples/query_identity.lua"

local mic = require "mic"

local client = mic.new {
  base_url = os.getenv "MIC_BASE_URL",
  api_key = os.getenv "MIC_API_KEY",
  username = os.getenv "MIC_USERNAME",
  password = os.getenv "MIC_PASSWORD",
  tls = { ca_file = os.getenv "MIC_CA_FILE" },
  identity = "query", -- "header" is the default; false sends it nowhere, as later stacks want it
}

-- The first call logs in by itself.
local res = mic.assert(client:get("/users", { query = { size = 2, attributes = "userName" } }))

for _, user in ipairs(res.data.users) do
  print(user.userName)
end

-- It was sent with &identityId=…; the URL that you may log does not show it.
print("path and query: " .. res.url:match "^%a+://[^/]+(.*)$")
print("identityId in it: " .. (res.url:find("identityId", 1, true) and "yes" or "no"))
