--- Benchmark: the client in an nginx worker against the alternatives of nginx, in interleaved
--- rounds, as ratios, which do not depend on the speed of the machine. `make bench-nginx`, or with
--- RESTY_HTTP=folder, where lua-resty-http's lib/resty lies below, with lua-resty-string in it.

local clock = require "spec.support.clock"
local nginx = require "spec.support.nginx"
local shell = require "spec.support.shell"
local tls_server = require "spec.support.tls_server"

local ROUNDS = tonumber(os.getenv "ROUNDS" or 9)
local SECONDS = tonumber(os.getenv "SECONDS" or 1) -- of one window
local SLOW_CLIENTS, ORDER = 50, os.getenv "ROWS"

local resty = os.getenv "RESTY_HTTP"
resty = resty ~= "" and resty or nil

--- Where the upstream listens: in cleartext, and over TLS as the real API does, with HTTP/2 beside
--- HTTP/1.1 for those who can (nginx's proxy and lua-resty-http cannot).
local folder = tls_server.folder()

local ANSWER = [[default_type application/json; return 200 '{"userName":"demo","email":"]]
  .. ("x"):rep(250)
  .. [["}';]]

local function start_upstream(protocols)
  return nginx.start {
    server = ([[
    listen 127.0.0.1:TLS_PORT %s;
    ssl_certificate %s;
    ssl_certificate_key %s;
    keepalive_requests 1000000;
    location / { %s }
    location /slow { content_by_lua_block { ngx.sleep(1) ngx.say "{}" } }
]]):format(protocols, folder:at "good.pem", folder:at "good.key", ANSWER),
  }
end

local upstreams = {
  tls = { over = "TLS", start_upstream "ssl" },
  h2 = { over = "TLS, HTTP/2", start_upstream "ssl http2" },
  cleartext = { over = "cleartext" },
}
upstreams.cleartext[1] = upstreams.tls[1]

local CREDENTIALS = [[{
  identityId = "identity", token = "token", refreshToken = "refresh", expires_at = os.time() + 9999
}]]

--- Proxy directives of each way, with a kept connection.
local PROXY = [[
      proxy_set_header Connection "";
      proxy_http_version 1.1;
      proxy_ssl_verify on;
      proxy_ssl_trusted_certificate CA_FILE;
      proxy_ssl_server_name on;
      proxy_ssl_name localhost;
      proxy_pass SCHEME://api/users/demo;
]]

local SERVER = [[
    location = /static { return 200 "static\n"; }
    location = /log_in { content_by_lua_block {
      local _, err = require "bench_client":use_credentials CREDENTIALS ngx.say(tostring(err))
    } }
    location = /call { content_by_lua_block {
      local res = assert(require "bench_client":get "/users/demo")
      ngx.say(res.data.userName)
    } }
    location = /slow { content_by_lua_block {
      assert(require "bench_client":get "/slow")
      ngx.say "slow"
    } }
    location = /resty { content_by_lua_block {
      local http = require "resty.http".new()
      local res = assert(http:request_uri("URL/users/demo", {
        keepalive_timeout = 60000, keepalive_pool = 256, ssl_server_name = "localhost",
        headers = { Authorization = "token", identityId = "identity", ["x-api-key"] = "key" },
      }))
      ngx.say(require "cjson".decode(res.body).userName)
    } }
    location = /constant {
      proxy_set_header Authorization token;
      proxy_set_header identityId identity;
      proxy_set_header x-api-key key;
PROXY
    }
    location = /authorized {
      access_by_lua_block { require "mic.nginx".authorize(require "bench_client") }
PROXY
    }
    location = /observed {
      access_by_lua_block { require "mic.nginx".authorize(require "bench_client") }
      header_filter_by_lua_block { require "mic.nginx".observe(require "bench_client") }
PROXY
    }

    # How much of `authorize` is nginx's own: the location with constant headers has no Lua at all.
    location = /empty {
      access_by_lua_block { return }
PROXY
    }
    location = /three_set {
      access_by_lua_block {
        local set = ngx.req.set_header
        set("Authorization", "token") set("identityId", "identity") set("x-api-key", "key")
      }
PROXY
    }
]]

local gateway

local function start_gateway(way)
  local upstream = upstreams[way][1]
  local scheme = way == "cleartext" and "http" or "https"
  local port = way == "cleartext" and upstream.port or upstream.tls_port
  local values = {
    SCHEME = scheme,
    URL = ("%s://127.0.0.1:%d"):format(scheme, port),
    CA_FILE = folder:at "ca.pem",
    CREDENTIALS = CREDENTIALS,
  }
  local function fill(text)
    return (text:gsub("%u[%u_]+", values))
  end
  return nginx.start {
    files = { ["bench_client.lua"] = fill [[
return require("mic").new {
  base_url = "URL", api_key = "key", retry = false, tls = { ca_file = "CA_FILE" }
}
]] },
    http = ([[
  keepalive_requests 1000000;
  upstream api { server 127.0.0.1:%d; keepalive 64; keepalive_requests 1000000; }
  lua_ssl_trusted_certificate %s;
  lua_ssl_verify_depth 3;
]]):format(port, values.CA_FILE),
    path = resty and resty .. "/lib/?.lua;" .. resty .. "/?.lua;",
    server = fill((SERVER:gsub("PROXY", PROXY))),
  }
end

local script = os.tmpname()
do
  local file = assert(io.open(script, "w"))
  file:write [[
function done(summary, latency)
  local errors = summary.errors
  print(("RESULT %d %d %f %d"):format(summary.requests, summary.duration,
    latency:percentile(99),
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
]]
  file:close()
end

--- Processor time that the worker has used so far, its threads included; seconds.
local function processor_time()
  local total = 0
  local text = shell.run(("cat /proc/%s/task/*/schedstat"):format(gateway:workers()[1]))
  for line in text:gmatch "[^\n]+" do
    total = total + tonumber(line:match "%d+") / 1e9
  end
  return total
end

--- What lua-resty-http needs besides its own files, and where that is.
local RESTY_NEEDS = "lua-resty-http needs resty.string of lua-resty-string too, in RESTY_HTTP/lib; "
  .. "resty.openssl of lua-resty-openssl only for client certificates"

--- The first line that nginx has logged of an error.
local function first_error(path)
  local found = "nginx has logged no error"
  for line in gateway:log():gmatch "[^\n]+" do
    if line:find "%[%a+%] " and not line:find "%[warn%]" then
      found = line
      break
    end
  end
  return found .. (path == "/resty" and "\n" .. RESTY_NEEDS or "")
end

--- One window of load.
---@param path string
---@param clients number
---@return table result rate (a second), cost (processor seconds of a request), p99 (ms)
local function load(path, clients)
  local before = processor_time()
  local output = shell.run(
    ("wrk -t1 -c%d -d%gs --timeout 10s -s %s %s"):format(
      clients,
      math.max(1, SECONDS),
      script,
      gateway.url .. path
    )
  )
  local requests, duration, p99, bad = output:match "RESULT (%d+) (%d+) ([%d.]+) (%d+)"
  if not requests or bad ~= "0" then
    error(path .. ": " .. output .. first_error(path), 0)
  end
  return {
    rate = requests / duration * 1e6,
    cost = (processor_time() - before) / requests,
    p99 = p99 / 1000,
  }
end

local function median(list)
  table.sort(list)
  return list[math.ceil(#list / 2)], list[1], list[#list]
end

local function report(what, ratios, goal, at_most)
  local middle, least, most = median(ratios)
  local verdict = ""
  if goal then
    local met = at_most and middle <= goal or not at_most and middle >= goal
    local sign = at_most and "<=" or ">="
    verdict = ("  goal %s %.2f: %s"):format(sign, goal, met and "met" or "missed")
  end
  print(("%-56s %6.2f  (%.2f .. %.2f)%s"):format(what, middle, least, most, verdict))
end

local function mean(first, second, name)
  return (first[name] + second[name]) / 2
end

--- Two paths in turns: rates, and what a request costs the worker.
local function compare(what, path, other, clients, goal)
  local rates, costs = {}, {}
  load(path, clients)
  local before = load(other, clients)
  for round = 1, ROUNDS do
    local mine = load(path, clients)
    local after = load(other, clients)
    rates[round] = mine.rate / mean(before, after, "rate")
    costs[round] = mine.cost / mean(before, after, "cost")
    before = after
  end
  report(("%s, %d clients"):format(what, clients), rates, goal)
  report("  processor time of a request", costs)
end

local function slow_load()
  local pipe = io.popen(
    ("wrk -t1 -c%d -d%gs --timeout 10s %s >/dev/null"):format(
      SLOW_CLIENTS,
      math.max(1, SECONDS) + 1,
      gateway.url .. "/slow"
    ),
    "w"
  )
  clock.sleep(0.5)
  return pipe
end

--- An unrelated location while many wait upstream, against the idle worker.
local function unrelated()
  local ratios, idle_p99, busy_p99 = {}, {}, {}
  for round = 1, ROUNDS do
    local idle = load("/static", 1)
    local pipe = slow_load()
    local busy = load("/static", 1)
    pipe:close()
    ratios[round] = busy.p99 / idle.p99
    idle_p99[round], busy_p99[round] = idle.p99, busy.p99
  end
  report(
    ("p99 of another location, %d calls waiting / idle"):format(SLOW_CLIENTS),
    ratios, 2, true
  )
  print(("  p99 idle %.3f ms, busy %.3f ms"):format((median(idle_p99)), (median(busy_p99))))
end

local rows = {
  unrelated = unrelated,
  resty = function()
    for _, clients in ipairs { 16, 64 } do
      if resty then
        compare("call / lua-resty-http", "/call", "/resty", clients, 1)
      end
    end
  end,
  proxy = function()
    for _, clients in ipairs { 1, 16, 64 } do
      compare("call / proxy_pass", "/call", "/constant", clients)
    end
  end,
  authorize = function()
    for _, clients in ipairs { 16, 64 } do
      local what = "authorize + proxy_pass / constant headers"
      compare(what, "/authorized", "/constant", clients, 0.95)
      compare("  the same with observe", "/observed", "/constant", clients)
    end
  end,
  by_hand = function()
    local what = {
      { "an empty access_by_lua / constant headers", "/empty", "/constant" },
      { "three set_header in Lua / constant headers", "/three_set", "/constant" },
      { "authorize / three set_header in Lua", "/authorized", "/three_set" },
    }
    for _, row in ipairs(what) do
      compare(row[1], row[2], row[3], 16)
    end
  end,
}

local ok, problem = pcall(function()
  for way in (os.getenv "WAYS" or "tls h2 cleartext"):gmatch "%S+" do
    print("over " .. upstreams[way].over)
    gateway = start_gateway(way)
    assert((gateway:get "/log_in") == "nil\n", gateway:log())
    for name in (ORDER or "unrelated authorize by_hand resty proxy"):gmatch "%S+" do
      rows[name]()
    end
    gateway:stop()
    gateway = nil
  end
end)
os.remove(script)
nginx.stop_all { upstreams.tls[1], upstreams.h2[1], gateway }
folder:remove()
if not ok then
  error(problem, 0)
end
