-- `make demo`: runs quickstart.lua in the sandbox and prints its requests. The requests and times
-- are from the events of the client, the headers from the log of the sandbox.

local mic = require "mic"

local base_url, control_url = os.getenv "MIC_BASE_URL", os.getenv "MIC_SANDBOX_CONTROL"
if not control_url then
  io.stderr:write "the demo needs the sandbox: make demo\n"
  os.exit(1)
end

local WIDTH = 96 -- columns
local ROOT = base_url:match "^%a+://[^/]+(.-)/?$" -- the stage, /prod
local NAMES = { "authorization", "identityId", "x-api-key" }

--- ---- printing: the output is stored, to search it for secrets at the end ----

local printed = {}

local function say(text)
  printed[#printed + 1] = text
  io.write(text, "\n")
  io.flush()
end

local function say_wrapped(indent, text)
  local line = indent
  for word in text:gmatch "%S+" do
    if #line + #word > WIDTH and line ~= indent then
      say((line:gsub(" $", "")))
      line = indent .. "  "
    end
    line = line .. word .. " "
  end
  say((line:gsub(" $", "")))
end

local function plural(count, singular, several)
  return ("%d %s"):format(count, count == 1 and singular or several)
end

--- ---- the sandbox: its log and its control endpoint ----

local control = mic.new { base_url = control_url, api_key = "-" } -- needs no key

local function sandbox_log()
  return mic.assert(control:get("/log", { auth = false })).data
end

--- Returns the log entry of one request, once it is complete.
local function entry_of(number)
  for _ = 1, 1000 do
    local entry = sandbox_log()[number]
    if entry and entry.status then
      return entry
    end
  end
  error("the sandbox did not see request " .. number)
end

--- ---- the wire ----

local seen = 0 -- requests so far, of all clients
local new_connections = 0

local function received_headers(entry)
  local shown = {}
  for _, name in ipairs(NAMES) do
    if entry[name] then
      shown[#shown + 1] = name .. ": ***"
    end
  end
  if not entry.authorization and entry.path:find "/auth/refresh$" then
    shown[#shown + 1] = "no authorization header"
  end
  return table.concat(shown, "  ")
end

--- Prints one exchange. Ends the demo if the event and the sandbox's log differ.
local function show_exchange(event)
  seen = seen + 1
  local entry = entry_of(seen)
  assert(entry.method == event.method and entry.path == ROOT .. event.path)
  assert(entry.status == event.status)
  assert(entry.protocol == ("HTTP/%s.0"):format(event.http_version))
  new_connections = new_connections + (event.new_connection and 1 or 0)

  local request = event.method .. " " .. event.path
  say(("   > %-20s  %s"):format(request, received_headers(entry)))
  say(
    ("   < %d  %.1f ms  HTTP/%s, %s connection%s"):format(
      event.status,
      event.seconds * 1000,
      event.http_version,
      event.new_connection and "new" or "same",
      event.reason and ": the token has " .. event.reason or ""
    )
  )
end

local function on_event(event)
  if event.type == "response" then
    local ok, problem = pcall(show_exchange, event)
    if not ok then -- an error in on_event does not end the call, so it is printed here
      io.stderr:write("demo: ", tostring(problem), "\n")
      os.exit(1)
    end
  end
end

local function new_client(api_key)
  return mic.new {
    base_url = base_url,
    api_key = api_key,
    username = os.getenv "MIC_USERNAME",
    password = os.getenv "MIC_PASSWORD",
    tls = { ca_file = os.getenv "MIC_CA_FILE" },
    on_event = on_event,
  }
end

--- ---- 1 and 2: quickstart.lua, unchanged ----

local client = new_client(os.getenv "MIC_API_KEY")
local secrets = { os.getenv "MIC_PASSWORD", os.getenv "MIC_API_KEY" }
local steps = 0

local function step(text)
  steps = steps + 1
  say(("\n%d  %s"):format(steps, text))
end

local function remember_secrets()
  local now = client:credentials()
  for _, name in ipairs { "identityId", "token", "refreshToken" } do
    secrets[#secrets + 1] = now[name]
  end
end

local function minutes(seconds)
  return ("%d min"):format(math.floor(seconds / 60 + 0.5))
end

--- Wraps the client of quickstart.lua: prints the name of a method before it is called.
local announced = {}

function announced.login(_)
  step "client:login()"
  local session, err = client:login()
  local status, now = client:status(), os.time()
  say(
    ("   token expires in %s, next refresh in about %s"):format(
      minutes(status.expires - now),
      minutes(status.next_refresh - now)
    )
  )
  return session, err
end

function announced.get(_, path, opts)
  step(('client:get("%s")'):format(path))
  return client:get(path, opts)
end

local function run_quickstart()
  local print_before, from_env_before = print, mic.from_env
  mic.from_env = function()
    return announced
  end
  rawset(_G, "print", function(text)
    say("     " .. text)
  end)
  dofile((arg[0]:match "^.*/" or "") .. "quickstart.lua")
  rawset(_G, "print", print_before)
  mic.from_env = from_env_before
end

say(("local MIC at %s (ends with this demo)"):format(base_url))
run_quickstart()
remember_secrets()

--- ---- 3: an expired token ----

step "the sandbox lets the token expire; the same call again"
mic.assert(control:post("/expire", nil, { auth = false }))
local res = mic.assert(client:get("/users/{userName}", { params = { userName = "demo" } }))
say(("     %s, after %d requests for one call"):format(res.data.userName, res.attempts))
remember_secrets()

--- ---- 4: an error ----

step "a wrong API key"
local _, err = new_client "not-the-api-key":login()
say_wrapped("   ", tostring(err))

--- ---- the sandbox's counters, and the search for secrets ----

local function count_log()
  local logins, refused, refreshes, calls, connections = 0, 0, 0, 0, 0
  for _, entry in ipairs(sandbox_log()) do
    connections = math.max(connections, entry.connection)
    if entry.path == ROOT .. "/auth/login" then
      logins = logins + 1
      refused = refused + (entry.status == 200 and 0 or 1)
    elseif entry.path == ROOT .. "/auth/refresh" then
      refreshes = refreshes + 1
    else
      calls = calls + 1
    end
  end
  assert(logins + refreshes + calls == seen, "the log has other requests than the events")
  assert(connections == new_connections, "the log has other connections than the events")
  return ("%s (%d refused), %s, %s, %s"):format(
    plural(logins, "login", "logins"),
    refused,
    plural(refreshes, "refresh", "refreshes"),
    plural(calls, "call", "calls"),
    plural(connections, "connection", "connections")
  )
end

local function secrets_in(text)
  local found = 0
  for _, secret in ipairs(secrets) do
    found = found + (text:find(secret, 1, true) and 1 or 0)
  end
  return found
end

say("\nwire: " .. count_log() .. ".")
local found = secrets_in(table.concat(printed, "\n"))
say(("Secrets in this text: %d (checked: password, API key, tokens, identity)."):format(found))
os.exit(found == 0 and 0 or 1)
