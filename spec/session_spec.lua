-- Login, logout, external credentials, where credentials are sent, calls inside callbacks, close.

local api = require "spec.support.api"
local cleanup = require "spec.support.cleanup"
local clock = require "spec.support.clock"
local mic = require "mic"

describe("the session of a client", function()
  local sandbox = api.around()
  local client

  local function make(options)
    client = sandbox:logged_in(options)
    sandbox:seen()
  end

  it("begins with a login that brings user and permissions, and no secret", function()
    client = sandbox:client()
    assert.is_false(client:authenticated())
    local session = assert(client:login(sandbox.username, sandbox.password))
    assert.equal("demo", session.user.userName)
    assert.equal("ReadWrite", session.user.roleName)
    assert.same({ "READ" }, { session.permissions.objects.Things[2] })
    local names = {}
    for name in pairs(session) do
      names[#names + 1] = name
    end
    table.sort(names)
    assert.same({ "permissions", "user" }, names)
    assert.is_true(client:authenticated())
    assert.equal("demo", client:status().username)
  end)

  it("is of one user: a login of another name than the option's raises", function()
    client = sandbox:automatic()
    local message = 'client:login: "%s" is not the user of the option username ("%s"); make a '
      .. "client for each user"
    for _, password in ipairs { sandbox.password, false } do
      local ok, raised = pcall(client.login, client, "anna", password or nil)
      assert.is_false(ok)
      assert.equal(message:format("anna", "demo"), (raised:gsub("^%S+: ", "", 1)))
    end
    assert.equal("", sandbox:seen())
    assert.equal("demo", client:login("demo", sandbox.password).user.userName)
    assert.equal("demo", client:login().user.userName)
    assert.equal("demo", client:login(nil, sandbox.password).user.userName)
  end)

  it("does not keep the password of login()", function()
    make { username = "demo" }
    sandbox:expire(true)
    local _, err = client:get "/user"
    assert.equal("auth", err.kind)
    assert.equal("GET /user\nPOST /auth/refresh", sandbox:seen())
    _, err = client:get "/user"
    assert.equal("auth: not logged in; nothing was sent", api.line(err))
    assert.equal("", sandbox:seen())
  end)

  it("goes on with the old credentials when a login fails", function()
    make()
    assert.is_nil((client:login("demo", "wrong")))
    assert.is_true(client:authenticated())
    sandbox:seen()
    assert.equal(200, client:get("/user").status)
    assert.equal("GET /user", sandbox:seen())
  end)

  it("ends with a logout: in memory and in the store, and nothing is sent", function()
    local store = mic.store.memory()
    make { store = store }
    local second = sandbox:client { store = store }
    assert.is_true(second:authenticated())
    assert.is_true(client:logout())
    assert.is_false(client:authenticated())
    assert.is_nil(client:credentials())
    assert.equal("", sandbox:seen())
    local _, err = client:get "/user"
    assert.equal("auth: not logged in; nothing was sent", api.line(err))
    assert.equal("auth", select(2, client:refresh()).kind)
    assert.equal("auth", select(2, client:auth_headers()).kind)
    assert.equal("", sandbox:seen())
    local third = sandbox:client { store = store }
    assert.is_false(third:authenticated())
    second:close()
    third:close()
    assert(client:login(sandbox.username, sandbox.password))
    assert.equal(200, client:get("/user").status)
  end)

  it("takes credentials from elsewhere, with and without expires_at", function()
    make()
    local credentials = client:credentials()
    assert.is_true(math.abs(credentials.expires_at - os.time() - 3600) < 10)
    local second = sandbox:client()
    assert.is_true(second:use_credentials(credentials))
    assert.same(credentials, second:credentials())
    assert.equal(200, second:get("/user").status)
    credentials.expires_at = os.time() + 5 -- the token itself knows better
    assert.is_true(second:use_credentials(credentials))
    assert.is_true(second:credentials().expires_at > os.time() + 3000)
    assert.is_true(second:use_credentials { identityId = credentials.identityId,
      token = credentials.token })
    sandbox:expire()
    local _, err = second:get "/user"
    assert.equal("auth: the token has expired, and there is no refresh token", api.line(err))
    second:close()
  end)

  it("takes an opaque token with expires_at, and refreshes it before that", function()
    make()
    local credentials = client:credentials()
    credentials.token, credentials.expires_at = "opaque", os.time() - 10
    assert.is_true(client:use_credentials(credentials))
    assert.is_false(client:authenticated())
    assert.equal(200, client:get("/user").status)
    assert.equal("POST /auth/refresh\nGET /user", sandbox:seen())
  end)

  it("sends the identity as a header, in the query, or not at all", function()
    for place, wanted in pairs {
      header = { true, false }, query = { false, true }, [false] = { false, false },
    } do
      sandbox:mode { strict = place ~= false }
      make { identity = place }
      local response, err = client:get("/users", { query = { size = 1 } })
      assert(response, tostring(err))
      local entry = sandbox:log()[1]
      assert.same(wanted, { entry.identityId, entry.path:find "identityId=" ~= nil })
      assert.is_nil(response.url:find "identityId")
      assert.equal(place ~= false, client:auth_headers().identityId ~= nil)
      client:close()
    end
  end)

  it("makes the three headers for another library", function()
    make()
    local credentials = client:credentials()
    assert.same({ Authorization = credentials.token, identityId = credentials.identityId,
      ["x-api-key"] = sandbox.api_key }, client:auth_headers())
    local by_hand = sandbox:client()
    local response = assert(by_hand:get("/user", { auth = false, headers = client:auth_headers() }))
    assert.equal("demo", response.data.userName)
    by_hand:close()
  end)

  it("is not touched by a login that the caller does by hand", function()
    client = sandbox:client()
    local response = assert(client:post("/auth/login",
      { userName = sandbox.username, password = sandbox.password }))
    local credentials = response.data.credentials
    assert.is_true(#credentials.token > 500 and #credentials.refreshToken > 500)
    assert.is_truthy(response.body:find(credentials.token, 1, true))
    assert.is_nil(client:credentials())
    assert.is_false(client:authenticated())
    local refreshed = assert(client:post("/auth/refresh",
      { refreshToken = credentials.refreshToken }))
    assert.is_truthy(refreshed.data.credentials.token)
    assert.is_nil(client:credentials())
    local log = sandbox:log()
    assert.is_false(log[1].authorization or log[2].authorization)
    assert.is_true(client:use_credentials(credentials))
    assert.equal(200, client:get("/user").status)
  end)

  it("answers closed after close, which may be called again", function()
    make()
    client:close()
    client:close()
    for _, call in ipairs {
      function() return client:get "/user" end,
      function() return client:get "/metadata/manifest" end,
      function() return client:post("/users", {}) end,
      function() return client:login(sandbox.username, sandbox.password) end,
      function() return client:refresh() end,
      function() return client:logout() end,
      function() return client:auth_headers() end,
      function() return client:use_credentials { identityId = "i", token = "t" } end,
    } do
      local result, err = call()
      assert.is_nil(result)
      assert.equal("closed: the client was closed", api.line(err))
    end
    assert.is_false(client:authenticated())
    assert.is_nil(client:credentials())
    assert.is_false(client:status().logged_in)
    assert.equal("mic.client (closed)", tostring(client))
    assert.equal("", sandbox:seen())
  end)

  it("sends nothing for any call without credentials", function()
    client = sandbox:client()
    for _, verb in ipairs { "get", "head", "delete", "options", "post", "put", "patch" } do
      local response, err = client[verb](client, "/users")
      assert.is_nil(response)
      assert.equal("auth: not logged in; nothing was sent", api.line(err))
      assert.equal("call client:login(), or make the client with username and password", err.hint)
      assert.equal(0, err.attempts)
    end
    assert.equal("auth", select(2, client:refresh()).kind)
    assert.equal("auth", select(2, client:auth_headers()).kind)
    assert.equal("", sandbox:seen())
    assert.equal(0, sandbox:counters().handshakes)
    assert.equal(200, client:get("/metadata/manifest").status)
  end)
end)

describe("a call inside a callback", function()
  local sandbox = api.around()
  local client

  it("of the password function does not wait for itself: an error that says so", function()
    local seen, busy = {}, false
    client = sandbox:automatic { password = function()
      if not busy then
        busy = true
        seen.open = client:get "/metadata/manifest"
        seen.result, seen.err = client:get "/user"
        seen.refreshed, seen.refresh_err = client:refresh()
        busy = false
      end
      return sandbox.password
    end }
    assert.equal(200, client:get("/user").status)
    assert.equal(200, seen.open.status)
    assert.is_nil(seen.result)
    assert.equal("auth", seen.err.kind)
    assert.is_truthy(seen.err.message:find "login or refresh")
    assert.is_nil(seen.refreshed)
    assert.equal("auth", seen.refresh_err.kind)
    client:logout()
    assert(client:login()) -- asks the function too
    assert.equal(200, client:get("/user").status)
  end)

  it("of a coroutine that stopped in the password function blocks no other caller", function()
    local transport = clock.transport()
    client = sandbox:automatic { transport = transport, password = function()
      if coroutine.running() and transport.later == 0 then
        coroutine.yield "asking"
      end
      return sandbox.password
    end }
    local stopped = coroutine.create(function()
      client:get "/user"
    end)
    assert.equal("asking", select(2, coroutine.resume(stopped)))
    local response, err = client:get "/user" -- waiting would stop the thread, and so the other
    assert.is_nil(response)
    assert.equal("auth", err.kind)
    assert.is_truthy(err.message:find "made during a login or refresh")
    transport.later = 40
    assert.equal(200, client:get("/user").status)
    assert.is_true(coroutine.resume(stopped))
    assert.equal("dead", coroutine.status(stopped))
    assert.equal(200, client:get("/user").status)
    assert.is_true(sandbox:counters().login <= 2)
  end)

  it("of on_event works once the flight has landed", function()
    local results, busy = {}, false
    client = sandbox:automatic { on_event = function(event)
      if not busy and (event.type == "login" or event.type == "refresh") then
        busy = true
        results[#results + 1] = client:get "/users/anna"
        busy = false
      end
    end }
    assert.equal(200, client:get("/user").status)
    sandbox:expire()
    assert.equal(200, client:get("/user").status)
    assert.equal(2, #results)
    assert.equal("anna", results[2].data.userName)
  end)

  it("of on_event may close the client", function()
    client = sandbox:logged_in { on_event = function(event)
      if event.type == "request" and event.path == "/user" then
        client:close()
      end
    end }
    local response, err = client:get "/user"
    assert.is_nil(response)
    assert.equal("closed", err.kind)
  end)

  it("may raise in on_event: nothing breaks", function()
    local count = 0
    local shown = cleanup.stderr()
    client = sandbox:automatic { on_event = function()
      count = count + 1
      error("from\non_event " .. count)
    end }
    assert.is_nil(client:status().event_error)
    assert.equal(200, client:get("/user").status)
    sandbox:expire()
    assert.equal(2, client:get("/user").attempts)
    assert.equal(404, select(2, client:get "/users/nobody").status)
    assert.is_true(client:refresh())
    assert.is_true(client:logout())
    assert.is_true(count > 10)
    assert.equal(1, #shown)
    assert.is_truthy(shown[1]:find("^mic: on_event raised an error.*: .*from on_event 1\n$"))
    assert.is_truthy(client:status().event_error:find("from on_event " .. count .. "$"))
  end)

  it("of a store that calls the client gets an answer, not a hang", function()
    local store = mic.store.memory()
    local load, inside, err = store.load, false, nil
    local wrapped = { save = store.save, lock = store.lock, unlock = store.unlock }
    function wrapped.load(key)
      if client and not inside then
        inside = true
        err = select(2, client:get "/user") or err
        inside = false
      end
      return load(key)
    end
    client = sandbox:automatic { store = wrapped }
    assert.equal(200, client:get("/user").status)
    sandbox:expire()
    assert.equal(200, client:get("/user").status)
    assert.equal("auth", err.kind)
  end)
end)
