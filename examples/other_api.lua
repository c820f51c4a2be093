-- An API other than MIC. A profile is a table that says how to log in and refresh, which headers a
-- call carries, and which responses mean that the token has expired. This is the profile of
-- Supabase; docs/other-apis.md has more. The sandbox behaves like Supabase here.
--
--   make sandbox RUN="lua examples/other_api.lua"

local mic = require "mic"

local supabase = {
  name = "supabase",
  login = "POST /auth/v1/token?grant_type=password",
  login_body = '{"email":{username},"password":{password}}',
  login_headers = { "apikey: {api_key}" },
  refresh = "POST /auth/v1/token?grant_type=refresh_token",
  refresh_body = '{"refresh_token":{refresh_token}}',
  identity = "user.id",
  expires = "expires_at",
  expires_as = "epoch",
  headers = { "apikey: {api_key}", "Authorization: Bearer {token}" },
  expired = { { 401, "JWT expired" } },
  refused = { { 400, "invalid_grant" } },
}

local client = mic.new {
  profile = supabase,
  base_url = os.getenv "MIC_BASE_URL",
  api_key = os.getenv "MIC_API_KEY",
  username = os.getenv "MIC_USERNAME",
  password = os.getenv "MIC_PASSWORD",
  tls = { ca_file = os.getenv "MIC_CA_FILE" },
}

-- The control of the sandbox is an API without credentials.
local control = mic.new {
  profile = { name = "control", headers = {} },
  base_url = os.getenv "MIC_SANDBOX_CONTROL",
}
mic.assert(control:post("/mode", { profile = "supabase" }))

local function show(what)
  local res = mic.assert(client:get "/thing")
  local counters = client:status().counters
  print(("%-12s %d  logins: %d, refreshes: %d"):format(what, res.status, counters.logins,
    counters.refreshes))
end

show "first call"
show "second call"

mic.assert(control:post("/expire", {}))
show "expired"

local _, err = client:get "/forbidden"
print("forbidden    " .. err.status .. "  " .. err.message)

print("profile      " .. client:status().profile)

mic.assert(control:post("/mode", { profile = "mic" })) -- restores the mode
