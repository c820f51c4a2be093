--- Benchmark: a process that makes one authenticated GET over TLS and ends, wall time against the
--- curl command, also without a login. Both trust the system's authorities and the sandbox's: curl
--- from a bundle, its default, we from the hashed folder, our default.

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

--- The command mic doing the same GET, with a stored token, as a profile has it.
write(
  "config",
  ("[default]\nbase_url = %s\napi_key = %s\nusername = demo\nca_path = %s/hashed\n"):format(
    os.getenv "MIC_BASE_URL",
    os.getenv "MIC_API_KEY",
    folder
  )
)
local mic = require "mic"
local stored = mic.new {
  base_url = os.getenv "MIC_BASE_URL",
  api_key = os.getenv "MIC_API_KEY",
  username = "demo",
  store = mic.store.file { path = folder .. "/credentials" },
}
assert(stored:use_credentials(credentials))
assert(os.execute(("chmod 600 %s/config"):format(folder)))
local command = timed(
  ("env -u MIC_BASE_URL MIC_CONFIG=%s/config MIC_CREDENTIALS=%s/credentials %s bin/mic get "
    .. "/users/demo >%s/answer"):format(folder, folder, lua, folder)
)
command()
support.report("mic get in a cold process / curl command", support.pair(ROUNDS, theirs, command),
  1.6, true)

--- A whole process that logs in and makes one GET, against a C program that does the same.
write(
  "login.lua",
  [[
    local client = require("mic").new {
      base_url = arg[1],
      api_key = arg[2],
      username = arg[3],
      password = arg[4],
      tls = { ca_file = arg[5] },
      allow_insecure = true,
    }
    local response = assert(client:get(arg[6]))
    assert(response.data.email)
  ]]
)

for _, way in ipairs {
  { "in cleartext", os.getenv "BENCH_CLEARTEXT", 1.35 },
  { "over TLS", os.getenv "MIC_BASE_URL", 1.12 },
} do
  local words = { "" }
  for index, word in ipairs {
    way[2],
    os.getenv "MIC_API_KEY",
    os.getenv "MIC_USERNAME",
    os.getenv "MIC_PASSWORD",
    os.getenv "MIC_CA_FILE",
    "/users/demo",
  } do
    words[index + 1] = ("'%s'"):format(word)
  end
  local arguments = table.concat(words, " ")
  local in_c = timed(folder .. "/cold" .. arguments)
  local in_lua = timed(("%s %s/login.lua%s"):format(lua, folder, arguments))
  in_c()
  in_lua()
  local found = support.pair(ROUNDS, in_c, in_lua)
  support.report(("a cold process, login and one GET %s / C"):format(way[1]), found,
    way[3], true)
end
