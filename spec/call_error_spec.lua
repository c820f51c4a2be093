-- Errors of calls: every field, and that the client stays usable.

local api = require "spec.support.api"
local clock = require "spec.support.clock"
local echo = require "spec.support.echo"
local mic = require "mic"

local FIELDS = {
  "kind", "message", "hint", "status", "key", "property", "request_id", "retryable", "attempts",
  "location", "code",
}

--- All simple fields of an error.
local function fields(err)
  local found = {}
  for _, name in ipairs(FIELDS) do
    found[name] = err[name]
  end
  return found
end

describe("a call that fails", function()
  local sandbox = api.around()
  local client

  before_each(function()
    client = sandbox:logged_in()
    sandbox:seen()
  end)

  --- Scripts an answer to GET /user and requests it; returns the error.
  local function fails(answer, opts)
    answer.path = "/user"
    answer.headers = answer.headers or { ["Content-Type"] = "application/json" }
    sandbox:answer(answer)
    local response, err = client:get("/user", opts)
    assert.is_nil(response)
    return err
  end

  it("has all fields of the API's error", function()
    local err = fails {
      status = 400,
      headers = { ["Content-Type"] = "application/json", ["x-amzn-RequestId"] = "7f3a-1" },
      body = '{"message":{"messageKey":"PROPERTY_INVALID","message":"Property is invalid",'
        .. '"messageParams":{"name":"email","list":[1,"x"]},"property":"email"}}',
    }
    assert.same({
      kind = "http", status = 400, message = "Property is invalid", key = "PROPERTY_INVALID",
      property = "email", request_id = "7f3a-1", retryable = false, attempts = 1,
    }, fields(err))
    assert.same({ name = "email", list = { 1, "x" } }, err.message_params)
    assert.equal(400, err.response.status)
    assert.equal("PROPERTY_INVALID", err.response.data.message.messageKey)
    local line = "http 400 PROPERTY_INVALID: Property is invalid: email: 1, x"
    assert.equal(line .. " (GET /user, request 7f3a-1)", tostring(err))
    assert.equal("failed: " .. tostring(err), "failed: " .. err)
  end)

  it("shows the template's path filled, without its query", function()
    local _, err = client:get("/users/{userName}", {
      params = { userName = "no body" }, query = { attributes = "email" },
    })
    assert.same({ "http", 404, "USER_NOT_FOUND", "userName" },
      { err.kind, err.status, err.key, err.property })
    assert.is_truthy(tostring(err):find("(GET /users/no%20body, request ", 1, true))
    assert.is_nil(tostring(err):find "attributes")
  end)

  it("takes the gateway's request id when there is no other", function()
    assert.equal("gw=", fails {
      status = 500, headers = { ["x-amz-apigw-id"] = "gw=" }, body = '{"message": "broken"}',
    }.request_id)
    assert.is_nil(fails({ status = 500 }).request_id)
  end)

  it("is retryable for the statuses that may pass, and has one attempt", function()
    for status, retryable in pairs {
      [429] = true, [500] = true, [502] = true, [503] = true, [504] = true,
      [300] = false, [304] = false, [400] = false, [403] = false, [404] = false, [405] = false,
      [408] = false, [409] = false, [413] = false, [415] = false, [501] = false, [505] = false,
    } do
      local err = fails { status = status, body = status ~= 304 and "{}" or nil }
      assert.same({ "http", status, retryable, 1 },
        { err.kind, err.status, err.retryable, err.attempts })
    end
  end)

  it("counts the resend after a refresh", function()
    local expired = { status = 401, body = '{"message":"The incoming token has expired"}' }
    expired.times = 2
    local err = fails(expired)
    assert.same({ "auth", 401, 2 }, { err.kind, err.status, err.attempts })
    assert.equal("GET /user\nPOST /auth/refresh\nGET /user", sandbox:seen())
  end)

  it("counts the resend also in the response", function()
    sandbox:expire()
    assert.equal(2, assert(client:get "/user").attempts)
    assert.equal(1, assert(client:get "/user").attempts)
  end)

  it("is auth when a fresh token gets 401, and nothing is refreshed", function()
    local err = fails { status = 401, body = '{"message":"Unauthorized"}' }
    assert.same({
      kind = "auth", status = 401, message = "Unauthorized", retryable = false, attempts = 1,
      hint = "this user may not do that, or the token belongs to another stack",
    }, fields(err))
    assert.equal("GET /user", sandbox:seen())
    assert.equal("http", fails({ status = 401, body = "{}" }, { auth = false }).kind)
  end)

  it("is http for 403, with the gateway's usual reasons explained", function()
    local other = sandbox:client { api_key = "wrong" }
    local _, err = other:login(sandbox.username, sandbox.password)
    assert.same({ "http", 403, 'check api_key, and the stage ("/prod") at the end of base_url' },
      { err.kind, err.status, err.hint })
    other:close()
    _, err = client:get "/no/such/path"
    assert.same({ "http", 403, "there is no such path or method" },
      { err.kind, err.status, err.hint })
    _, err = client:delete "/user"
    assert.equal("there is no such path or method", err.hint)
    _, err = client:get("/no/such/path", { auth = false })
    assert.equal("there is no such path or method", err.hint)
    err = fails { status = 403, body = '{"message":{"messageKey":"NOT_AUTHORIZED"}}' }
    assert.same({ "http", "NOT_AUTHORIZED" }, { err.kind, err.key })
    assert.is_nil(err.hint)
  end)

  it("shows where a redirect points that is not followed", function()
    local err = fails { status = 302, headers = { Location = "https://other.example/x" } }
    assert.same({ "http", 302, "https://other.example/x", false, 1 },
      { err.kind, err.status, err.location, err.retryable, err.attempts })
    assert.is_truthy(err.response)
  end)

  it("is timeout when the answer comes too late, within timeout or deadline", function()
    for _, opts in ipairs { { timeout = 0.2 }, { deadline = 0.2 },
      { timeout = 60, deadline = 0.2 }, { timeout = 0.2, deadline = false } } do
      local err = fails({ delay = 5 }, opts)
      assert.same({ kind = "timeout", message = err.message, retryable = true, attempts = 1,
        code = "CURLE_OPERATION_TIMEDOUT" }, fields(err))
      assert.is_nil(err.response)
      assert.equal(200, assert(client:get "/user").status)
    end
    local other = sandbox:logged_in { timeout = 0.2 }
    sandbox:answer { path = "/user", delay = 5 }
    assert.equal("timeout", select(2, other:get "/user").kind)
    sandbox:answer { path = "/user", delay = 0.4 }
    assert.equal(200, assert(other:get("/user", { timeout = 20 })).status)
    other:close()
  end)

  it("has a deadline that holds for the login and the refresh in it", function()
    local other = sandbox:automatic { deadline = 0.3 }
    sandbox:answer { path = "/auth/login", delay = 5 }
    local _, err = other:get "/user"
    assert.equal("timeout", err.kind)
    assert.is_truthy(tostring(err):find "POST /auth/login")
    other:close()
    sandbox:expire()
    sandbox:answer { path = "/auth/refresh", delay = 5 }
    _, err = client:get("/user", { deadline = 0.3 })
    assert.equal("timeout", err.kind)
    assert.is_truthy(tostring(err):find "POST /auth/refresh")
    clock.sleep(1.1) -- the pause after that
    assert.equal(200, assert(client:get "/user").status)
  end)

  it("is network with libcurl's code when the port is closed", function()
    local other = sandbox:client { base_url = "https://localhost:1/prod" }
    local _, err = other:get("/user", { auth = false })
    assert.same({ "network", "CURLE_COULDNT_CONNECT", true, 1 },
      { err.kind, err.code, err.retryable, err.attempts })
    assert.is_truthy(tostring(err):find("(GET /user, CURLE_COULDNT_CONNECT)", 1, true))
    other:close()
  end)

  it("is network when the answer breaks off", function()
    local err = fails { body = ("x"):rep(100), cut = 50 }
    assert.same({ "network", true, 1 }, { err.kind, err.retryable, err.attempts })
    sandbox:answer { path = "/user", cut = 0 } -- before its first byte
    err = select(2, client:get "/user")
    assert.same({ "network", 1 }, { err.kind, err.attempts })
    assert.equal(200, assert(client:get "/user").status)
  end)

  it("answers closed, and sends nothing, once the client is closed", function()
    client:close()
    for _, call in ipairs {
      function() return client:get "/user" end,
      function() return client:post("/users", {}) end,
      function() return client:request { path = "/user", auth = false } end,
    } do
      local response, err = call()
      assert.is_nil(response)
      assert.same({ "closed", false }, { err.kind, err.retryable })
    end
    assert.equal("", sandbox:seen())
  end)
end)

