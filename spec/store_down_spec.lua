-- A failing store, and what the client does meanwhile; failures shared through the store. Time is
-- simulated.

local api = require "spec.support.api"
local clock = require "spec.support.clock"
local mic = require "mic"

local HOUR = 3600

describe("a store that fails", function()
  local sandbox = api.around()
  local transport, client, inner, memory, store, broken, key

  before_each(function()
    transport = clock.transport()
    memory, store, broken = mic.store.memory(), {}, {}
    key = sandbox.base_url .. " demo"
    for _, name in ipairs { "load", "save", "lock", "unlock" } do
      store[name] = function(...)
        if broken[name] then
          return nil, "the disk is full"
        end
        return memory[name](...)
      end
    end
  end)

  local function make(options)
    local all = { store = store, transport = transport, username = "demo" }
    for name, value in pairs(options or {}) do
      all[name] = value
    end
    client, inner = sandbox:client(all)
    return client
  end

  local function log_in(options)
    make(options)
    assert(client:login(nil, sandbox.password))
    sandbox:seen()
  end

  local function pass(seconds)
    inner:shift_clock(seconds)
    transport.later = transport.later + seconds
    sandbox:mode { clock_offset = math.floor(transport.later) }
  end

  local function assert_works(came)
    local response, err = client:get "/user"
    assert(response, tostring(err))
    assert.equal(came, sandbox:seen())
  end

  local function saved_token()
    local record = memory.load(key)
    local other = sandbox:core()
    if record then
      other:adopt(record)
    end
    local _, _, token = other:credentials()
    other:close()
    return token
  end

  local present, first = "GET /user", "POST /auth/refresh\nGET /user"

  it("on saving does not stop calls; the next call saves first", function()
    log_in()
    pass(HOUR + 1)
    sandbox:mode { refresh = "rotate" }
    broken.save = true
    assert_works(first)
    assert.is_truthy(client:status().store_error:find "could not save: the disk is full")
    assert.is_true(client:credentials().token ~= saved_token())
    assert_works(present) -- and tries to save again
    broken.save = false
    assert_works(present) -- not yet
    assert.is_true(client:credentials().token ~= saved_token())
    pass(2)
    assert_works(present)
    assert.is_true(client:credentials().token == saved_token())
    assert.is_nil(client:status().store_error)
  end)

  it("on saving leaves what others have saved since then alone, and adopts it", function()
    log_in()
    broken.save = true
    local _, err = client:refresh()
    assert.equal("store", err.kind)
    broken.save = false
    local other = sandbox:client { store = memory, username = "demo" }
    assert(other:login(nil, sandbox.password))
    sandbox:seen()
    assert_works(present)
    assert.is_true(client:credentials().token == other:credentials().token)
    assert.is_true(client:credentials().token == saved_token())
    other:close()
  end)

  it("does not bring back what it should have replaced", function()
    log_in()
    broken.save = true
    assert.equal("store", select(2, client:refresh()).kind)
    local token = client:credentials().token
    sandbox:seen()
    pass(HOUR - 30)
    sandbox:answer { path = "/auth/refresh", status = 500, body = "{}" }
    assert_works(first)
    assert.is_true(client:authenticated())
    assert.is_true(token == client:credentials().token)
  end)

  it("at a logout is told, and cleared at the next chance; no client is logged in again", function()
    log_in()
    broken.save = true
    local ok, err = client:logout()
    assert.is_nil(ok)
    assert.equal("store", err.kind)
    assert.is_false(client:authenticated())
    assert.equal("auth", select(2, client:get "/user").kind)
    assert.is_false(client:authenticated())
    broken.save = false
    pass(5)
    assert.equal("auth", select(2, client:get "/user").kind)
    assert.is_nil(saved_token())
    assert.equal("", sandbox:seen())
  end)

  for _, name in ipairs { "lock", "load" } do
    it("on " .. name .. " leaves a token in use while it is good", function()
      log_in()
      broken[name] = true
      pass(HOUR - 600)
      for _ = 1, 3 do
        assert_works(present)
      end
      pass(570)
      assert_works(present)
    end)

    it("on " .. name .. " never refreshes; past the expiry a call fails with its error", function()
      log_in()
      broken[name] = true
      pass(HOUR + 1)
      local _, err = client:get "/user"
      assert.same({ "store", ("the store could not %s: the disk is full"):format(name) },
        { err.kind, err.message })
      assert.equal("store", select(2, client:refresh()).kind)
      assert.equal("", sandbox:seen())
      broken[name] = false
      assert_works(first)
    end)

    it("on " .. name .. " past the expiry: a client with a password logs in for itself", function()
      log_in { password = sandbox.password }
      broken[name] = true
      pass(HOUR + 1)
      assert_works("POST /auth/login\nGET /user")
      assert_works(present)
      broken[name] = false
      pass(60)
      assert_works(present)
    end)
  end

  it("on the lock tells it to an explicit login, although memory has changed", function()
    make()
    broken.lock = true
    local session, err = client:login(nil, sandbox.password)
    assert.is_nil(session)
    assert.equal("store", err.kind)
    assert.is_true(client:authenticated())
    broken.lock = false
    sandbox:seen()
    assert_works(present)
    assert.is_true(client:credentials().token == saved_token())
  end)

  --- What a store may return for a record that is damaged, and what is said of it.
  local damages = {
    ["no record's bytes"] = { "no bytes of ours", "the saved credentials are damaged" },
    ["no record"] = { 5, "it did not return a record" },
  }

  for what, damage in pairs(damages) do
    it("by " .. what .. " is told once, and in the status until something is saved", function()
      local events = {}
      memory.save(key, damage[1])
      make { on_event = function(event)
        if event.type == "store" then
          events[#events + 1] = event
        end
      end }
      local problem = "store: the store could not load: " .. damage[2]
      for _ = 1, 3 do
        assert.equal("auth", select(2, client:get "/user").kind)
        assert.equal(problem, client:status().store_error)
      end
      assert.equal(1, #events)
      assert.equal("the saved record is damaged", events[1].reason)
      assert.equal(problem, tostring(events[1].err))
      assert(client:login(nil, sandbox.password))
      assert.is_nil(client:status().store_error)

      memory.save(key, damage[1])
      assert.is_true(client:refresh())
      assert.equal(2, #events)
      assert.is_nil(client:status().store_error)

      memory.save(key, damage[1])
      pass(HOUR + 1)
      assert.is_false(client:authenticated())
      assert.equal(3, #events)
      assert.equal(problem, client:status().store_error)
      local other, other_inner = sandbox:client { store = memory, username = "demo",
        transport = transport }
      other_inner:shift_clock(transport.later)
      assert(other:login(nil, sandbox.password))
      other:close()
      assert.is_true(client:authenticated())
      assert.is_nil(client:status().store_error)
    end)
  end

  it("by what it returns or raises never breaks a call", function()
    local wrong = {
      load = { 5, {}, true, "no bytes of ours" }, save = { false }, unlock = { false },
    }
    for name, values in pairs(wrong) do
      for _, value in ipairs(values) do
        store[name] = function()
          return value
        end
        make { password = sandbox.password }
        assert.equal(200, client:get("/user").status)
        client:close()
      end
      store[name] = function()
        error { "no text" }
      end
      make { password = sandbox.password }
      assert.equal(200, client:get("/user").status)
      client:close()
      store[name] = memory[name]
    end
    make()
  end)
end)

describe("a failure that goes through the store", function()
  local sandbox = api.around()
  local transport, store, clients

  --- A store object of its own over the same records, as in another process.
  local function same_records()
    return { load = store.load, save = store.save, lock = store.lock, unlock = store.unlock }
  end

  local inners = {}

  before_each(function()
    transport, store, clients = clock.transport(), mic.store.memory(), {}
    for index = 1, 3 do
      clients[index], inners[index] = sandbox:client {
        store = same_records(), transport = transport, username = "demo",
      }
    end
    assert(clients[1]:login(nil, sandbox.password))
    for index = 2, 3 do
      assert(clients[index]:get "/user")
    end
    sandbox:seen()
  end)

  local function pass(seconds)
    for _, inner in ipairs(inners) do
      inner:shift_clock(seconds)
    end
    transport.later = transport.later + seconds
    sandbox:mode { clock_offset = math.floor(transport.later) }
  end

  it("is one call per pause, not one per client, and its end is found by itself", function()
    local events = {}
    clients[4], inners[4] = sandbox:client {
      store = same_records(), transport = transport, username = "demo",
      on_event = function(event)
        events[#events + 1] = event.type
      end,
    }
    pass(HOUR + 1)
    sandbox:answer { path = "/auth/refresh", status = 504, body = "{}", times = 4 }
    for round = 1, 4 do
      for _, client in ipairs(clients) do
        for _ = 1, 2 do
          local _, err = client:get "/user"
          assert.is_true(err.retryable)
          assert.is_truthy(tostring(err):find "the next attempt is in %d s" or err.status == 504)
        end
      end
      assert.equal("POST /auth/refresh", sandbox:seen())
      local status = clients[3]:status()
      local wait = status.next_refresh - transport.wall()
      assert.is_true(wait > -1 and wait <= 2 ^ (round - 1), wait)
      assert.is_false(status.logged_in)
      pass(2 ^ (round - 1))
    end
    for _, client in ipairs(clients) do
      assert(client:get "/user")
    end
    assert.equal("POST /auth/refresh\nGET /user\nGET /user\nGET /user\nGET /user", sandbox:seen())
    assert.is_nil(clients[1]:status().last_error)
    assert.is_truthy(table.concat(events, " "):find "store")
  end)

  it("counts once, whichever client sends and whichever only waits", function()
    pass(HOUR + 1)
    sandbox:answer { path = "/auth/refresh", status = 504, body = "{}", times = 6 }
    for round = 1, 6 do
      for index = round, round + 2 do
        assert.is_nil((clients[index % 3 + 1]:get "/user"))
      end
      assert.equal("POST /auth/refresh", sandbox:seen())
      local _, failures = store.load(sandbox.base_url .. " demo"):retry_at()
      assert.equal(round, failures)
      pass(2 ^ (round - 1))
    end
  end)

  it("pauses early refreshes everywhere, while the token is good", function()
    pass(HOUR - 400)
    sandbox:answer { path = "/auth/refresh", status = 500, body = "{}" }
    for _, client in ipairs(clients) do
      for _ = 1, 2 do
        assert(client:get "/user")
      end
    end
    local gets = ("\nGET /user"):rep(5)
    assert.equal("GET /user\nPOST /auth/refresh" .. gets, sandbox:seen())
    pass(61)
    sandbox:answer { path = "/auth/refresh", status = 500, body = "{}" }
    assert(clients[3]:get "/user")
    assert.equal("GET /user\nPOST /auth/refresh", sandbox:seen())
    local record = store.load(sandbox.base_url .. " demo")
    local _, failures = record:retry_at()
    assert.equal(1, failures) -- not counted beside a good token: an older version can read it
    pass(61)
    assert(clients[2]:get "/user")
    assert.equal("GET /user\nPOST /auth/refresh", sandbox:seen())
  end)

  it("does not count when the clock that it was written by is wrong", function()
    for _, wrong in ipairs { HOUR, -HOUR, 10 * 365 * 86400, -10 * 365 * 86400 } do
      local key = sandbox.base_url .. " demo"
      pass(HOUR + 1)
      store.save(key, store.load(key):with_retry_at(transport.wall() + wrong))
      assert(clients[2]:get "/user")
      assert.equal("POST /auth/refresh\nGET /user", sandbox:seen())
    end
  end)

  it("is over for all when one asks explicitly and gets an answer", function()
    pass(HOUR + 1)
    sandbox:answer { path = "/auth/refresh", status = 500, body = "{}" }
    for _, client in ipairs(clients) do
      assert.is_nil((client:get "/user"))
    end
    assert.is_true(clients[2]:refresh())
    for _, client in ipairs(clients) do
      assert(client:get "/user")
    end
    assert.is_true(clients[3]:authenticated())
  end)

  it("is one new login after a refresh whose answer was lost, or one clear error", function()
    sandbox:mode { refresh = "rotate" }
    pass(HOUR + 1)
    -- The refresh arrives and its answer does not.
    local thief = sandbox:core()
    thief:adopt(store.load(sandbox.base_url .. " demo"))
    assert(thief:refresh())
    thief:close()
    sandbox:seen()
    local _, err = clients[1]:get "/user"
    assert.same({ "auth", 401 }, { err.kind, err.status })
    _, err = clients[1]:get "/user"
    assert.equal("auth: not logged in; nothing was sent", api.line(err))
    assert.equal("POST /auth/refresh", sandbox:seen())
    assert.is_nil(store.load(sandbox.base_url .. " demo"))

    local able, inner = sandbox:client {
      store = same_records(), transport = transport, username = "demo", password = sandbox.password,
    }
    inner:shift_clock(transport.later)
    clients[4], inners[4] = able, inner
    for _ = 1, 3 do
      assert(able:get "/user")
    end
    assert(clients[2]:get "/user")
    assert.equal("POST /auth/login\nGET /user\nGET /user\nGET /user\nGET /user", sandbox:seen())
  end)
end)
