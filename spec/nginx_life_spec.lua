-- nginx processes with calls in flight: reload, quit, killed workers, clients that disconnect, code
-- loaded for each request. MIC_LONG=1 runs the long form, some minutes.

local api = require "spec.support.api"
local clock = require "spec.support.clock"
local native = require "spec.support.native"
local nginx = require "spec.support.nginx"
local shell = require "spec.support.shell"

local LONG = os.getenv "MIC_LONG" ~= nil
local RELOADS = LONG and 50 or 4
local ROUNDS, ABORTS = LONG and 9 or 1, LONG and 10000 or 3000 -- after one; in each of them
local AT_ONCE = 200 -- clients that disconnect together
local GONE_SECONDS = 20 -- one for the worker, the rest for a busy machine; calls hang for 60
local AT_ONCE_SECONDS = 1.5 -- after two, the engine ends an idle dispatcher anyway
local FREE_SECONDS = 20 -- likewise, for the slots of abandoned calls

local box = api.around()
local impatient = native.load "impatient"

-- Connections are shared by clients with the same TLS options. The API refuses streams on a
-- connection over which hundreds have just begun and ended.
local OWN_CONNECTIONS = ("tls = { ca_file = %q, min_version = '1.3' }"):format(box.ca_file)

local CONFIGURATION = [[
  location = /call { lua_check_client_abort on; content_by_lua_block {
    local res, err = require "my_mic":get "/user"
    ngx.say(res and res.data.userName or tostring(err))
    ngx.shared.notes:set("by " .. ngx.worker.pid(), res ~= nil)
    if not res then ngx.log(ngx.ERR, tostring(err)) end
  } }
  location = /slow { lua_check_client_abort on; content_by_lua_block {
    ngx.shared.notes:incr("begun", 1, 0)
    local res, err = require "my_mic":get "/slow"
    if not res then ngx.log(ngx.ERR, tostring(err)) end
    ngx.say(res and "slow" or tostring(err))
  } }
  location = /hang { lua_check_client_abort on; content_by_lua_block {
    ngx.print "begun"
    ngx.flush(true)
    local _, err = require "my_mic":get "/hang"
    ngx.log(ngx.ERR, "the call was not cancelled: ", tostring(err))
  } }
  location = /killed { content_by_lua_block {
    local mic, other = require "my_mic", require "other_mic"
    mic:get "/user"
    other:get "/user"
    for _ = 1, 6000 do
      ngx.thread.kill(ngx.thread.spawn(other.get, other, "/hang"))
    end
    local res, err = mic:get "/user"
    ngx.say(res and res.status or tostring(err))
  } }
  location = /memory { content_by_lua_block { ngx.say(require "memory"()) } }
  location = /served {
    content_by_lua_block { ngx.say(tostring(ngx.shared.notes:get("by " .. ngx.var.arg_pid))) }
  }
  location = /begun { content_by_lua_block { ngx.say(ngx.shared.notes:get "begun") } }
  location = /flight { content_by_lua_block { ngx.say(require "mic.core".engine():in_flight()) } }
]]

--- KB in use by the C library and Lua. The resident size of the process varies by more than a leak
--- would.
local MEMORY = [[
  local ffi = require "ffi"
  ffi.cdef "struct mallinfo2 { size_t before[7], used, after[2]; }"
  ffi.cdef "struct mallinfo2 mallinfo2(void);"
  return function()
    collectgarbage()
    collectgarbage()
    return tonumber(ffi.C.mallinfo2().used) / 1024 + collectgarbage "count"
  end
]]

local server

local function start(options)
  local all = {
    workers = 2,
    log_level = "notice",
    files = {
      ["my_mic.lua"] = nginx.client(box),
      ["other_mic.lua"] = nginx.client(box, OWN_CONNECTIONS),
      ["memory.lua"] = MEMORY,
    },
    server = CONFIGURATION,
  }
  for name, value in pairs(options or {}) do
    all[name] = value
  end
  server = nginx.start(all)
end

