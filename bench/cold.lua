--- A whole process that makes one authenticated GET over TLS and ends: wall time against the curl
--- command, which is not run twice for a login either. Both know the system's authorities and the
--- sandbox's; curl as a bundle, which is its default, we as the hashed folder, which is ours.

local support = require "support"

local limit, ROUNDS = support.limit, tonumber(os.getenv "ROUNDS" or 25)
local folder, lua = os.getenv "BENCH_FOLDER", os.getenv "LUA"
local client = support.client()
local credentials = client:credentials()

local function write(name, text)
  local file = assert(io.open(folder .. "/" .. name, "w"))
  assert(file:write(text))
  file:close()
end

write(
  "headers",
  ("Authorization: %s\nidentityId: %s\nx-api-key: %s\n"):format(
    credentials.token,
    credentials.identityId,
    os.getenv "MIC_API_KEY"
  )
)
write(
  "one.lua",
  ([[
    local client = require("mic").new {
      base_url = os.getenv "MIC_BASE_URL",
      api_key = os.getenv "MIC_API_KEY",
      tls = { ca_path = %q },
    }
    client:use_credentials { identityId = %q, token = %q }
    local response = assert(client:get "/users/demo")
    assert(response.data.email)
  ]]):format(folder .. "/hashed", credentials.identityId, credentials.token)
)

local function timed(command)
  return function()
    local begin = limit.now()
    local ok = os.execute(command)
    assert(ok == true or ok == 0, command)
    return limit.now() - begin
  end
end

local theirs = timed(
  ("curl -sf --cacert %s/bundle.pem -H @%s/headers %s -o %s/answer"):format(
    folder,
    folder,
    support.url "/users/demo",
    folder
  )
)
local ours = timed(("%s %s/one.lua"):format(lua, folder))

theirs()
ours()
local ratios = support.pair(ROUNDS, theirs, ours)
support.report("time of a cold process over TLS / curl command", ratios, 1, true)
