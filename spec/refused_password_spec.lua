-- A password refused by the API: no process that shares the store sends it again until the pause
-- has ended. The store keeps a digest of it.

local api = require "spec.support.api"
local clock = require "spec.support.clock"
local mic = require "mic"
local records = require "spec.support.records"
local scratch = require "spec.support.scratch"
local shell = require "spec.support.shell"

local MINUTE = 60
local LOGIN = "POST /auth/login"

for _, kind in ipairs { "file", "bytes", "memory" } do
  describe("a refused password, where the store is of " .. kind, function()
    local sandbox = api.around()
    local transport, folder, kept, memory

    before_each(function()
      transport, folder, kept, memory = clock.transport(), scratch.folder(), {}, mic.store.memory()
    end)

    --- A client as of a process of its own; with the memory store as of another part of this one.
    local function process(options)
      options = options or {}
      options.transport = transport
      options.password = options.password or "wrong"
      options.store = options.store
        or kind == "file" and mic.store.file { path = folder:at "store/c" }
        or kind == "bytes" and records.store(kept)
        or memory
      return sandbox:automatic(options)
    end

    local function pass(seconds)
      transport.later = transport.later + seconds
      sandbox:mode { clock_offset = math.floor(transport.later) }
    end

    local function is_blocked(client, minutes)
      local _, err = client:get "/user"
      assert.equal(("auth: the API has refused this password; it is not tried again for %d min"
        ):format(minutes), api.line(err))
      assert.is_false(err.retryable)
      assert.is_truthy(err.hint:find "a new password is sent at once")
      assert.equal("", sandbox:seen())
    end

    local function is_sent(client)
      local _, err = client:get "/user"
      assert.equal(401, err.status)
      assert.equal(LOGIN, sandbox:seen())
    end

    local function stored()
      if kind == "file" then
        return shell.check("cat " .. shell.quote(folder:at "store") .. "/*")
      end
      local _, bytes = next(kept)
      return bytes or ""
    end

    it("is sent once, then after a quarter of an hour, then each hour, by one of all", function()
      local first, second = process(), process()
      is_sent(first)
      is_blocked(second, 15)
      is_blocked(first, 15)
      pass(10 * MINUTE)
      is_blocked(process(), 5)
      pass(5 * MINUTE + 1)
      is_sent(second)
      is_blocked(first, 60)
      pass(59 * MINUTE)
      is_blocked(process(), 1)
      for _ = 1, 3 do
        pass(61 * MINUTE)
        is_sent(first)
        is_blocked(second, 60)
      end
    end)

    --- The store, which saves nothing while `failing.now`.
    local function failing_store(failing)
      local store = kind == "file" and mic.store.file { path = folder:at "store/c" }
        or kind == "bytes" and records.store(kept) or memory
      return setmetatable({}, { __index = function(_, name)
        return failing.now and name == "save" and function()
          return nil, "no space"
        end or store[name]
      end })
    end

    it("is saved by the next try when the store failed at the time", function()
      local failing = { now = true }
      local first = process { store = failing_store(failing) }
      is_sent(first)
      failing.now = false
      is_blocked(first, 15)
      is_blocked(process(), 15)
    end)

    for _, failing in ipairs { "load", "lock" } do
      it("is saved beside credentials where " .. failing .. " failed before", function()
        mic.assert(process({ password = sandbox.password }):get "/user")
        sandbox:seen()
        local store, fails = failing_store {}, true
        local client = process {
          password = function()
            fails = false
            return "wrong"
          end,
          store = setmetatable({}, { __index = function(_, name)
            return (name == "load" or name == failing) and fails and function()
              return nil, "no answer"
            end or store[name]
          end }),
        }
        is_sent(client)
        mic.assert(process():get "/user")
        assert.equal("GET /user", sandbox:seen())
        sandbox:expire(true)
        local _, err = process():get "/user"
        assert.is_truthy(err.message:find("not tried again", 1, true), tostring(err))
        assert.is_nil(sandbox:seen():find(LOGIN, 1, true))
      end)
    end

    it("counts also where it worked before, which could not be saved", function()
      local function refuse(client)
        sandbox:answer { path = "/auth/login", status = 401, body = "{}" }
        client:login()
      end
      local failing = {}
      local first = process { password = sandbox.password, store = failing_store(failing) }
      sandbox:answer { path = "/auth/login", status = 401, body = "{}" }
      first:get "/user"
      failing.now = true
      pass(15 * MINUTE + 1)
      mic.assert(first:get "/user")
      pass(1)
      refuse(process { password = sandbox.password })
      failing.now = false
      sandbox:expire(true)
      sandbox:seen()
      local _, err = first:get "/user"
      assert.is_truthy(err.message:find("not tried again", 1, true), tostring(err))
      assert.is_nil(sandbox:seen():find(LOGIN, 1, true))
    end)

    it("stands nowhere in the store", function()
      is_sent(process { password = "a wrong password" })
      if kind ~= "memory" then
        assert.is_truthy(stored():find("mic-record\3", 1, true))
      end
      assert.is_nil(stored():find("wrong", 1, true))
    end)

    it("works by itself once the API takes it again", function()
      local clients = { process { password = sandbox.password } }
      sandbox:answer { path = "/auth/login", status = 401,
        body = '{"message":"Password attempts exceeded"}' }
      local _, err = clients[1]:get "/user"
      assert.equal("auth: Password attempts exceeded", api.line(err))
      sandbox:seen()
      is_blocked(clients[1], 15)
      clients[2] = process { password = sandbox.password }
      is_blocked(clients[2], 15)
      pass(15 * MINUTE + 1)
      assert.equal(200, mic.assert(clients[2]:get "/user").status)
      assert.equal(200, mic.assert(clients[1]:get "/user").status)
      assert.equal(LOGIN .. "\nGET /user\nGET /user", sandbox:seen())
      assert.is_nil(stored():find("mic-record\3", 1, true))
    end)

    it("does not hold up another one, which does not clear it", function()
      local old, new = process(), process { password = sandbox.password }
      is_sent(old)
      assert.equal(200, mic.assert(new:get "/user").status)
      sandbox:expire(true)
      sandbox:seen()
      local _, err = old:get "/user"
      assert.equal("GET /user\nPOST /auth/refresh", sandbox:seen())
      assert.is_truthy(err.message:find "not tried again")
      assert.equal(200, mic.assert(new:get "/user").status)
    end)

    it("is sent at once by an explicit login, and is cleared when that succeeds", function()
      local client = process { password = sandbox.password }
      for round = 1, 2 do
        sandbox:answer { path = "/auth/login", status = 401, body = "{}" }
        if round == 1 then
          client:get "/user"
        else
          client:login()
        end
        sandbox:seen()
        is_blocked(client, round == 1 and 15 or 60)
      end
      mic.assert(client:login())
      sandbox:expire(true)
      sandbox:seen()
      mic.assert(client:get "/user")
      assert.equal("GET /user\nPOST /auth/refresh\n" .. LOGIN .. "\nGET /user", sandbox:seen())
    end)

    it("counts after a logout, and while a token is valid", function()
      local client = process()
      mic.assert(client:login(nil, sandbox.password))
      sandbox:expire(true)
      sandbox:seen()
      client:get "/user"
      assert.equal("GET /user\nPOST /auth/refresh\n" .. LOGIN, sandbox:seen())
      is_blocked(client, 15)
      assert.is_true(client:logout())
      is_blocked(client, 15)
      is_blocked(process(), 15)
    end)

    it("stands in the status, with the time of the next try", function()
      local client = process()
      assert.is_nil(client:status().next_login)
      is_sent(client)
      for _, each in ipairs { client, (process()) } do
        local left = each:status().next_login - clock.wall()
        assert.is_true(left > 14 * MINUTE and left <= 15 * MINUTE + 1, left)
        assert.is_nil(each:status().next_refresh)
      end
      pass(16 * MINUTE)
      assert.is_nil(client:status().next_login)
    end)

    it("does not count when its time is far in the future: a clock was wrong", function()
      local client = process()
      pass(1000 * MINUTE)
      is_sent(client)
      is_blocked(client, 15)
      pass(-1000 * MINUTE)
      is_sent(client)
      is_blocked(client, 60)
      pass(-2 * MINUTE) -- another machine's clock is a little behind
      is_blocked(client, 62)
    end)

    it("is remembered beside others, and forgotten after a day", function()
      local wrong = {}
      for index = 1, 4 do
        wrong[index] = process { password = "wrong" .. index }
        is_sent(wrong[index])
      end
      for index = 1, 4 do
        is_blocked(wrong[index], 15)
      end
      pass(25 * 60 * MINUTE)
      mic.assert(process { password = sandbox.password }:get "/user")
      assert.is_nil(stored():find("mic-record\3", 1, true))
    end)
  end)
