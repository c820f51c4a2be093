-- mic.core without the Lua layer: login, request, credentials.

local api = require "spec.support.api"
local core = require "mic.core"
local core_calls = require "spec.support.core_calls"

describe("mic.core", function()
  local sandbox = api.around()
  local client

  before_each(function()
    client = sandbox:core()
  end)

  local function log_in()
    return assert(client:login(sandbox.username, sandbox.password))
  end

  local function get(path, more)
    local spec = { method = "GET", path = path, resend = true }
    for name, value in pairs(more or {}) do
      spec[name] = value
    end
    return core_calls.request(client, spec)
  end

  it("runs the seed's program: login, a call with three headers, refresh, the call", function()
    local reply = log_in()
    assert.equal(200, reply.status)
    assert.is_true(reply.absorbed)

    local user, hint = get "/users/demo"
    assert.equal(200, user.status)
    assert.is_nil(hint)
    assert.is_truthy(user.body:find('"userName":"demo"', 1, true))
    assert.is_true(user.authenticated)
    assert.equal(1, (select(2, client:freshness())))
    assert.is_false(user.new_connection)

    assert.equal(200, assert(client:refresh()).status)
    assert.equal(200, get("/users/demo").status)
    assert.equal(2, (select(2, client:freshness())))

    local log = sandbox:log()
    assert.equal(4, #log)
    local login, call, refresh, again = log[1], log[2], log[3], log[4]
    assert.same({ "POST", "/prod/auth/login", false, false, true },
      { login.method, login.path, login.authorization, login.identityId, login["x-api-key"] })
    assert.same({ "GET", "/prod/users/demo", true, true, true, 1 },
      { call.method, call.path, call.authorization, call.identityId, call["x-api-key"],
        call.token_number })
    assert.same({ "POST", "/prod/auth/refresh", false, false, true },
      { refresh.method, refresh.path, refresh.authorization, refresh.identityId,
        refresh["x-api-key"] })
    assert.equal(2, again.token_number)
  end)

  it("sends nothing without credentials, and says so", function()
    local reply, kind, code, message = get "/users/demo"
    assert.same({ nil, "missing", nil, "not logged in" }, { reply, kind, code, message })
    reply, kind = client:refresh()
    assert.same({ nil, "missing" }, { reply, kind })
    assert.same({ nil, "missing" }, { client:headers(), (select(2, client:headers())) })
    assert.is_false(client:ready("GET", "/users", {}))
    assert.is_true(client:ready("GET", "/metadata/manifest", {}))
    assert.equal("", sandbox:seen())
    assert.equal(0, sandbox:counters().handshakes)
  end)

  it("returns any HTTP answer as a reply, with a hint about the credentials", function()
    log_in()
    local reply = get "/users/nobody"
    assert.same({ 404, nil }, { reply.status, reply.means })
    sandbox:expire()
    reply = get "/users/demo"
    assert.same({ 401, "expired", 1 }, { reply.status, reply.means, reply.generation })
    reply = assert(client:login("demo", "not the password"))
    assert.same({ 401, "refused", false }, { reply.status, reply.means, reply.absorbed })
    assert.equal("fresh", (client:freshness()))
  end)

  it("masks the reply of login and refresh, and keeps the new secrets", function()
    for _, what in ipairs { "login", "refresh" } do
      local reply = what == "login" and log_in() or assert(client:refresh())
      local found, identity, token, refresh_token, expires = client:credentials()
      assert.is_true(found)
      assert.is_truthy(identity:find "^eu%-west%-1:")
      assert.is_true(#token > 500 and #refresh_token > 500)
      assert.is_true(math.abs(expires - core.wall() - 3600) < 5)
      assert.is_truthy(reply.body:find('"token":"***', 1, true))
      for _, secret in ipairs { token, refresh_token, sandbox.password, sandbox.api_key } do
        assert.is_nil(reply.body:find(secret, 1, true))
        assert.is_nil(reply.head:find(secret, 1, true))
      end
    end
  end)

  it("returns the three headers for another HTTP library", function()
    log_in()
    local _, identity, token = client:credentials()
    assert.same(
      { Authorization = token, identityId = identity, ["x-api-key"] = sandbox.api_key },
      client:headers())
    assert.same(
      { identity = identity, token = token, refresh_token = (select(4, client:credentials())),
        expires_at = (select(5, client:credentials())) },
      client:credential_data())
  end)

  it("walks from fresh to expired by the schedule, and refuses what may not be sent", function()
    assert.same({ "none", 0 }, { client:freshness() })
    assert.is_false(client:is_fresh(0))
    log_in()
    client:schedule(600, 60)
    assert.is_true(client:is_fresh(1))
    assert.is_false(client:is_fresh(0))
    assert.is_false(client:is_fresh(2))
    local state, generation, left, lifetime = client:freshness()
    assert.same({ "fresh", 1, 3600 }, { state, generation, lifetime })
    assert.is_true(left > 3590 and left <= 3600)

    client:shift_clock(3100)
    assert.equal("advisory", (client:freshness()))
    assert.is_false(client:is_fresh(1))
    assert.equal("advisory", (select(2, get "/user")))
    assert.equal(200, get("/user").status)
    sandbox:seen()

    client:shift_clock(450)
    assert.equal("mandatory", (client:freshness()))
    assert.same({ nil, "stale", nil, "the token is about to expire" }, { get "/user" })
    assert.equal("", sandbox:seen())
    assert.equal(200, get("/user", { allow_stale = true }).status)
    assert.equal("GET /user", sandbox:seen())

    client:shift_clock(60)
    assert.equal("expired", (client:freshness()))
    assert.same({ nil, "stale", nil, "the token has expired" },
      { get("/user", { allow_stale = true }) })
    assert.equal("stale", (select(2, client:headers())))
    assert.equal("", sandbox:seen())
    assert.equal(200, get("/metadata/manifest").status)
  end)

  it("knows when a token was refused, and forgets that with the next one", function()
    log_in()
    client:mark_stale(0)
    assert.equal("fresh", (client:freshness()))
    client:mark_stale(1)
    assert.equal("stale", (client:freshness()))
    assert.same({ nil, "stale", nil, "the API refused the token" },
      { get("/user", { allow_stale = true }) })
    assert(client:refresh())
    local state, generation = client:freshness()
    assert.same({ "fresh", 2 }, { state, generation })
    client:mark_stale(1)
    assert.equal("fresh", (client:freshness()))
  end)

  it("swaps credentials only for the generation that the caller knows", function()
    log_in()
    local first = client:record()
    assert(client:refresh())
    local second = client:record()
    assert.is_false(client:holds(first))
    assert.is_true(client:holds(second))

    local adopted, kind, _, message = client:adopt(first, 1)
    assert.same({ nil, "cancelled", "the credentials were replaced" },
      { adopted, kind, message })
    assert.is_true(client:holds(second))
    assert.equal(3, client:adopt(first, 2))
    assert.is_true(client:holds(first))
    assert.equal(4, client:adopt(second))
    assert.equal(200, get("/user").status)
    assert.is_true(client:holds(second)) -- adopting copies

    assert.is_false(client:forget(3))
    assert.equal("fresh", (client:freshness()))
    assert.is_true(client:forget(4))
    assert.same({ "none", 5 }, { client:freshness() })
    assert.is_nil(client:record())
    assert.same({ false }, { client:credentials() })
    assert.is_nil(client:credential_data())
    assert.is_false((client:can "refresh"))
  end)

  it("does not let a refresh that began before a logout bring the login back", function()
    log_in()
    local _, generation = client:freshness()
    local exchange = client:start "refresh"
    client:forget()
    repeat
    until exchange:run(10) == "done"
    local reply, record = core_calls.result(exchange)
    assert.equal(200, reply.status)
    assert.equal("cancelled", (select(2, client:adopt(record, generation))))
    assert.equal("none", (client:freshness()))
  end)

  it("adopts a table: what is missing or impossible raises, and nothing changes", function()
    local function problem(credentials)
      local ok, message = pcall(client.adopt, client, credentials)
      assert.is_false(ok)
      assert.equal("none", (client:freshness()))
      return message
    end
    assert.equal("token is required: a string", problem { identity = "i" })
    assert.equal("identity is required: a string", problem { token = "t" })
    assert.equal("token must be a string (got number)", problem { identity = "i", token = 1 })
    assert.equal("token has characters that are not allowed in a header",
      problem { identity = "i", token = "a\r\nb: c" })
    assert.equal("identity has characters that are not allowed in a header",
      problem { identity = "a b", token = "t" })
    assert.equal("refresh_token must not be longer than 10240 bytes",
      problem { identity = "i", token = "t", refresh_token = ("r"):rep(10241) })
    assert.equal("expires_at must be a positive number",
      problem { identity = "i", token = "t", expires_at = -1 })

    assert.equal(1, client:adopt { identity = "i", token = "t", expires_at = core.wall() + 50 })
    local state, _, left, lifetime = client:freshness()
    assert.same({ "fresh", nil }, { state, lifetime })
    assert.is_true(left > 45 and left <= 50)
    assert.is_false((client:can "refresh"))
    client:adopt { identity = "i", token = "t" }
    assert.same({ "fresh", 2 }, { client:freshness() })
  end)

  it("masks its secrets and its identity in a text", function()
    log_in()
    local _, identity, token, refresh_token = client:credentials()
    local text = ("[%s] [%s] [%s] [%s] x"):format(token, refresh_token, identity, sandbox.api_key)
    assert.equal("[***] [***] [***] [***] x", client:mask(text))
    assert.equal("******", client:mask(token .. token))
    assert.equal("", client:mask "")
    assert.equal("a\0b", client:mask "a\0b")
  end)

  it("masks the previous secrets, which a late answer may repeat", function()
    log_in()
    local _, _, token, refresh_token = client:credentials()
    client:adopt { identity = "another", token = "next-token", refresh_token = "next-refresh" }
    local text = ("%s %s next-token next-refresh"):format(token, refresh_token)
    assert.equal("*** *** *** ***", client:mask(text))
    client:forget()
    assert.equal("*** ***", client:mask "next-token next-refresh")
  end)

  it("shows no secret by tostring", function()
    log_in()
    local exchange = core_calls.start(client, { method = "GET", path = "/user" })
    assert.equal("mic.client (" .. sandbox.base_url .. ")", tostring(client))
    assert.equal("mic.record", tostring(client:record()))
    assert.equal("mic.exchange (running)", tostring(exchange))
    exchange:cancel()
    assert.equal("mic.exchange (done)", tostring(exchange))
    client:close()
    assert.equal("mic.client (closed)", tostring(client))
    for _, object in ipairs { client, exchange } do
      assert.is_false(getmetatable(object))
    end
  end)

  it("refuses an invalid request before it sends anything", function()
    log_in()
    sandbox:seen()
    local function problem(spec)
      local ok, message = pcall(core_calls.request, client, spec)
      assert.is_false(ok)
      return message
    end
    assert.equal("method is required: a string", problem {})
    assert.equal("path is required: a string", problem { method = "GET" })
    assert.equal("method must be an HTTP method such as GET",
      problem { method = "GET /\r\n", path = "/user" })
    assert.equal('path must begin with "/"', problem { method = "GET", path = "user" })
    assert.equal('path must not have "." or ".." as a segment',
      problem { method = "GET", path = "/%2E./x" })
    assert.equal('header "a" has a line break in its value',
      problem { method = "GET", path = "/user", headers = { a = "b\r\nc: d" } })
    assert.equal("headers must map names to strings",
      problem { method = "GET", path = "/user", headers = { a = 1 } })
    assert.equal('header "AUTHORIZATION" is set by the client; with auth = false you may set it'
      .. " yourself",
      problem { method = "GET", path = "/user", headers = { AUTHORIZATION = "x" } })
    assert.equal("body must be a string (got table)",
      problem { method = "GET", path = "/user", body = {} })
    assert.equal("timeout must be a positive number",
      problem { method = "GET", path = "/user", timeout = 0 })
    assert.equal("", sandbox:seen())
    assert.equal(200, get("/user").status)
  end)
end)
