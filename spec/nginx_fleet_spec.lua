-- Many workers with one login, under load: the token expires, the refreshing worker is killed,
-- Redis is down. MIC_LONG=1 runs the long form, with the real lease.

local api = require "spec.support.api"
local cleanup = require "spec.support.cleanup"
local clock = require "spec.support.clock"
local nginx = require "spec.support.nginx"
local redis_server = require "spec.support.redis_server"
local scratch = require "spec.support.scratch"
local shell = require "spec.support.shell"

local LONG = os.getenv "MIC_LONG" ~= nil
local EXPIRIES = LONG and 100 or 4
local LEASE = LONG and 45 or 4 -- seconds
local SECONDS = LONG and 100 or 2 -- of a load on tokens that live for two
local CLIENTS = 12 -- of each nginx, at once

local box = api.around()
local redis = redis_server.start()
local folder = scratch.folder()
local leader_file, load_file = folder:at "leader", folder:at "load"

--- Texts that make stores: in a shared dict, and in Redis over each client that the documentation
--- and the specs have.
local SHARED_DICT = 'mic.store.shared_dict "logins"'
local function over(command)
  return "mic.store.redis { command = " .. command .. " }"
end
local LUA_NGINX_REDIS = over(redis_server.documented(
  "resty.redis",
  '"redis.example", 6379',
  "unix:" .. redis.socket
))
local LUA_REDIS = over(redis_server.documented(
  "redis",
  '"redis.example", 6379, 2',
  "unix://" .. redis.socket
))
local OURS = over(("require 'spec.support.resp'.command(%q)"):format(redis.socket))

--- The store of a client; it writes down which worker has the lock. The short form has a short
--- lease.
local STORE = [[
if not pcall(require, "resty.redis") then -- OpenResty's; Debian's has another name
  package.loaded["resty.redis"] = require "nginx.redis"
end
local mic = require "mic"
local store = %s
local lock = store.lock
function store.lock(key, seconds, owner)
  local token, err = lock(key, seconds / 45 * %g, owner)
  if token then
    local file = assert(io.open(%q, "w"))
    file:write(ngx.worker.pid(), "\n")
    file:close()
  end
  return token, err
end
return store
]]