end

describe("a refused password", function()
  local sandbox = api.around()

  it("is sent once by cron runs that share a file store", function()
    local folder = scratch.folder()
    local code = ([[
      local mic = require "mic"
      local client = mic.assert(mic.from_env { password = "wrong", retry = false,
        store = mic.store.file { path = %q } })
      print(select(2, client:get "/user").message)
    ]]):format(folder:at "store/c")
    assert.equal("Invalid login\n", sandbox:run(code))
    for _ = 1, 2 do
      assert.is_truthy(sandbox:run(code):find "not tried again for 15 min")
    end
    assert.equal(1, #sandbox:log())
  end)

  it("is remembered in memory when the store cannot be written, or keeps nothing", function()
    for _, save in ipairs {
      function() return nil, "disk full" end,
      function() error "disk full" end,
      function() return true end,
    } do
      local store = records.store {}
      store.save = save
      local client = sandbox:automatic { password = "wrong", store = store }
      client:get "/user"
      sandbox:seen()
      for _ = 1, 3 do
        local _, err = client:get "/user"
        assert.is_truthy(err.message:find "not tried again")
      end
      assert.equal("", sandbox:seen())
    end
  end)

  it("is remembered in memory when the store is down", function()
    local store = records.store {}
    local down = function() return nil, "no route" end
    store.load, store.save, store.lock = down, down, down
    local client = sandbox:automatic { password = "wrong", store = store }
    for _ = 1, 3 do
      assert.is_nil((client:get "/user"))
    end
    assert.equal(LOGIN, sandbox:seen())
  end)

  it("leaves the token alone that another process still uses", function()
    local kept = {}
    local first = sandbox:automatic { password = "wrong", store = records.store(kept) }
    mic.assert(first:login(nil, sandbox.password))
    local second = sandbox:automatic { password = "wrong", store = records.store(kept) }
    sandbox:answer { path = "/auth/refresh", status = 401, body = '{"message":"no"}' }
    assert.is_nil((second:refresh()))
    assert.equal(200, mic.assert(first:get "/user").status)
    assert.equal(200, mic.assert(second:get "/user").status)
    local third = sandbox:client { username = sandbox.username, store = records.store(kept) }
    assert.equal(200, mic.assert(third:get "/user").status)
    local _, bytes = next(kept)
    assert.equal(3, bytes:byte(11))
  end)

  it("of login() that is no option is not remembered", function()
    local client = sandbox:automatic()
    for _ = 1, 2 do
      assert.is_nil((client:login(nil, "typed wrong")))
    end
    assert.equal(200, mic.assert(client:get "/user").status)
    assert.equal(3, sandbox:counters().login)
  end)
end)
