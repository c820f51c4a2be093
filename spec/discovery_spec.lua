-- Discovery: a client with the option `stack` looks up base URL and API key.

local api = require "spec.support.api"
local cleanup = require "spec.support.cleanup"
local core = require "mic.core"
local mic = require "mic"

local STACK_PATH = "/discovery/manifest/"

describe("a client of a stack", function()
  local sandbox = api.around()
  local first = "GET " .. STACK_PATH .. "?hostname=" .. sandbox.stack
  local second, login = "GET /metadata/manifest", "POST /auth/login"
  local client

  --- Makes the client with these options changed.
  local function make(options)
    local all = {
      stack = sandbox.stack,
      manifest_url = sandbox.manifest_url,
      username = sandbox.username,
      password = sandbox.password,
      tls = { ca_file = sandbox.ca_file },
    }
    for name, value in pairs(options or {}) do
      all[name] = value
    end
    client = cleanup.close(mic.new(all))
  end

  local function lines(...)
    return table.concat({ ... }, "\n")
  end

  it("sends nothing when it is made, nor when it only tells about itself", function()
    make()
    assert.is_false(client:authenticated())
    assert.is_nil(client:credentials())
    assert.equal(sandbox.stack, client:status().api)
    assert.is_false(client:status().logged_in)
    assert.equal("mic.client (" .. sandbox.stack .. ")", tostring(client))
    assert.equal("", sandbox:seen())
  end)

  it("finds base URL and key at its first call, once", function()
    make()
    assert.equal("demo", assert(client:get "/user").data.userName)
    assert.equal(lines(first, second, login, "GET /user"), sandbox:seen())
    assert.equal("anna", assert(client:get "/users/anna").data.userName)
    assert(client:login())
    assert.equal(lines("GET /users/anna", login), sandbox:seen())
    assert.equal(sandbox.base_url, client:status().api)
    assert.equal("mic.client (" .. sandbox.base_url .. ")", tostring(client))
  end)

  it("finds them for whatever is called first", function()
    make()
    local credentials
    for name, call in pairs {
      login = function() return client:login() end,
      auth_headers = function() return client:auth_headers() end,
      use_credentials = function() return client:use_credentials(credentials) end,
      request = function() return client:request { path = "/user" } end,
      post = function() return client:post("/auth/login",
        { userName = sandbox.username, password = sandbox.password }) end,
      logout = function() return client:logout() end,
    } do
      credentials = credentials or (assert(client:login()) and client:credentials())
      client:close()
      make()
      sandbox:seen()
      assert(call(), name)
      assert.equal(lines(first, second), sandbox:seen():match "^[^\n]*\n[^\n]*", name)
    end
  end)

  it("asks for the manifests without any credential", function()
    make()
    assert(client:get "/user")
    for index, entry in ipairs(sandbox:log()) do
      local carries = { entry.authorization, entry.identityId, entry["x-api-key"] }
      if index <= 2 then
        assert.same({ false, false, false }, carries)
      elseif index == 3 then
        assert.same({ false, false, true }, carries)
      else
        assert.same({ true, true, true }, carries)
      end
    end
  end)

  it("does not look for a key that it was given", function()
    make { api_key = sandbox.api_key }
    assert(client:get "/user")
    assert.equal(lines(first, login, "GET /user"), sandbox:seen())
    client:close()
    make { api_key = "wrong" }
    local _, err = client:get "/user"
    assert.same({ "http", 403, "Forbidden" }, { err.kind, err.status, err.message })
  end)

  it("never sends the key that it was given to the manifest's server", function()
    make { api_key = sandbox.api_key }
    assert(client:get "/user")
    assert.is_false(sandbox:log()[1]["x-api-key"])
  end)

  it("says that the stack is unknown, with a hint", function()
    make { stack = "unknown.example" }
    for _ = 1, 2 do -- and asks anew each time
      local made, err = client:get "/user"
      assert.is_nil(made)
      assert.equal("config", err.kind)
      assert.is_truthy(err.message:find("unknown.example", 1, true))
      assert.equal("unknown stack: check the host name in the option stack", err.hint)
      assert.is_false(err.retryable)
      assert.equal("GET " .. STACK_PATH .. "?hostname=unknown.example", sandbox:seen())
    end
    assert.equal("config", select(2, client:login()).kind)
  end)

  it("finds the manifest with a query of its own, and without a slash at the end", function()
    make { manifest_url = sandbox.manifest_url:gsub("/$", "") .. "?v=1" }
    assert(client:get "/user")
    assert.is_truthy(sandbox:seen():find("GET /discovery/manifest?v=1&hostname=", 1, true))
  end)

  it("is an error when the manifest's server does not know the path", function()
    make { manifest_url = sandbox.origin .. "/elsewhere/" }
    local _, err = client:get "/user"
    assert.same({ "http", 403 }, { err.kind, err.status })
    assert.is_truthy(tostring(err):find("GET /elsewhere/", 1, true))
  end)

  it("is an error when the manifest's server cannot be reached or is not trusted", function()
    make { manifest_url = "https://localhost:1/manifest/" }
    local _, err = client:login()
    assert.same({ "network", "CURLE_COULDNT_CONNECT", true },
      { err.kind, err.code, err.retryable })
    assert.is_truthy(err.message:find("manifest", 1, true))
    client:close()
    make { tls = {} }
    _, err = client:get "/user"
    assert.equal("tls", err.kind)
    assert.is_truthy(err.hint:find("tls.ca_file", 1, true))
    assert.equal("", sandbox:seen())
  end)

  it("tries again after a failure, whichever of the two manifests it was", function()
    for path, came in pairs {
      [STACK_PATH] = first, ["/metadata/manifest"] = lines(first, second),
    } do
      for status, retryable in pairs { [500] = true, [404] = false } do
        make()
        sandbox:answer { path = path, status = status, body = '{"message":"broken"}',
          headers = { ["Content-Type"] = "application/json", ["x-amzn-RequestId"] = "r1" } }
        local made, err = client:get "/user"
        assert.is_nil(made)
        assert.same({ "http", status, "broken", "r1", retryable },
          { err.kind, err.status, err.message, err.request_id, err.retryable })
        assert.equal(came, sandbox:seen())
        assert.equal(200, assert(client:get "/user").status)
        assert.equal(lines(first, second, login, "GET /user"), sandbox:seen())
        client:close()
      end
    end
  end)

  it("has manifests and the call within one deadline", function()
    for _, path in ipairs { STACK_PATH, "/metadata/manifest" } do
      make { deadline = 0.3 }
      sandbox:answer { path = path, delay = 5 }
      local _, err = client:get "/user"
      assert.same({ "timeout", true }, { err.kind, err.retryable })
      assert.equal(200, assert(client:get("/user", { deadline = 60 })).status)
      client:close()
    end
  end)

  it("applies the option timeout to the manifest request", function()
    make { timeout = 0.3 }
    sandbox:answer { path = STACK_PATH, delay = 5 }
    assert.equal("timeout", select(2, client:get "/user").kind)
  end)

  it("takes odd members of a manifest for what they are", function()
    local root = sandbox.origin
    for _, row in ipairs {
      { ('{"ApiGatewayRootUrl":"%s","StackName":"prod","Odd":[1,{}],"Null":null}'):format(root) },
      { ('{"ApiGatewayRootUrl":"%s/","StackName":"prod"}'):format(root) },
      { ('{"ApiGatewayRootUrl":"%s/prod","StackName":""}'):format(root) },
      { ('{"ApiGatewayRootUrl":"%s/prod","StackName":null}'):format(root) },
      { ('{"ApiGatewayRootUrl":"%s/prod"}'):format(root) },
    } do
      make()
      sandbox:answer { path = STACK_PATH, body = row[1] }
      assert.equal(200, assert(client:get "/user").status)
      assert.equal(sandbox.base_url, client:status().api)
      client:close()
    end
  end)

  it("takes an odd manifest of the API for what it is", function()
    make()
    sandbox:answer { path = "/metadata/manifest",
      body = ('{"ApiKey":"%s","Region":5,"More":{"a":[]}}'):format(sandbox.api_key) }
    assert.equal(200, assert(client:get "/user").status)
  end)

  it("opens a connection for each server, and closes them with the client", function()
    local make_core, made = core.client, {}
    core.client = function(config)
      made[#made + 1] = make_core(config)
      return made[#made]
    end
    make()
    local ok, err = pcall(client.get, client, "/user")
    core.client = make_core
    assert(ok, err)
    client:close()
    assert.is_true(#made >= 2)
    for _, one in ipairs(made) do
      local _, kind = one:call("GET", "/", nil, true, nil, { auth = false })
      assert.equal("closed", kind)
    end
  end)
end)