describe("a server whose identity cannot be verified", function()
  local sandbox, server = api.start(), echo.start()

  --- The error of a call to it; nothing was sent there.
  local function refused(options)
    local client = sandbox:client(options)
    local _, err = client:login(sandbox.username, sandbox.password)
    assert.equal("tls", err.kind)
    assert.is_false(err.retryable)
    assert.is_nil(err.response)
    client:close()
    assert.equal("", sandbox:seen())
    return err
  end

  it("is refused for a certificate of another authority, with a hint", function()
    for _, tls in ipairs { {}, { ca_file = server.ca_file } } do
      local err = refused { tls = tls }
      assert.equal("CURLE_PEER_FAILED_VERIFICATION", err.code)
      assert.is_truthy(err.hint:find("tls.ca_file", 1, true))
    end
  end)

  it("is refused when the file of the authority is missing or none, with a hint", function()
    for _, path in ipairs { "/does/not/exist", "spec/call_error_spec.lua" } do
      local err = refused { tls = { ca_file = path } }
      assert.is_truthy(err.hint:find("tls.ca_file", 1, true), path)
      assert.is_truthy(err.message:find(('tls.ca_file "%s": '):format(path), 1, true))
      assert.is_truthy(err.code:find "^CURLE_")
    end
  end)

  it("is refused for a certificate of another name, whatever the authority", function()
    local err = refused { base_url = server.tls_url .. "/prod", tls = { ca_file = server.ca_file } }
    assert.equal("CURLE_PEER_FAILED_VERIFICATION", err.code)
    assert.is_nil((err.hint or ""):find("your own certificate authority", 1, true), err.hint)
  end)

  it("is refused for a key that is not the pinned one", function()
    refused { tls = {
      ca_file = sandbox.ca_file,
      pinned_public_key = "sha256//" .. ("A"):rep(43) .. "=",
    } }
  end)

  it("is no server for plain http on a TLS port, nor the other way round", function()
    local client = mic.new {
      base_url = server.base_url:gsub("^http:", "https:"), api_key = "key",
    }
    local _, err = client:get("/x", { auth = false })
    assert.is_true(err.kind == "tls" or err.kind == "network", tostring(err))
    client:close()
    client = mic.new { base_url = server.tls_url:gsub("^https:", "http:"), api_key = "key" }
    _, err = client:get("/x", { auth = false })
    assert.same({ "http", 400 }, { err.kind, err.status })
    client:close()
  end)
end)
