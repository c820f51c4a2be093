-- An API other than MIC, as a profile: a table of strings that says how to log in and refresh, what
-- headers a call carries, and which answers mean that the token has expired. This is Supabase's;
-- docs/other-apis.md has more. The sandbox answers like Supabase.
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

-- The sandbox's control is an API, too: one without credentials.
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

mic.assert(control:post("/mode", { profile = "mic" })) -- for what runs in this sandbox next
