-- Redirects: followed within the client's origin, for GET and HEAD, five at most. Nothing is ever
-- sent to another origin.

local api = require "spec.support.api"

describe("a redirect", function()
  local sandbox, other = api.around(), api.around()
  local client

  before_each(function()
    client = sandbox:logged_in()
    sandbox:seen()
  end)

  local function script(location, more)
    local answer = { path = "/user", status = 302, headers = { Location = location } }
    for name, value in pairs(more or {}) do
      answer[name] = value
    end
    sandbox:answer(answer)
  end

  local function assert_usable()
    assert.equal("anna", client:get("/users/anna").data.userName)
    sandbox:seen()
  end

  it("to the same origin is followed with the credentials, whichever its status", function()
    for _, status in ipairs { 301, 302, 303, 307, 308 } do
      for _, location in ipairs {
        "/prod/users/anna", sandbox.base_url .. "/users/anna", "users/anna",
        sandbox.base_url:gsub("^https:", "") .. "/users/anna",
        sandbox.base_url:gsub("localhost", "LOCALHOST") .. "/users/anna",
        "/prod/users/anna#part",
      } do
        script(location, { status = status })
        local response, err = client:get("/user", { headers = { ["X-Own"] = "x" } })
        assert(response, location .. ": " .. tostring(err))
        assert.equal("anna", response.data.userName)
        assert.equal(2, response.attempts)
        assert.equal(sandbox.base_url .. "/users/anna", response.url)
        local entry = sandbox:log()[2]
        assert.is_true(entry.authorization and entry.identityId and entry["x-api-key"])
        assert.is_truthy(table.concat(entry.headers, " "):find "x%-own")
        assert.equal("GET /user\nGET /users/anna", sandbox:seen())
      end
    end
  end)

  it("that leaves the stage but not the origin is followed", function()
    script("/discovery/manifest/?hostname=" .. sandbox.stack)
    local response, err = client:get "/user"
    assert(response, tostring(err))
    assert.is_truthy(response.data.ApiGatewayRootUrl)
  end)

  it("of a HEAD is followed as a HEAD", function()
    script "/prod/users/anna"
    local _, err = client:head "/user"
    assert.equal(403, err.status) -- the sandbox has no route for it
    assert.equal("HEAD /user\nHEAD /users/anna", sandbox:seen())
  end)

  it("of any other method is not followed: an error that shows where it points", function()
    for _, method in ipairs { "POST", "PUT", "PATCH", "DELETE" } do
      for _, status in ipairs { 301, 303, 307 } do
        script("/prod/users/anna", { status = status })
        local response, err = client:request { method = method, path = "/user", body = "{}" }
        assert.is_nil(response)
        assert.equal("http", err.kind)
        assert.equal(status, err.status)
        assert.equal(sandbox.base_url .. "/users/anna", err.location)
        assert.equal("redirect to " .. err.location
          .. " was not followed: only GET and HEAD are followed", err.message)
        assert.equal(method .. " /user", sandbox:seen())
      end
    end
    assert_usable()
  end)

  it("after five others is an error that shows where it points", function()
    script("/prod/user", { times = 5, status = 301 })
    local response, err = client:get "/user"
    assert(response, tostring(err))
    assert.equal(6, response.attempts)
    script("/prod/user", { times = 6 })
    response, err = client:get "/user"
    assert.is_nil(response)
    assert.same({ "http", 302, sandbox.base_url .. "/user", 6 },
      { err.kind, err.status, err.location, err.attempts })
    assert.equal("redirect to " .. sandbox.base_url
      .. "/user was not followed: the limit of 5 redirects is reached", err.message)
    assert_usable()
  end)

  it("to another origin is never followed: nothing is sent there", function()
    local own_port = sandbox.origin:match ":(%d+)$"
    for _, location in ipairs {
      other.base_url .. "/users/anna",
      other.origin .. "/",
      other.base_url:gsub("^https:", "") .. "/users/anna",
      other.base_url:gsub("localhost", "127.0.0.1") .. "/user",
      sandbox.base_url:gsub("localhost", "127.0.0.1") .. "/user",
      "https://localhost/prod/user",
      "http://localhost:" .. own_port .. "/prod/user",
      "https://localhost.example:" .. own_port .. "/prod/user",
      "https://localhost:" .. own_port .. "@" .. other.origin:match "//(.*)" .. "/prod/user",
      other.base_url:gsub("//", "//user:word@") .. "/user",
      "//" .. other.origin:match "//(.*)" .. "\\@localhost:" .. own_port .. "/prod/user",
      "ftp://localhost/x",
      "javascript:alert(1)",
    } do
      for _, method in ipairs { "GET", "HEAD", "POST" } do
        for _, status in ipairs { 302, 307 } do
          script(location, { status = status })
          local response, err = client:request { method = method, path = "/user" }
          assert.is_nil(response)
          assert.equal("http", err.kind)
          assert.equal(status, err.status)
          assert.equal(method .. " /user", sandbox:seen())
        end
      end
    end
    assert.equal("", other:seen())
    assert.equal(0, other:counters().handshakes)
    assert_usable()
  end)

  it("to another origin is told by err.location and the message, without user and query", function()
    script(other.base_url .. "/user?x=1")
    local _, err = client:get "/user"
    assert.equal(other.base_url .. "/user?x=1", err.location)
    assert.equal("http: redirect to " .. other.base_url
      .. "/user was not followed: it leads to another origin", api.line(err))
    assert.equal(1, err.attempts)
    assert.is_false(err.retryable)
    script(other.base_url:gsub("//", "//user:word@") .. "/user")
    _, err = client:get "/user"
    assert.is_nil(tostring(err):find "word")
  end)

  it("of a login or refresh is never followed, and costs no credentials", function()
    for _, location in ipairs { other.base_url .. "/auth/refresh", "/prod/auth/refresh" } do
      for _, status in ipairs { 302, 307 } do
        sandbox:answer { path = "/auth/refresh", status = status,
          headers = { Location = location } }
        local ok, err = client:refresh()
        assert.is_nil(ok)
        assert.equal("http", err.kind)
        assert.equal("POST /auth/refresh", sandbox:seen())
        sandbox:answer { path = "/auth/login", status = status,
          headers = { Location = location:gsub("refresh", "login") } }
        local session, problem = client:login(sandbox.username, sandbox.password)
        assert.is_nil(session)
        assert.equal("http", problem.kind)
        assert.equal("POST /auth/login", sandbox:seen())
      end
    end
    assert.equal("", other:seen())
    assert_usable()
  end)

  it("without a location, or with one that cannot be read, is an error", function()
    for _, location in ipairs { false, "", "https://", "https://[", "/prod/../x\\y" } do
      script(location)
      local response, err = client:get "/user"
      if location ~= "" then -- relative to itself
        assert.is_nil(response)
        assert.same({ "http", 302 }, { err.kind, err.status })
      end
      sandbox:seen()
      assert_usable()
    end
  end)

  it("whose location repeats the identity of the query never shows it in url", function()
    client:close()
    client = sandbox:logged_in { identity = "query" }
    local identity = client:credentials().identityId
    local encoded = identity:gsub(":", "%%3A")
    for _, given in ipairs { identity, encoded } do
      script("/prod/users/anna?a=1&identityId=" .. given .. "&b=2")
      sandbox:seen()
      local response, err = client:get "/user"
      assert(response, tostring(err))
      assert.is_nil(response.url:find "identityId")
      assert.is_truthy(response.url:find "a=1&b=2$")
      local path = sandbox:log()[2].path
      assert.equal(1, select(2, path:gsub("identityId", "")), path)
      script(other.base_url .. "/user?identityId=" .. given)
      response, err = client:get "/user"
      assert.is_nil(response)
      assert.is_nil(tostring(err):find "identityId")
    end
  end)
end)