before_each(function()
  box:answer { path = "/slow", status = 200, body = "{}", delay = 1, times = 1000000 }
  box:answer { path = "/hang", status = 200, body = "{}", delay = 60, times = 1000000 }
end)

--- Requests in the background, each over a connection of its own; `finish` gives the statuses.
local function load(path, tasks, each)
  local pipe = shell.start(
    ("for i in $(seq %d); do (for j in $(seq %d); do curl -q -s --noproxy '*' --max-time 30 "
      .. "-o /dev/null -w '%%{http_code} %%{exitcode}\\n' %s%s; done) & done; wait"):format(
      tasks,
      each,
      server.url,
      path
    )
  )
  return function()
    local statuses = {}
    for line in pipe:lines() do
      statuses[line] = (statuses[line] or 0) + 1
    end
    pipe:close()
    return statuses
  end
end

--- The same for calls that take a second; they have begun when it returns. What nginx has not yet
--- accepted when it quits is refused.
local function load_slow(tasks)
  local finish = load("/slow", tasks, 1)
  assert.is_true((clock.eventually(function()
    return server:get "/begun" == tasks .. "\n"
  end)))
  return finish
end

--- A zombie process counts as gone.
local function is_gone(pid)
  return select(2, shell.run("grep -q '^State:.[^ZX]' /proc/" .. pid .. "/status 2>/dev/null"))
    ~= 0
end

local function are_gone(pids)
  return function()
    for _, pid in ipairs(pids) do
      if not is_gone(pid) then
        return false
      end
    end
    return true
  end
end

local function number_of(pid, what)
  return tonumber((shell.run(("ls /proc/%s/%s | wc -l"):format(pid, what))))
end

--- Clients that hang up some time after their calls have begun.
local function give_up(count, seconds)
  local request = "GET /hang HTTP/1.1\r\nHost: here\r\n\r\n"
  assert.equal(count, impatient.give_up(server.port, request, count, seconds))
end

--- Number of open connections to the API, which the engine keeps for later calls.
local function kept()
  local port = tonumber(box.base_url:match ":(%d+)")
  return tonumber((shell.run(
    ("cat /proc/net/tcp /proc/net/tcp6 | awk '$3 ~ /:%04X$/ && $4 != \"06\"' | wc -l"):format(port)
  )))
end

local function are_free()
  return server:get "/flight" == "0\n"
end

--- Waits until each worker has made a call. When the first timer of a worker begins after it was
--- told to end, nginx's Lua module leaves a connection behind, "open socket #-2" in the log.
local function await_first_calls()
  assert.is_true(clock.eventually(function()
    server:many("/call", 10)
    for _, pid in ipairs(server:workers()) do
      if server:get("/served?pid=" .. pid) ~= "true\n" then
        return false
      end
    end
    return true
  end))
end

local function assert_clean()
  assert.equal("", server:errors())
  assert.is_nil(server:log():find("exited on signal", 1, true))
  assert.equal("", (shell.run("ls -d " .. server.folder .. "/mic-* 2>/dev/null")))
end

describe("a reload under load", function()
  it("fails no request, and the old workers go", function()
    start()
    await_first_calls()
    local master = server:pid()
    local descriptors = number_of(master, "fd")
    for _ = 1, RELOADS do
      await_first_calls()
      local old = server:workers()
      local finish = load("/call", 6, 12)
      local slow = load("/slow", 5, 1)
      clock.sleep(0.2)
      server:signal "HUP"
      assert.same({ ["200 0"] = 72 }, finish())
      assert.same({ ["200 0"] = 5 }, slow())
      assert.is_true((clock.eventually(are_gone(old), GONE_SECONDS)))
      assert.is_true((clock.eventually(function() -- the master has taken note of their end
        return #server:workers() == 2
      end)))
    end
    assert.equal(descriptors, number_of(master, "fd"))
    assert.equal(1, number_of(master, "task"))
    assert_clean()
  end)
end)

