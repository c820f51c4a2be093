-- The most frequent errors. Run-time errors are returned as `nil, err`. Misuse raises an error.
--
--   make sandbox RUN="lua examples/errors.lua"

local mic = require "mic"

local base_url, api_key = os.getenv "MIC_BASE_URL", os.getenv "MIC_API_KEY"
local username, password = os.getenv "MIC_USERNAME", os.getenv "MIC_PASSWORD"
local tls = { ca_file = os.getenv "MIC_CA_FILE" }

-- `kind` is a stable word for conditions. Frequent causes have a `hint`.
local function show(what, err)
  print(("%-16s %-6s  %s"):format(what, err.kind, err.hint or err.message))
end

local client = mic.new { base_url = base_url, api_key = api_key, tls = tls }

-- Not logged in and no password: nothing is sent.
local _, err = client:get "/user"
show("missing login", err)

_, err = client:login(username, "not the password")
show("wrong password", err)

-- The gateway responds "Forbidden" to a wrong key and to a wrong stage.
local stranger = mic.new { base_url = base_url, api_key = "not-the-api-key", tls = tls }
_, err = stranger:login(username, password)
show("wrong API key", err)

-- The first call fetches the manifest of the stack. Only the sandbox sets MIC_MANIFEST_URL.
local nowhere = mic.new {
  stack = "no.such.stack",
  manifest_url = os.getenv "MIC_MANIFEST_URL",
  tls = tls,
}
_, err = nowhere:login(username, password)
show("unknown stack", err)

-- No server listens on this port. `retryable`: the same call may succeed later.
local unplugged = mic.new { base_url = "https://localhost:1/prod", api_key = api_key, tls = tls }
_, err = unplugged:login(username, password)
show("no connection", err)
print(("%-16s retryable: %s, code: %s"):format("", tostring(err.retryable), err.code))

mic.assert(client:login(username, password))

_, err = client:get "/no/such/path"
show("unknown path", err)

-- An error of the API has a key for conditions. It does not depend on the language of the message.
_, err = client:get("/users/{userName}", { params = { userName = "nobody" } })
show("unknown user", err)
print(("%-16s status: %d, key: %s"):format("", err.status, err.key))

-- For a log or a support ticket: one line without secrets.
print(err)
print(("%-16s request_id: %s"):format("", err.request_id))

-- Misuse raises an error at the line of the caller.
local ok, message = pcall(function()
  return mic.new { baseURL = base_url, api_key = api_key }
end)
print(("%-16s %-6s  %s"):format("bad option", ok and "fine" or "raised", message:match "^.-;.-%?"))
