-- Expired tokens: one refresh, the call again, and failures of the refresh.

local api = require "spec.support.api"
local clock = require "spec.support.clock"

local EXPIRED = '{"message":"The incoming token has expired"}'

describe("a call whose token has expired", function()
  local sandbox = api.around()
  local client

  local function make(options)
    client = sandbox:logged_in(options)
    sandbox:seen()
  end

  local again = "GET /user\nPOST /auth/refresh\nGET /user"

  for _, mode in ipairs { "echo", "rotate", "omit" } do
    it("is sent again after one refresh, expiry after expiry; refresh tokens: " .. mode, function()
      make()
      sandbox:mode { refresh = mode }
      for round = 1, 3 do
        local before = client:credentials()
        sandbox:expire()
        local response, err = client:get "/user"
        assert(response, tostring(err))
        assert.same({ 200, 2 }, { response.status, response.attempts })
        local log = sandbox:log()
        assert.same({ 401, 200, 200 }, { log[1].status, log[2].status, log[3].status })
        assert.same({ round, nil, round + 1 },
          { log[1].token_number, log[2].token_number, log[3].token_number })
        assert.is_false(log[2].authorization or log[2].identityId)
        assert.equal(again, sandbox:seen())

        local after = client:credentials()
        assert.is_true(before.token ~= after.token)
        assert.equal(before.identityId, after.identityId)
        assert.equal(mode == "rotate", before.refreshToken ~= after.refreshToken)
        assert.equal(1, client:get("/user").attempts)
        sandbox:seen()
      end
      local counters = sandbox:counters()
      assert.same({ 1, 3 }, { counters.login, counters.refresh })
      counters = client:status().counters
      assert.same({ 1, 3, 6 }, { counters.logins, counters.refreshes, counters.calls })
    end)
  end

  it("is sent again with its body, whatever its method", function()
    make()
    for number, method in ipairs { "POST", "PUT", "PATCH", "DELETE" } do
      local path = method == "POST" and "/users" or "/users/user0" .. number
      sandbox:answer { path = path, status = 401, body = EXPIRED }
      local data = method == "POST" and { userName = "made", roleName = "Read",
        domainName = "root" } or { firstName = "New" }
      local response, err = client:request { method = method, path = path, data = data }
      local attempts = (response or err).attempts
      assert.equal(2, attempts)
      local log = sandbox:log()
      assert.equal(3, #log)
      assert.equal(log[1].body, log[3].body)
      sandbox:seen()
    end
    assert.equal("made", client:get("/users/made").data.userName)
  end)

  it("is sent again for 403 with that text too, and not without the text", function()
    make()
    sandbox:answer { path = "/user", status = 403, body = EXPIRED }
    assert.equal(2, client:get("/user").attempts)
    assert.equal(again, sandbox:seen())
    sandbox:answer { path = "/user", status = 403, body = '{"message":"Forbidden"}' }
    assert.equal("http", select(2, client:get "/user").kind)
    assert.equal("GET /user", sandbox:seen())
  end)

  it("is not refreshed when it carried no credentials of the client", function()
    make()
    sandbox:expire()
    local response, err = client:get("/user",
      { auth = false, headers = { Authorization = client:credentials().token } })
    assert.is_nil(response)
    assert.equal(401, err.status)
    assert.equal("GET /user", sandbox:seen())
  end)

  it("is sent twice at most, even when the API says the same again", function()
    make()
    sandbox:answer { path = "/user", status = 401, body = EXPIRED, times = 9 }
    local response, err = client:get "/user"
    assert.is_nil(response)
    assert.same({ "auth", 401, 2 }, { err.kind, err.status, err.attempts })
    assert.equal("The incoming token has expired", err.message)
    assert.equal("this user may not do that, or the token belongs to another stack", err.hint)
    assert.equal(again, sandbox:seen())
    assert.equal(200, client:get("/users/anna").status)
  end)

  it("costs one refresh a minute where the answer is the same for each token", function()
    make()
    sandbox:answer { path = "/users/anna", status = 401, body = EXPIRED, times = 11 }
    for round = 1, 10 do
      local _, err = client:get "/users/anna"
      assert.same({ "auth", 401, round == 1 and 2 or 1 }, { err.kind, err.status, err.attempts })
      assert.equal(200, client:get("/user").status)
    end
    assert.equal(1, sandbox:counters().refresh)
  end)

  it("that only means that this user may not is no reason to refresh, and does not loop", function()
    make()
    sandbox:answer { path = "/user", status = 401, body = '{"message":"Unauthorized"}', times = 9 }
    for _ = 1, 2 do
      local response, err = client:get "/user"
      assert.is_nil(response)
      assert.same({ "auth", 401, 1, false, "Unauthorized" },
        { err.kind, err.status, err.attempts, err.retryable, err.message })
      assert.equal("this user may not do that, or the token belongs to another stack", err.hint)
      assert.equal("GET /user", sandbox:seen())
    end
    assert.is_true(client:authenticated())
  end)

  it("fails when the refresh gets no answer; the login is kept for after the pause", function()
    local transport = clock.transport()
    make { transport = transport }
    sandbox:expire()
    sandbox:answer { path = "/auth/refresh", status = 500, body = '{"message": "Internal"}' }
    local before = client:credentials()
    local response, err = client:get "/user"
    assert.is_nil(response)
    assert.same({ "http", 500, "Internal", true },
      { err.kind, err.status, err.message, err.retryable })
    assert.equal("GET /user\nPOST /auth/refresh", sandbox:seen())
    assert.same(before, client:credentials())
    assert.is_false(client:authenticated())

    response, err = client:get "/user"
    assert.is_nil(response)
    assert.same({ "http", 500, "Internal", 0 }, { err.kind, err.status, err.message, err.attempts })
    assert.equal("the next attempt is in 1 s", err.hint)
    assert.equal("", sandbox:seen())
    transport.later = transport.later + 1.1
    response, err = client:get "/user"
    assert(response, tostring(err))
    assert.equal("POST /auth/refresh\nGET /user", sandbox:seen())
  end)

  it("fails when the refresh is refused and no password is known: the login is gone", function()
    make()
    sandbox:expire(true)
    local response, err = client:get "/user"
    assert.is_nil(response)
    assert.equal("auth: Invalid login", api.line(err))
    assert.equal("call client:login(), or make the client with username and password", err.hint)
    assert.equal("GET /user\nPOST /auth/refresh", sandbox:seen())
    assert.is_nil(client:credentials())
    assert.is_false(client:authenticated())

    response, err = client:get "/user"
    assert.is_nil(response)
    assert.equal("auth: not logged in; nothing was sent", api.line(err))
    assert.same({ nil, nil, false }, { err.status, err.response, err.retryable })
    assert.equal("", sandbox:seen())
  end)

  local after_login = "GET /user\nPOST /auth/refresh\nPOST /auth/login\nGET /user"

  it("logs in anew when the refresh is refused and the option password is known", function()
    client = sandbox:automatic()
    assert.equal(200, client:get("/user").status)
    assert.equal("POST /auth/login\nGET /user", sandbox:seen())
    sandbox:expire(true)
    local response, err = client:get "/user"
    assert(response, tostring(err))
    assert.equal(2, response.attempts)
    assert.equal(after_login, sandbox:seen())
    assert.same({ 2, 1 }, { sandbox:counters().login, sandbox:counters().refresh })
  end)

  it("logs in anew with a password function, called only when it is needed", function()
    local asked = 0
    client = sandbox:automatic { password = function()
      asked = asked + 1
      return sandbox.password
    end }
    assert.equal(0, asked)
    client:get "/user"
    client:get "/user"
    assert.equal(1, asked)
    sandbox:expire()
    client:get "/user"
    assert.equal(1, asked)
    sandbox:expire(true)
    sandbox:seen()
    assert.equal(200, client:get("/user").status)
    assert.equal(2, asked)
    assert.equal(after_login, sandbox:seen())
  end)

  it("refreshes once for a token that a 401 of an older call is about", function()
    make()
    sandbox:expire()
    assert.equal(2, client:get("/user").attempts)
    assert.is_true(client:refresh())
    assert.equal(1, client:get("/user").attempts)
    assert.equal(2, sandbox:counters().refresh)
  end)
end)

describe("a password that does not work", function()
  local sandbox = api.around()
  local client

  it("is not sent twice by the client itself, but by the caller's login", function()
    client = sandbox:automatic { password = "wrong" }
    local _, err = client:get "/user"
    assert.equal("auth: Invalid login", api.line(err))
    assert.equal("check username and password", err.hint)
    assert.equal("POST /auth/login", sandbox:seen())
    for _ = 1, 3 do
      err = select(2, client:get "/user")
      assert.equal("auth: the API has refused this password; it is not tried again for 15 min",
        api.line(err))
      assert.equal("", sandbox:seen())
    end
    _, err = client:login()
    assert.equal("auth: Invalid login", api.line(err))
    assert.equal("POST /auth/login", sandbox:seen())
    assert(client:login(sandbox.username, sandbox.password))
    assert.equal(200, client:get("/user").status)
  end)

  it("is asked for again when a function gives it, and sent when it is another", function()
    local password, asked = "wrong", 0
    client = sandbox:automatic { password = function()
      asked = asked + 1
      return password
    end }
    client:get "/user"
    client:get "/user"
    assert.equal(2, asked)
    assert.equal("POST /auth/login", sandbox:seen())
    password = sandbox.password
    assert.equal(200, client:get("/user").status)
    assert.equal("POST /auth/login\nGET /user", sandbox:seen())
  end)

  it("of login() is not tried by the client itself", function()
    client = sandbox:client()
    assert.is_nil((client:login(sandbox.username, "wrong")))
    sandbox:seen()
    local _, err = client:get "/user"
    assert.equal("auth: not logged in; nothing was sent", api.line(err))
    assert.equal("", sandbox:seen())
  end)
end)