describe("a quit", function()
  it("lets what runs come to its end, and ends then", function()
    start()
    server:get "/call"
    local pid, finish = server:pid(), load_slow(20)
    server:signal "QUIT"
    assert.same({ ["200 0"] = 20 }, finish())
    assert.is_true((clock.eventually(are_gone { pid }, GONE_SECONDS)))
    assert_clean()
  end)

  it("ends at once when nothing runs", function()
    local quickest = math.huge
    for _ = 1, 5 do
      start()
      server:many("/call", 10)
      local pid = server:pid()
      server:signal "QUIT"
      local is_gone_now, seconds = clock.eventually(are_gone { pid })
      assert.is_true(is_gone_now)
      assert_clean()
      quickest = math.min(quickest, seconds) -- a busy machine may delay one
      if quickest < AT_ONCE_SECONDS then
        return
      end
    end
    error(quickest .. " seconds")
  end)

  it("does not wait for the exchanges of clients that have disconnected", function()
    start { workers = 1 }
    server:get "/call"
    give_up(20, 0.3)
    local pid = server:pid()
    server:signal "QUIT"
    assert.is_true((clock.eventually(are_gone { pid }, GONE_SECONDS)))
    assert_clean()
  end)

  it("in a hurry drops running requests without a crash", function()
    start()
    server:get "/call"
    local pid, finish = server:pid(), load_slow(20)
    server:signal "TERM"
    assert.is_true((clock.eventually(are_gone { pid }, GONE_SECONDS)))
    finish()
    assert_clean()
  end)
end)

describe("a worker that was killed", function()
  it("leaves nothing behind, and the next one serves", function()
    start { workers = 1 }
    server:get "/call"
    local old = server:workers()[1]
    shell.run("kill -KILL " .. old)
    assert.is_true((clock.eventually(function()
      local now = server:workers()[1]
      return now and now ~= old and server:get "/call" == "demo\n"
    end)))
    assert.equal("", (shell.run("ls -d " .. server.folder .. "/mic-* 2>/dev/null")))
  end)
end)

describe("clients that disconnect", function()
  it("end their calls also where the garbage collector stands still", function()
    start {
      workers = 1,
      http = [[init_by_lua_block {
        collectgarbage "stop"
        collectgarbage = function() return 0 end -- a step would start it again
      }]],
    }
    for _ = 1, 3 do
      give_up(AT_ONCE, 0.05)
      assert.is_true((clock.eventually(are_free, FREE_SECONDS)))
    end
    assert_clean()
  end)

  it("leave room for others, however many there are before the worker looks", function()
    start { workers = 1 }
    assert.equal("200\n", (server:get "/killed"))
    assert.is_true((clock.eventually(are_free)))
    assert_clean()
  end)

  it("leave no memory, descriptor or thread behind", function()
    start { workers = 1 }
    local pid = server:workers()[1]
    local function memory()
      return tonumber((server:get "/memory"))
    end
    local function round(times)
      for batch = 1, times / AT_ONCE do
        give_up(AT_ONCE, batch % 5 * 0.02)
      end
      assert.is_true((clock.eventually(are_free, FREE_SECONDS)))
    end
    server:get "/call"
    round(ABORTS)
    local before, descriptors = memory(), number_of(pid, "fd") - kept()
    for _ = 1, ROUNDS do
      round(ABORTS)
    end
    assert.is_true(memory() - before < 3000, memory() - before)
    assert.is_true(number_of(pid, "fd") - kept() <= descriptors + 3)
    assert.is_true(kept() < 100)
    assert.equal(2, number_of(pid, "task"))
    assert.equal("demo\n", (server:get "/call"))
    assert_clean()
  end)
end)

describe("lua_code_cache off", function()
  it("works with a Lua VM for each request, and holds none of them", function()
    start { workers = 1, http = "lua_code_cache off;" }
    local pid = server:workers()[1]
    for _ = 1, 10 do
      assert.equal("demo\n", (server:get "/call"))
    end
    assert.same({ [200] = 10 }, (server:many("/call", 10)))
    assert.is_true((clock.eventually(function()
      return number_of(pid, "task") == 1
    end, 5)))
    local log = server:errors():gsub("[^\n]*lua_code_cache is off[^\n]*", "")
    assert.equal("", (log:gsub("\n", "")))
  end)
end)