local SERVER = [[
  location = /call { content_by_lua_block {
    ngx.sleep(0.03)
    local res, err = require "my_mic":get "/user"
    if not res then
      ngx.log(ngx.ERR, tostring(err))
      ngx.exit(500)
    end
    ngx.shared.notes:set("worker " .. ngx.worker.pid(), true)
  } }
  location = /seen { content_by_lua_block { ngx.say(#ngx.shared.notes:get_keys()) } }
  location = /errors { content_by_lua_block {
    ngx.say(tostring(require "my_mic":status().store_error))
  } }
]]

local fleet

--- One nginx for each of the stores.
local function start(stores, workers, options)
  for index, store in ipairs(stores) do
    fleet[index] = nginx.start {
      workers = workers,
      path = nginx.root .. "/?.lua;",
      libraries = true,
      files = {
        ["my_store.lua"] = STORE:format(store, LEASE, leader_file),
        ["my_mic.lua"] = nginx.client(box, 'store = require "my_store", ' .. (options or "")),
      },
      http = "lua_shared_dict logins 1m; lua_socket_log_errors off;",
      server = SERVER,
    }
  end
end

--- Requests to all of the fleet, each over a connection of its own, from now on; `finish` ends them
--- and gives the statuses and exit codes, how often each, and the seconds of the slowest.
local function begin_load()
  folder:write("load", "") -- while it is there
  local pipes = {}
  for index, server in ipairs(fleet) do
    local file = folder:at(tostring(index)) -- a pipe would be full before long
    pipes[index] = shell.start(
      ("while [ -e '%s' ]; do curl -q -s -Z --parallel-immediate --parallel-max %d --max-time 80 "
        .. "--noproxy '*' -H 'Connection: close' -o /dev/null "
        .. "-w '%%{http_code} %%{exitcode} %%{time_total}\\n' '%s/call?[1-%d]' 2>&-; done >%s; "
        .. "cat %s"):format(load_file, CLIENTS, server.url, 3 * CLIENTS, file, file)
    )
  end
  cleanup.call(function() -- if the test fails; before the pipes are closed, which waits
    os.remove(load_file)
  end)
  assert.is_true((clock.eventually(function()
    return box:counters().calls >= 2 * CLIENTS * #fleet
  end)))
  return function()
    os.remove(load_file)
    local statuses, slowest = {}, 0
    for _, pipe in ipairs(pipes) do
      for line in pipe:lines() do
        local status, seconds = line:match "^(%d+ %d+) ([%d.]+)$"
        statuses[status] = (statuses[status] or 0) + 1
        slowest = math.max(slowest, tonumber(seconds))
      end
      pipe:close()
    end
    return statuses, slowest
  end
end

--- Asserts that the logs contain no errors but the expected one.
local function assert_no_errors(but)
  for _, server in ipairs(fleet) do
    local errors = server:errors() .. "\n"
    errors = errors:gsub("[^\n]*" .. (but or "\n") .. "[^\n]*\n", "")
    assert.equal("", errors:gsub("\n", "", 1):sub(1, 1000))
  end
end

local function assert_all_good(statuses, but)
  assert_no_errors(but)
  local good = statuses["200 0"] or 0
  assert.same({ ["200 0"] = good }, statuses)
  assert.is_true(good >= 3 * CLIENTS * #fleet, good)
end

local function refreshes()
  return box:counters().refresh
end

local function assert_refreshed(count, seconds)
  assert.is_true(clock.eventually(function()
    return refreshes() >= count
  end, seconds or 20), "no refresh " .. count)
  clock.sleep(0.15) -- a second one would follow at once
  assert.equal(count, refreshes())
end

before_each(function()
  box:mode { refresh = "rotate" } -- a refresh token that was used is refused, and costs a login
  redis:command() "FLUSHALL"
  fleet = {}
end)

after_each(function()
  redis:go_on() -- if a test has failed
  nginx.stop_all(fleet)
end)

describe("one refresh for all at each expiry, and no call fails:", function()
  for name, machines in pairs {
    ["4 workers over a shared dict"] = { stores = { SHARED_DICT }, workers = 4 },
    ["3 nginx over Redis"] = { stores = { LUA_NGINX_REDIS, LUA_REDIS, OURS }, workers = 2 },
  } do
    it(name .. ", " .. EXPIRIES .. " times", function()
      start(machines.stores, machines.workers)
      local finish = begin_load()
      for round = 1, EXPIRIES do
        box:expire()
        assert_refreshed(round)
      end
      assert_all_good(finish())
      assert.equal(EXPIRIES, refreshes())
      assert.equal(1, box:counters().login)
      for _, server in ipairs(fleet) do
        assert.equal(machines.workers .. "\n", (server:get "/seen"))
      end
    end)
  end

  it("3 nginx over Redis, whose tokens end by themselves", function()
    box:mode { token_life = 2 }
    start({ LUA_NGINX_REDIS, LUA_NGINX_REDIS, LUA_NGINX_REDIS }, 2)
    local began = clock.now()
    local finish = begin_load()
    clock.sleep(SECONDS)
    assert_all_good(finish())
    local count, seconds = refreshes(), clock.now() - began
    -- They end at whole seconds, and a refresh is due one before.
    assert.is_true(count <= seconds + 2, count)
    assert.is_true(count >= seconds / 2 - 1, count)
    assert.equal(1, box:counters().login)
  end)
end)

describe("the one who refreshes is killed: the next takes over after the lease,", function()
  for name, machines in pairs {
    ["over a shared dict"] = { stores = { SHARED_DICT }, workers = 3 },
    ["over Redis"] = { stores = { LUA_NGINX_REDIS, LUA_NGINX_REDIS }, workers = 2 },
  } do
    it("no token is used twice and no other call fails, " .. name, function()
      start(machines.stores, machines.workers)
      local finish = begin_load()
      os.remove(leader_file)
      box:answer { path = "/auth/refresh", delay = 60 }
      box:control("DELETE", "/log")
      local began = clock.now()
      box:expire()
      assert_refreshed(1)
      shell.check("kill -9 " .. folder:read "leader")

      assert_refreshed(2, LEASE + 10)
      assert.is_true(clock.now() - began >= LEASE)
      clock.sleep(0.2)
      local statuses = finish()
      local lost = 0
      for status, count in pairs(statuses) do
        if status:find "^000 5[26]$" then -- its worker has gone: no answer, reset
          lost = lost + count
        else
          assert.equal("200 0", status)
        end
      end
      assert.is_true(lost <= CLIENTS, lost)
      assert.is_true(statuses["200 0"] >= 3 * CLIENTS * #fleet - lost)

      local outcomes = {}
      for _, entry in ipairs(box:log()) do
        if entry.path:find "/auth/" then
          outcomes[#outcomes + 1] = entry.path .. " " .. tostring(entry.status)
        end
      end
      assert.same({ "/prod/auth/refresh 499", "/prod/auth/refresh 200" }, outcomes)
      assert.equal(1, box:counters().login)
      assert_no_errors "exited on signal 9"
    end)
  end
end)

describe("calls go on with the token that they have until it is back, when Redis", function()
  for name, lose in pairs {
    ["goes away and comes back"] = { away = redis.kill, back = redis.start, message = "" },
    ["hangs for a while"] = { away = redis.stand_still, back = redis.go_on, message = "timeout" },
  } do
    it(name, function()
      -- A token of 20 seconds that is due for a refresh after four.
      box:mode { token_life = 20 }
      start({ LUA_NGINX_REDIS, LUA_NGINX_REDIS }, 2, "refresh_margin = 16")
      local finish = begin_load()
      box:mode { token_life = 3600 }
      for _, server in ipairs(fleet) do -- one that has no token yet would have to wait
        assert.is_true((clock.eventually(function()
          return server:get "/seen" == "2\n"
        end)))
      end
      lose.away(redis)
      for _, server in ipairs(fleet) do
        assert.is_true(clock.eventually(function()
          local problem = "^store: the store could not %a+: Redis: " .. lose.message
          return (server:get "/errors"):find(problem)
        end, 12), "no worker tried to refresh")
      end
      clock.sleep(0.5)
      assert.equal(0, refreshes())
      local statuses, slowest = finish()
      assert_all_good(statuses, "connect%(%) to unix")
      assert.is_true(slowest < 2, "a call waited for the store")
      finish = begin_load()

      lose.back(redis)
      assert_refreshed(1)
      assert.equal("string",
        type(redis:command()("GET", "mic:{" .. box.base_url .. " demo}:record")))
      box:expire()
      assert_refreshed(2)
      assert_all_good(finish(), "connect%(%) to unix")
      assert.equal(1, box:counters().login)
    end)
  end
end)
