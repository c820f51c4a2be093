--- The client inside an nginx worker, against what else an nginx could do, in interleaved rounds:
--- ratios, so that the machine's own speed counts for both. `make bench-nginx`, or with
--- RESTY_HTTP=folder, where lua-resty-http's lib/resty lies below.

local core = require "mic.core"
local nginx = require "spec.support.nginx"
local sandbox = require "spec.support.sandbox"

local ROUNDS = tonumber(os.getenv "ROUNDS" or 9)
local SECONDS = tonumber(os.getenv "SECONDS" or 1) -- of one window
local SLOW_CLIENTS, ORDER = 50, os.getenv "ROWS"

local resty = os.getenv "RESTY_HTTP"
resty = resty ~= "" and resty or nil

local upstream = nginx.start {
  server = [[
    keepalive_requests 1000000;
    location / { default_type application/json; return 200 '{"userName":"demo","email":"]]
    .. ("x"):rep(250)
    .. [["}'; }
    location /slow { content_by_lua_block { ngx.sleep(1) ngx.say "{}" } }
]],
}

local client = ([[
local mic = require "mic"
local client = mic.new { base_url = %q, api_key = "key", retry = false }
return client
]]):format(upstream.url)

local CREDENTIALS = [[{
  identityId = "identity", token = "token", refreshToken = "refresh", expires_at = os.time() + 9999
}]]

--- How much of `authorize` is nginx's own: the location with constant headers has no Lua at all.
local by_hand = ([[
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
]]):gsub("PROXY", [[
      proxy_set_header Connection "";
      proxy_http_version 1.1;
      proxy_pass http://api/users/demo;]])

local gateway = nginx.start {
  files = { ["bench_client.lua"] = client },
  http = ([[
  keepalive_requests 1000000;
  upstream api { server 127.0.0.1:%d; keepalive 64; keepalive_requests 1000000; }
]]):format(upstream.port),
  path = resty and resty .. "/lib/?.lua;" .. resty .. "/?.lua;",
  server = ([[
    location = /static { return 200 "static\n"; }
    location = /log_in { content_by_lua_block {
      local _, err = require "bench_client":use_credentials %s ngx.say(tostring(err))
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
      local res = assert(http:request_uri("http://127.0.0.1:%d/users/demo", {
        keepalive_timeout = 60000, keepalive_pool = 256,
        headers = { Authorization = "token", identityId = "identity", ["x-api-key"] = "key" },
      }))
      ngx.say(require "cjson".decode(res.body).userName)
    } }
    location = /constant {
      proxy_set_header Authorization token;
      proxy_set_header identityId identity;
      proxy_set_header x-api-key key;
      proxy_set_header Connection "";
      proxy_http_version 1.1;
      proxy_pass http://api/users/demo;
    }
    location = /authorized {
      access_by_lua_block { require "mic.nginx".authorize(require "bench_client") }
      proxy_set_header Connection "";
      proxy_http_version 1.1;
      proxy_pass http://api/users/demo;
    }
    location = /observed {
      access_by_lua_block { require "mic.nginx".authorize(require "bench_client") }
      header_filter_by_lua_block { require "mic.nginx".observe(require "bench_client") }
      proxy_set_header Connection "";
      proxy_http_version 1.1;
      proxy_pass http://api/users/demo;
    }
]]):format(CREDENTIALS, upstream.port) .. by_hand,
}

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
  local text = sandbox.run(("cat /proc/%s/task/*/schedstat"):format(gateway:workers()[1]))
  for line in text:gmatch "[^\n]+" do
    total = total + tonumber(line:match "%d+") / 1e9
  end
  return total
end

--- One window of load.
---@param path string
---@param clients number
---@return table result rate (a second), cost (processor seconds of a request), p99 (ms)
local function load(path, clients)
  local before = processor_time()
  local output = sandbox.run(
    ("wrk -t1 -c%d -d%gs --timeout 10s -s %s %s"):format(
      clients,
      math.max(1, SECONDS),
      script,
      gateway.url .. path
    )
  )
  local requests, duration, p99, bad = output:match "RESULT (%d+) (%d+) ([%d.]+) (%d+)"
  assert(requests and bad == "0", path .. ": " .. output .. gateway:log():sub(-600))
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
  core.sleep(0.5)
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
  assert((gateway:get "/log_in") == "nil\n", gateway:log())
  for name in (ORDER or "unrelated authorize by_hand resty proxy"):gmatch "%S+" do
    rows[name]()
  end
end)
os.remove(script)
gateway:stop()
upstream:stop()
if not ok then
  error(problem, 0)
end
