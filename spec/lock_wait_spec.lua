-- Another client holds the lock of the store: what the waiting clients see, and for how long.

local api = require "spec.support.api"
local mic = require "mic"
local tasks = require "spec.support.tasks"

describe("a call that waits for the lock of the store", function()
  local sandbox = api.around()
  local loop, client, inner, store, key, token, other, record

  local function pass(seconds)
    inner:shift_clock(seconds)
    loop.later = loop.later + seconds
    sandbox:mode { clock_offset = math.floor(loop.later) }
  end

  --- Logs in, lets the token expire, and lets another client take the lock; `record` has its new
  --- credentials.
  local function begin(options, seconds)
    loop, store = tasks.new(), mic.store.memory()
    options.store, options.transport, options.username = store, loop.transport, sandbox.username
    client, inner = sandbox:client(options)
    loop:add(function()
      assert(client:login(nil, sandbox.password))
    end)
    loop:run()
    key = sandbox.base_url .. " " .. sandbox.username
    pass(seconds or 3601)
    other = sandbox:core()
    assert(other:login(sandbox.username, sandbox.password))
    record = assert(mic.assert(require("mic.core").record(other:record():bytes())))
    token = assert(store.lock(key, 1000))
    sandbox:seen()
  end

  local result

  local function call(options)
    result = {}
    loop:add(function()
      local response, err = client:get("/user", options)
      result = { response = response, err = err, ended = true }
    end)
  end

  --- Runs for so long, counted from the first step, and some steps more.
  local function run(seconds)
    local ends
    local steps, steps_after = 0, 0
    loop:run(function()
      steps = steps + 1
      ends = ends or steps > 1 and loop.transport.now() + seconds
      steps_after = steps_after + (ends and loop.transport.now() >= ends and 1 or 0)
      return steps_after > 5
    end)
  end

  it("takes what is saved meanwhile without the lock and sends nothing of its own", function()
    begin {}
    call()
    run(0.3)
    assert.is_nil(result.ended)
    store.save(key, record)
    loop:run()
    assert(result.response, tostring(result.err))
    assert.equal("GET /user", sandbox:seen())
    assert.is_false(store.lock(key, 45))
    assert.equal(1, client:status().counters.adoptions)
  end)

  it("does not refresh when another client has logged out", function()
    begin {}
    call()
    run(0.3)
    store.save(key, nil)
    store.unlock(key, token)
    loop:run()
    assert.equal("auth: another client logged out while this call waited", api.line(result.err))
    assert.is_false(client:authenticated())
    call()
    loop:run()
    assert.equal("auth: not logged in; nothing was sent", api.line(result.err))
    assert.equal("", sandbox:seen())
  end)

  it("logs in when they have gone and there is a password", function()
    begin { password = sandbox.password }
    call()
    run(0.3)
    store.save(key, nil)
    store.unlock(key, token)
    loop:run()
    assert(result.response, tostring(result.err))
    assert.equal("POST /auth/login\nGET /user", sandbox:seen())
  end)

  it("takes over a failure that is saved meanwhile", function()
    begin {}
    call()
    run(0.3)
    local wall = loop.transport.wall()
    store.save(key, store.load(key):with_retry_at(wall + 5))
    loop:run()
    assert.equal("auth: the last login or refresh failed in another process",
      api.line(result.err))
    assert.is_truthy(result.err.hint:find "the next attempt is in %d s")
    assert.is_true(result.err.retryable)
    assert.is_true(client:status().next_refresh - wall > 3)
    assert.equal("", sandbox:seen())
  end)

  it("refreshes when it gets the lock and nothing is new", function()
    begin {}
    call()
    run(0.3)
    store.unlock(key, token)
    loop:run()
    assert(result.response, tostring(result.err))
    assert.equal("POST /auth/refresh\nGET /user", sandbox:seen())
    assert.is_truthy(store.lock(key, 45))
  end)

  it("ends at its own deadline, and the flight at its own", function()
    begin {}
    call { deadline = 0.2 }
    run(0.5)
    assert.equal("timeout: the deadline has passed during a login or refresh", api.line(result.err))
    call()
    run(0.1)
    assert.is_nil(result.ended)
    loop.later = loop.later + 50
    loop:run()
    assert.equal("timeout: another client or process holds the lock of the store",
      api.line(result.err))
    assert.equal("", sandbox:seen())
  end)

  it("outlasts the lease of a holder that was killed, and has its whole time then", function()
    begin {}
    call()
    run(0.1)
    loop.later = loop.later + 48
    run(0.1)
    assert.is_nil(result.ended)
    sandbox:answer { path = "/auth/refresh", delay = 2.5 }
    store.unlock(key, token)
    loop:run()
    assert(result.response, tostring(result.err))
    assert.equal("POST /auth/refresh\nGET /user", sandbox:seen())
  end)

  it("does not wait at all while its token is good", function()
    begin({}, 3000)
    call()
    loop:run()
    assert.equal(200, result.response.status)
    assert.equal("GET /user", sandbox:seen())
  end)
end)
