-- Exchanges of mic.core: started without waiting, driven, collected, cancelled, dropped.

local api = require "spec.support.api"
local core_calls = require "spec.support.core_calls"

local FOREVER = 30 -- seconds; no test waits that long

describe("an exchange of mic.core", function()
  local sandbox = api.around()
  local client

  before_each(function()
    client = sandbox:core()
    assert(client:login(sandbox.username, sandbox.password))
    sandbox:seen()
  end)

  local function start(path)
    return core_calls.start(client, { method = "GET", path = path, resend = true })
  end

  local function finish(exchange)
    while exchange:run(FOREVER) ~= "done" do -- luacheck: ignore 542
    end
    return core_calls.result(exchange)
  end

  --- The exchange works, and so does the client afterwards.
  local function assert_usable()
    local reply, kind = core_calls.request(client, { method = "GET", path = "/users/anna" })
    assert.is_truthy(reply, kind)
    assert.equal(200, reply.status)
  end

  it("has the result of the blocking call: reply and hint", function()
    local reply, hint = finish(start "/users/anna")
    assert.equal(200, reply.status)
    assert.is_nil(hint)
    client:schedule(1e6, 0)
    assert.equal("advisory", (select(2, finish(start "/users/anna"))))
  end)

  it("has headers in its reply, and so has the waiting call's: parsed at first look", function()
    local function request()
      return core_calls.request(client, { method = "GET", path = "/users/anna" })
    end
    for _, reply in ipairs { finish(start "/users/anna"), request(), assert(client:refresh()) } do
      assert.equal("application/json", reply.headers["content-type"])
      assert.equal(reply.headers, reply.headers)
    end
  end)

  it("returns wait until the answer is complete, and gives its result once", function()
    sandbox:answer { path = "/user", delay = 1 }
    local exchange = start "/user"
    assert.equal("wait", exchange:run(0))
    assert.is_false(exchange:result())
    assert.equal(200, finish(exchange).status)
    assert.equal("done", exchange:run(0))
    assert.has_error(function()
      core_calls.result(exchange)
    end, "the exchange's result was taken before")
  end)

  it("brings a login's record, and adopts nothing", function()
    local other = sandbox:core()
    local exchange = other:start("login", sandbox.username, sandbox.password, 10)
    local reply, record = finish(exchange)
    assert.equal(200, reply.status)
    assert.equal("mic.record", tostring(record))
    assert.equal("none", (other:freshness()))
    assert.equal(1, other:adopt(record, 0))
    local again, refreshed = finish(other:start("refresh", 10))
    assert.equal(200, again.status)
    assert.is_false(other:holds(refreshed))
    local refused, none = finish(other:start("login", "demo", "not it"))
    assert.same({ 401, "refused", nil }, { refused.status, refused.means, none })
    other:close()
  end)

  it("that could not begin has ended, with the reason as its result", function()
    local empty = sandbox:core()
    local exchange = core_calls.start(empty, { method = "GET", path = "/user" })
    assert.equal("done", exchange:run(0))
    assert.same({ nil, "missing", nil, "not logged in" }, { core_calls.result(exchange) })
    assert.equal("missing", (select(2, finish(empty:start "refresh"))))
    empty:close()
    assert.equal("", sandbox:seen())
  end)

  it("runs beside others; collect shows each that ended, once", function()
    local names, exchanges = { "anna", "demo", "user01", "user02", "user03", "nobody" }, {}
    sandbox:answer { path = "/users/demo", delay = 1.5 }
    for _, name in ipairs(names) do
      exchanges[start("/users/" .. name)] = name
    end
    local shown, rounds = {}, 0
    while #shown < #names do
      rounds = rounds + 1
      assert(rounds < 100)
      for _, exchange in ipairs(client:collect(FOREVER)) do
        assert.is_truthy(exchanges[exchange])
        local reply = core_calls.result(exchange)
        assert.equal(exchanges[exchange] == "nobody" and 404 or 200, reply.status)
        assert.is_truthy(reply.url:find("/users/" .. exchanges[exchange], 1, true))
        shown[#shown + 1] = exchanges[exchange]
        exchanges[exchange] = nil
      end
    end
    assert.equal("demo", shown[#shown])
    assert.same({}, client:collect(0))
    assert.equal(1, sandbox:counters().connections) -- the one of the login
  end)

  it("is collected at once when it had ended before", function()
    local exchange = start "/user"
    assert.equal("done", exchange:run(FOREVER))
    local ended = client:collect(FOREVER)
    assert.equal(1, #ended)
    assert.equal(exchange, ended[1])
    assert.same({}, client:collect(FOREVER)) -- nothing runs: no reason to wait
    assert.equal(200, core_calls.result(exchange).status)
  end)

  it("of a plain call is used again once its result was taken", function()
    local other = sandbox:core()
    local function begin(path, idle, suspends)
      return client:start("call", "GET", path, FOREVER, true, nil, nil, idle, suspends)
    end
    local first = begin "/users/anna"
    local function assert_refuses(problem, task, ...)
      local ok, message = pcall(task, ...)
      assert.is_false(ok)
      assert.is_truthy(message:find(problem, 1, true), message)
    end
    assert_refuses("in use", begin, "/user", first)
    assert.is_false(first:result())
    for _, path in ipairs { "/a b", "/{a}", "", 7 } do -- to be filled, or misuse
      assert.same({ false }, { begin(path) })
      assert.same({ false }, { client:call("GET", path, FOREVER, true) })
    end
    assert.is_false(begin("/user", nil, true)) -- no engine goes on with it
    assert.same({ first }, client:collect(FOREVER))
    local status, body = first:result()
    assert.equal(200, status)
    assert.is_truthy(body:find("anna", 1, true))
    assert_refuses("was taken before", first.result, first)
    assert_refuses("in use", other.start, other, "call", "GET", "/user", FOREVER, true, nil, nil,
      first)
    assert.equal(first, (begin("/users/demo", first)))
    assert.same({ first }, client:collect(FOREVER))
    assert.is_truthy(select(2, first:result()):find("demo", 1, true))
    local login = client:start("login", "demo", "not it")
    finish(login)
    assert_refuses("in use", begin, "/user", login)
    other:close()
  end)

  it("of a plain call that could not begin, or was cancelled, says so", function()
    local exchange, running = client:start("call", "GET", "/user", FOREVER, true)
    assert.is_true(running)
    exchange:cancel()
    assert.same({ exchange }, client:collect(0))
    assert.equal("cancelled", (select(2, exchange:result())))
    client:forget()
    assert.same({ exchange, false },
      { client:start("call", "GET", "/user", FOREVER, true, nil, nil, exchange) })
    assert.same({ exchange }, client:collect(0))
    assert.equal("missing", (select(2, exchange:result())))
    assert.same({}, client:collect(0))
  end)

  it("of a plain call that is never collected leaks nothing, however often it is used", function()
    client:forget()
    local exchange
    local function use(times)
      for _ = 1, times do
        exchange = client:start("call", "GET", "/user", FOREVER, true, nil, nil, exchange)
        exchange:result()
      end
      collectgarbage()
      collectgarbage()
      return collectgarbage "count"
    end
    local before = use(100)
    assert.is_true(use(5000) - before < 10)
    assert.same({}, client:collect(0))
  end)

  it("that became garbage is not collected", function()
    sandbox:answer { path = "/user", delay = 0.1 }
    start "/user"
    local kept = start "/user"
    collectgarbage()
    collectgarbage()
    assert.same({ kept }, client:collect(FOREVER))
    assert.equal(200, core_calls.result(kept).status)
  end)

  it("that is cancelled ends so, and leaves the client usable", function()
    sandbox:answer { path = "/user", delay = 20 }
    local exchange = start "/user"
    exchange:run(0.05)
    exchange:cancel()
    exchange:cancel()
    assert.equal("done", exchange:run(0))
    assert.same({ nil, "cancelled", nil, "the call was cancelled" }, { exchange:result() })
    exchange:cancel()
    assert_usable()

    exchange = start "/users/anna"
    assert.equal("done", exchange:run(FOREVER))
    exchange:cancel() -- too late: it has ended
    assert.equal(200, core_calls.result(exchange).status)
  end)

  it("does not end because of another one's end", function()
    sandbox:answer { path = "/user", delay = 1 }
    local slow, fast = start "/user", start "/users/anna"
    assert.equal("done", fast:run(FOREVER))
    assert.equal("wait", slow:run(0))
    fast:cancel()
    assert.equal(200, finish(slow).status)
    assert.equal(200, core_calls.result(fast).status)
  end)

  it("has its own time limit", function()
    sandbox:answer { path = "/user", delay = 20 }
    local exchange =
      core_calls.start(client, { method = "GET", path = "/user", timeout = 0.1 })
    local reply, kind, code = finish(exchange)
    assert.same({ nil, "timeout", "CURLE_OPERATION_TIMEDOUT" }, { reply, kind, code })
    assert_usable()
    sandbox:answer { path = "/auth/refresh", delay = 20 }
    assert.equal("timeout", (select(2, finish(client:start("refresh", 0.1)))))
    assert_usable()
  end)

  it("ends with closed when the client is closed", function()
    sandbox:answer { path = "/user", delay = 20 }
    sandbox:answer { path = "/auth/login", delay = 20 }
    local running, login = start "/user", client:start("login", "demo", "x")
    running:run(0.05)
    client:close()
    client:close()
    for _, exchange in ipairs { running, login } do
      assert.equal("done", exchange:run(0))
      assert.same({ nil, "closed", nil, "the client was closed" }, { core_calls.result(exchange) })
    end
    assert.equal("closed", (select(2, client:call("GET", "/user", nil, true))))
    assert.equal("closed", (select(2, client:login("a", "b"))))
    assert.equal("closed", (select(2, finish(client:start "refresh"))))
    assert.same({ "none", 0 }, { client:freshness() })
    assert.same({ false }, { client:credentials() })
  end)

  it("runs on with the body that it was given, whatever becomes of the table", function()
    local body = { '{"userName":"made","roleName":"Read",', '"domainName":"root"}' }
    local spec = { method = "POST", path = "/users", body = table.concat(body),
      headers = { ["Content-Type"] = "application/json" } }
    local exchange = core_calls.start(client, spec)
    spec.body, spec.headers, spec.path = nil, nil, nil
    spec = nil -- luacheck: ignore 311
    for _ = 1, 5 do
      collectgarbage()
    end
    assert.equal(200, finish(exchange).status)
    assert.equal(table.concat(body), sandbox:log()[1].body)
  end)
end)
