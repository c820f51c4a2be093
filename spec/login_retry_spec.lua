-- A login or refresh that a call waits for is retried like a GET; one ahead of expiry is not. A
-- pause begins only after the last attempt.

local api = require "spec.support.api"
local clock = require "spec.support.clock"
local faults = require "spec.support.faults"
local mic = require "mic"
local records = require "spec.support.records"
local tasks = require "spec.support.tasks"

local FAST = { base = 0.001, cap = 0.001 }
local REFUSED = { 400, 401, 403, 404, 409 }

describe("a login or refresh that a call waits for", function()
  local sandbox = api.around()
  local client, inner, events

  local function make(options, kind)
    options = options or {}
    if options.retry == nil then
      options.retry = FAST
    end
    events = {}
    function options.on_event(event)
      events[#events + 1] = event
    end
    client, inner = sandbox[kind or "automatic"](sandbox, options)
    sandbox:seen()
  end

  --- Scripts answers to a path: statuses, and "cut" for none.
  local function script(path, ...)
    for _, answer in ipairs { ... } do
      if answer == "cut" then
        sandbox:answer { path = path, cut = 0 }
      else
        sandbox:answer { path = path, status = answer, body = '{"message":"scripted"}' }
      end
    end
  end

  local function times(word, count)
    return (word .. "\n"):rep(count)
  end

  local LOGIN, REFRESH, GET = "POST /auth/login", "POST /auth/refresh", "GET /user"

  for _, answer in ipairs { 429, 500, 502, 503, 504, "cut" } do
    it("is sent again after " .. answer .. ", and no pause begins", function()
      make()
      script("/auth/login", answer, answer)
      assert.equal(1, mic.assert(client:get "/user").attempts)
      assert.equal(times(LOGIN, 3) .. GET, sandbox:seen())
      sandbox:expire()
      script("/auth/refresh", answer)
      assert.equal(2, mic.assert(client:get "/user").attempts)
      assert.equal(GET .. "\n" .. times(REFRESH, 2) .. GET, sandbox:seen())
      for _, event in ipairs(events) do
        assert.is_true(event.type ~= "pause")
      end
      local counters = client:status().counters
      assert.same({ 1, 1, 3 }, { counters.logins, counters.refreshes, counters.retries })
    end)
  end

  it("is sent once for an answer that no other try can change", function()
    for _, status in ipairs(REFUSED) do
      make()
      script("/auth/login", status)
      assert.is_nil((client:get "/user"))
      assert.equal(LOGIN, sandbox:seen())
      client:close()
    end
  end)

  it("fails with the last answer, and then begins the pause", function()
    make { transport = clock.transport() }
    script("/auth/login", 500, "cut", 503, 200)
    local _, err = client:get "/user"
    assert.same({ "http", 503, 0, 3 },
      { err.kind, err.status, err.attempts, err.response.attempts })
    assert.equal(times(LOGIN, 2) .. LOGIN, sandbox:seen())
    _, err = client:get "/user"
    assert.equal("the next attempt is in 1 s", err.hint)
    assert.equal("", sandbox:seen())
  end)

  it("is not tried by another process of the store in that pause, at its first start", function()
    local kept, transport = {}, clock.transport()
    local function process()
      return sandbox:automatic { retry = FAST, store = records.store(kept), transport = transport }
    end
    sandbox:answer { path = "/auth/login", status = 503, body = "{}", times = 3,
      headers = { ["Retry-After"] = "0" } }
    local first, second = process(), process()
    assert.is_nil((first:get "/user"))
    local _, err = second:get "/user"
    assert.equal("auth: the last login or refresh failed in another process", api.line(err))
    assert.is_truthy(err.retryable and err.hint:find "the next attempt is in 1 s")
    assert.equal(3, sandbox:counters().login)
    transport.later = transport.later + 1.05
    mic.assert(second:get "/user")
    assert.equal(200, mic.assert(first:get "/user").status)
    assert.equal(4, sandbox:counters().login)
  end)

  it("emits an event for each attempt with its number, and for the retries between", function()
    make()
    script("/auth/login", 503, "cut")
    mic.assert(client:get "/user")
    local lines = {}
    for index = 1, 9 do
      local event = events[index]
      lines[index] = ("%s %s %s %s"):format(event.type, tostring(event.path),
        tostring(event.attempt), tostring(event.reason or event.status))
      assert.is_true(event.type ~= "retry" or event.method == "POST" and event.delay <= 0.001)
    end
    assert.same({
      "request /auth/login 1 nil", "response /auth/login 1 503", "retry /auth/login 2 503",
      "request /auth/login 2 nil", "response /auth/login 2 nil", "retry /auth/login 3 network",
      "request /auth/login 3 nil", "response /auth/login 3 200", "login nil nil nil",
    }, lines)
  end)

  it("has as many attempts as the call's option says, else the client's", function()
    local twice, four = { attempts = 2, base = 0.001, cap = 0.001 }, { attempts = 4 }
    for _, case in ipairs {
      { false, nil, 1 }, { FAST, false, 1 }, { FAST, nil, 3 }, { false, twice, 2 },
      { twice, nil, 2 }, { twice, four, 4 },
    } do
      make { retry = case[1] }
      script("/auth/login", 503, 503, 503, 503, 503)
      assert.is_nil((client:get("/user", { retry = case[2] })))
      assert.equal(case[3], #sandbox:log())
      sandbox:reset()
      client:close()
    end
  end)

  it("is sent again for a call by the shortest way, and for auth_headers", function()
    for _, method in ipairs { "get", "auth_headers" } do
      client = sandbox:automatic { retry = FAST } -- the port is closed
      script("/auth/login", 503, 429)
      mic.assert(client[method](client, method == "get" and "/user" or nil))
      assert.equal(3, sandbox:counters().login)
      sandbox:reset()
      client:close()
    end
  end)

  it("waits as long as Retry-After says, at most a minute and until the deadline", function()
    for _, case in ipairs {
      { "0", {}, 2, 0 }, { "1", {}, 2, 1 }, { "61", {}, 1 }, { "2", { deadline = 1.5 }, 1 },
    } do
      make()
      sandbox:answer { path = "/auth/login", status = 429, body = "{}",
        headers = { ["Retry-After"] = case[1] } }
      local response, err = client:get("/user", case[2])
      local delay
      for _, event in ipairs(events) do
        delay = event.type == "retry" and event.delay or delay
      end
      assert.same({ case[3], case[4], case[3] == 2 },
        { #sandbox:log() - (response and 1 or 0), delay, response ~= nil })
      assert.is_true(response ~= nil or (err.status == 429 and err.retryable))
      sandbox:reset()
      client:close()
    end
  end)

  it("draws on the client's budget", function()
    make { retry = { attempts = 100, base = 0.001, cap = 0.001 } }
    sandbox:answer { path = "/auth/login", status = 500, body = "{}", times = 13 }
    local _, err = client:login()
    assert.equal(11, err.attempts)
    _, err = client:login()
    assert.equal(1, err.attempts)
  end)

  it("ends at the deadline of the call", function()
    local server = faults.start "read\nhold"
    client = mic.new { base_url = server.url, api_key = "k", username = "u", password = "p",
      timeout = 0.2, retry = { attempts = 50, base = 0.001, cap = 0.001 } }
    local started = clock.now()
    local _, err = client:get("/user", { deadline = 0.5 })
    assert.equal("timeout", err.kind)
    assert.is_true(clock.now() - started < 1.5)
    client:close()
    server.stop()
  end)

  it("is also what a person asks for: login and refresh, with the client's option", function()
    make({ retry = FAST }, "client")
    script("/auth/login", 503, "cut")
    mic.assert(client:login(sandbox.username, sandbox.password))
    script("/auth/refresh", 502, 503)
    assert.is_true(client:refresh())
    assert.equal(times(LOGIN, 3) .. times(REFRESH, 2) .. REFRESH, sandbox:seen())
    script("/auth/refresh", 500, 500, 500)
    local _, err = client:refresh()
    assert.same({ 500, 3, "POST", "/auth/refresh" },
      { err.status, err.attempts, err.method, err.path })
  end)

  it("is sent once when it runs ahead", function()
    make()
    mic.assert(client:get "/user")
    sandbox:seen()
    inner:shift_clock(3000)
    script("/auth/refresh", 503)
    mic.assert(client:get "/user")
    assert.equal(GET .. "\n" .. REFRESH, sandbox:seen())
  end)
end)

describe("coroutines that wait for one login", function()
  local sandbox = api.around()
  local loop, client

  before_each(function()
    loop = tasks.new()
    client = sandbox:automatic { transport = loop.transport, retry = FAST }
  end)

  local function call(results, options)
    loop:add(function()
      local response, err = client:get("/user", options)
      results[#results + 1] = response and response.status or err.status or err.kind
    end)
  end

  it("have it sent as often as the most patient of them wants", function()
    local results = {}
    sandbox:answer { path = "/auth/login", status = 503, body = "{}", times = 3, delay = 0.05 }
    call(results, { retry = false })
    call(results, { retry = { attempts = 4 } })
    call(results, { retry = { attempts = 2 } })
    loop:run()
    assert.same({ 200, 200, 200 }, results)
    assert.equal(4, sandbox:counters().login)
  end)

  it("share the failure of all tries", function()
    local results = {}
    sandbox:answer { path = "/auth/login", status = 503, body = "{}", times = 9 }
    for _ = 1, 20 do
      call(results)
    end
    loop:run()
    assert.equal(20, #results)
    for _, result in ipairs(results) do
      assert.equal(503, result)
    end
    assert.equal(3, sandbox:counters().login)
  end)

  it("have one that ran ahead sent again once they need it", function()
    local inner
    client, inner = sandbox:automatic { transport = loop.transport, retry = FAST }
    local results = {}
    call(results)
    loop:run()
    inner:shift_clock(3000)
    sandbox:answer { path = "/auth/refresh", status = 503, body = "{}", delay = 0.2 }
    call(results)
    loop:run(function()
      return #results == 2
    end)
    inner:shift_clock(601)
    call(results)
    loop:run()
    assert.same({ 200, 200, 200 }, results)
    assert.equal(2, sandbox:counters().refresh)
  end)

  it("send nothing again after a logout in between", function()
    local results, slow = {}, { base = 0.5, cap = 0.5 }
    client = sandbox:automatic { transport = loop.transport, retry = slow }
    loop.transport.random = function()
      return 0.5
    end
    call(results)
    loop:run()
    sandbox:expire()
    sandbox:seen()
    sandbox:answer { path = "/auth/refresh", status = 503, body = "{}" }
    call(results)
    loop:run(function()
      return sandbox:counters().refresh == 1
    end)
    loop:add(function()
      clock.sleep(0.05)
      client:logout()
    end)
    loop:run()
    assert.equal(1, sandbox:counters().refresh)
    assert.equal(2, #results)
  end)
end)
