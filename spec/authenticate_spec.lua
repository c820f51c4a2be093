-- Option `authenticate`: a function of the user's that logs in and refreshes.

local api = require "spec.support.api"
local mic = require "mic"
local scratch = require "spec.support.scratch"

describe("authenticate", function()
  local sandbox = api.around()
  local asked

  before_each(function()
    asked = {}
    sandbox:mode { profile = "directus" }
  end)

  --- Logs in and refreshes as the API that the sandbox is.
  local function by_hand(http, why)
    asked[#asked + 1] = why.reason
    local path, body = "/auth/login", { email = "demo", password = sandbox.password, mode = "json" }
    if why.reason == "refresh" then
      path, body = "/auth/refresh", { refresh_token = why.refresh_token, mode = "json" }
    end
    local res, err = http:post(path, body)
    if not res then
      return nil, err.status == 401 and "refused" or err
    end
    local data = res.data.data
    return {
      token = data.access_token,
      refresh_token = data.refresh_token,
      expires_in = data.expires / 1000,
    }
  end

  local function make(authenticate, options)
    local all = { profile = { name = "own", expired = { { 401, "TOKEN_EXPIRED" } } },
      authenticate = authenticate or by_hand }
    for name, value in pairs(options or {}) do
      all[name] = value
    end
    return sandbox:client(all)
  end

  it("logs in, and refreshes with the refresh token", function()
    local client, inner = make()
    assert.is_true(api.data(client:get "/thing").ok)
    assert.same({ "login" }, asked)
    inner:shift_clock(3600)
    api.data(client:get "/thing")
    assert.same({ "login", "refresh" }, asked)
    assert(client:refresh())
    assert.same({ "login", "refresh", "refresh" }, asked)
    local counters = client:status().counters
    assert.same({ 1, 2 }, { counters.logins, counters.refreshes })
  end)

  it("renews a token that the API calls expired", function()
    local client = make()
    api.data(client:get "/thing")
    sandbox:expire()
    api.data(client:get "/thing")
    assert.same({ "login", "refresh" }, asked)
  end)

  it("logs in when the refresh is refused", function()
    local client = make()
    api.data(client:get "/thing")
    sandbox:expire(true)
    api.data(client:get "/thing")
    assert.same({ "login", "refresh", "login" }, asked)
  end)

  it("logs in where there is no refresh token", function()
    local client, inner = make(function(http, why)
      local made = by_hand(http, why)
      made.refresh_token = nil
      return made
    end)
    api.data(client:get "/thing")
    inner:shift_clock(3600)
    api.data(client:get "/thing")
    assert.same({ "login", "login" }, asked)
  end)

  it("keeps the old refresh token where the result has none", function()
    local client = make(function(_, why)
      return { token = "t", refresh_token = why.reason == "login" and "first" or nil }
    end)
    assert(client:login())
    assert(client:refresh())
    assert.equal("first", client:credentials().refresh_token)
  end)

  it("tells when the token ends", function()
    local client = make(function()
      return { token = "t", expires_in = 100 }
    end)
    assert(client:login())
    local status = client:status()
    assert.equal(100, status.expires - status.issued)
  end)

  it("is not asked again for a while once it has said refused", function()
    local function refuse()
      asked[#asked + 1] = "asked"
      return nil, "refused"
    end
    local store = mic.store.file { path = scratch.folder():at "credentials" }
    local client = make(refuse, { store = store })
    local _, err = client:get "/thing"
    assert.same({ "auth", false, "refused" }, { err.kind, err.retryable, err.cause })
    for _, other in ipairs { client, (make(refuse, { store = store })) } do
      err = select(2, other:get "/thing")
      assert.same({ "auth", false }, { err.kind, err.retryable })
    end
    assert.same({ "asked" }, asked)
    assert.is_nil(client:login())
    assert.same({ "asked", "asked" }, asked)
  end)

  it("is asked again after a pause for any other reason", function()
    local reason = { "later" }
    local client = make(function()
      asked[#asked + 1] = "asked"
      return nil, reason
    end)
    for _ = 1, 2 do
      local _, err = client:get "/thing"
      assert.same({ "auth", true }, { err.kind, err.retryable })
      assert.equal(reason, err.cause)
    end
    assert.same({ "asked" }, asked)
  end)

  it("may raise", function()
    local raised = setmetatable({}, { __tostring = function()
      return "first line\nsecond line"
    end })
    local client = make(function()
      error(raised, 0)
    end)
    local _, err = client:get "/thing"
    assert.equal("auth: the authenticate function raised an error: first line", api.line(err))
    assert.equal(raised, err.cause)
    assert.is_true(err.retryable)
  end)

  it("passes the error of its request on, masked", function()
    local secret = "hush-hush-hush"
    sandbox:answer { path = "/auth/login", status = 400,
      body = ('{"message": "not %s"}'):format(secret) }
    local seen
    local client = make(function(http)
      seen = select(2, http:post "/auth/login")
      return nil, seen
    end, { secrets = { own = secret } })
    local _, err = client:get "/thing"
    assert.equal(seen, err.cause)
    assert.same({ 400, "not ***" }, { seen.status, seen.message })
    assert.is_truthy(err.message:find "^the authenticate function returned nothing: http 400: not")
    assert.is_nil(tostring(err):find("hush", 1, true))
    client = make(function()
      error(secret)
    end, { secrets = { own = secret } })
    _, err = client:get "/thing"
    assert.is_nil(tostring(err):find("hush", 1, true))
  end)

  for what, case in pairs {
    ["no table"] = { "t", "is not a table (got string)" },
    ["no token"] = { { expires_in = 1 }, "has no token" },
    ["an empty token"] = { { token = "" }, "has a token that is not a string (got an empty one)" },
    ["a number as refresh token"] = { { token = "t", refresh_token = 1 },
      "has a refresh_token that is not a string (got number)" },
    ["a token with a line break"] = { { token = "a\nb" },
      "has a token with characters that are not allowed in a header" },
    ["a lifetime that is no number"] = { { token = "t", expires_in = "soon" },
      "has an expires_in that is not a positive number of seconds (got string)" },
    ["a lifetime that is not positive"] = { { token = "t", expires_in = 0 },
      "has an expires_in that is not a positive number of seconds (got 0)" },
    ["an unknown member"] = { { token = "t", refreshToken = "r" },
      "has the unknown member refreshToken; known: token, expires_in, refresh_token, identity" },
  } do
    it("names what is wrong with a result: " .. what, function()
      local client = make(function()
        return case[1]
      end)
      local _, err = client:get "/thing"
      assert.equal("auth: the result of the authenticate function " .. case[2], api.line(err))
      assert.equal("", sandbox:seen())
    end)
  end

  it("sends below the auth URL, without credentials and headers of the client", function()
    local client = make(function(http, why)
      http:get "/"
      http:get("/?a=1", { query = { b = 2 } })
      http:get "/sub"
      http:get "/?u=x/y"
      return by_hand(http, why)
    end, {
      auth_url = sandbox.base_url .. "/token",
      headers = { ["X-Tenant"] = "a" },
    })
    client:login()
    local log = sandbox:log()
    assert.equal("/token", log[1].path:match "/token.*")
    assert.equal("/token?a=1&b=2", log[2].path:match "/token.*")
    assert.equal("/token/sub", log[3].path:match "/token.*")
    assert.equal("/token?u=x/y", log[4].path:match "/token.*")
    for _, entry in ipairs(log) do
      assert.is_nil(entry.headers and entry.headers["x-tenant"])
      assert.is_nil(entry.headers and entry.headers.authorization)
    end
  end)

  it("raises for an absolute URL", function()
    local raised
    local client = make(function(http)
      local _, problem = pcall(http.get, http, "https://other.example.com/")
      raised = problem
      return nil, "later"
    end)
    client:login()
    assert.is_truthy(raised:find('http:get takes a path, such as "/token"', 1, true))
  end)

  it("runs once for many processes", function()
    local file = scratch.folder():at "credentials"
    local client = make(nil, { store = mic.store.file { path = file } })
    local other = make(nil, { store = mic.store.file { path = file } })
    api.data(client:get "/thing")
    api.data(other:get "/thing")
    assert.same({ "login" }, asked)
  end)

  it("ends its requests with the call's deadline", function()
    sandbox:answer { path = "/auth/login", delay = 20 }
    local seen
    local client = make(function(http)
      seen = select(2, http:post "/auth/login")
      return nil, seen
    end, { deadline = 0.3 })
    local _, err = client:get "/thing"
    assert.same({ "timeout", "auth", true }, { seen.kind, err.kind, err.retryable })
  end)

  it("gives events of its requests, without their query", function()
    local seen = {}
    local client = make(function(http)
      http:get("/thing", { query = { code = "123456" } })
      return nil, "later"
    end, { on_event = function(event)
      seen[#seen + 1] = event
    end })
    client:login()
    assert.same({ "request", "/thing" }, { seen[1].type, seen[1].path })
    assert.is_nil(mic.pretty(seen):find "123456")
  end)

  it("refreshes with a refresh token that is given alone", function()
    local client = make(function(_, why)
      asked[#asked + 1] = why.reason .. " " .. why.refresh_token
      return { token = "t" }
    end)
    assert(client:use_credentials { refresh_token = "given-refresh-token" })
    client:get "/thing"
    assert.equal("refresh given-refresh-token", asked[1])
    assert.equal("given-refresh-token", client:credentials().refresh_token)
  end)

  it("is used instead of the profile's requests, and whatever these need", function()
    local client = make(nil, { profile = "cognito", headers = { ["X-A"] = "b" } })
    assert(client:login())
    assert(client:refresh())
    assert.same({ "login", "refresh" }, asked)
  end)

  it("logs in for Telenor MIC, too", function()
    sandbox:reset()
    local found
    local client = sandbox:client { authenticate = function(http)
      local data = { userName = "demo", password = sandbox.password }
      local headers = { ["x-api-key"] = sandbox.api_key }
      found = api.data(http:post("/auth/login", data, { headers = headers })).credentials
      return {
        token = found.token,
        refresh_token = found.refreshToken,
        identity = found.identityId,
      }
    end }
    assert.same({}, client:login())
    assert.equal(found.identityId, client:credentials().identityId)
    api.data(client:get "/user")
  end)

  it("logs in by mic.login, too", function()
    local client = assert(mic.login {
      base_url = sandbox.base_url,
      tls = { ca_file = sandbox.ca_file },
      profile = "bearer",
      authenticate = by_hand,
    })
    assert.is_true(client:authenticated())
    client:close()
    local made, err = mic.login {
      base_url = sandbox.base_url,
      profile = "bearer",
      authenticate = function()
        return nil, "refused"
      end,
    }
    assert.is_nil(made)
    assert.equal("auth", err.kind)
  end)

  it("names the identity where calls carry it", function()
    local client = sandbox:client { authenticate = function()
      return { token = "t" }
    end }
    local _, err = client:get "/user"
    assert.equal("auth: the result of the authenticate function has no identity, "
      .. "which calls to this API require", api.line(err))
  end)

  it("takes no user name or password for it", function()
    local client = make()
    assert.has_error(function()
      client:login("anna", "password")
    end)
  end)
end)
