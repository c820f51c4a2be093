-- Login and refresh replies without usable credentials: a clear error without secrets, nothing is
-- adopted, and the next login works.

local api = require "spec.support.api"

local GOOD = '"identityId":"eu-west-1:id","token":"new-token-1234",'
  .. '"refreshToken":"new-refresh-1234"'

--- What the credentials hold, the error's line without "login: " or "refresh: ".
local odd_members = {
  { '"credentials":null', "the response has no credentials.token" },
  { '"credentials":5', "the response has no credentials.token" },
  { '"credentials":"text"', "the response has no credentials.token" },
  { '"credentials":[]', "the response has no credentials.token" },
  { '"credentials":{}', "the response has no credentials.token" },
  { '"credentials":{' .. GOOD .. '},"credentials":null', "the response has no credentials.token" },
  { '"Credentials":{' .. GOOD .. "}", "the response has no credentials.token" },
  { '"other":{"credentials":{' .. GOOD .. "}}", "the response has no credentials.token" },
}

local odd_values = {
  { "token", "null", "the response has no credentials.token" },
  { "token", '""', "the response has no credentials.token" },
  { "token", "5", "credentials.token is not a string" },
  { "token", "true", "credentials.token is not a string" },
  { "token", '{"token":"new-token-1234"}', "credentials.token is not a string" },
  { "token", '["new-token-1234"]', "credentials.token is not a string" },
  { "token", [["new-token\r\n1234"]],
    "credentials.token has characters that are not allowed in a header" },
  { "token", [["new-token\u00001234"]],
    "credentials.token has characters that are not allowed in a header" },
  { "token", '"new-token 1234"',
    "credentials.token has characters that are not allowed in a header" },
  { "token", '"' .. ("t"):rep(16384) .. '"',
    "credentials.token is longer than 10240 bytes" },
  { "refreshToken", "5", "credentials.refreshToken is not a string" },
  { "refreshToken", [["new\nrefresh"]],
    "credentials.refreshToken has characters that are not allowed in a header" },
  { "refreshToken", '"' .. ("t"):rep(16384) .. '"',
    "credentials.refreshToken is longer than 10240 bytes" },
  { "identityId", "{}", "credentials.identityId is not a string" },
  { "identityId", [["a\r\nb"]],
    "credentials.identityId has characters that are not allowed in a header" },
}

local unreadable = {
  "", " ", "text", "<html></html>", '{"credentials":{' .. GOOD,
  '{"credentials":{' .. GOOD .. "}} x", '\239\187{"credentials":{' .. GOOD .. "}}",
  '{"credentials":{' .. GOOD .. '},"x":' .. ("["):rep(100) .. ("]"):rep(100) .. "}",
  "{'credentials':{" .. GOOD .. "}}", '{"credentials":{"token":"new-token-\1"}}',
}

describe("a login or refresh whose reply is odd", function()
  local sandbox = api.around()
  local client

  before_each(function()
    client = sandbox:client()
  end)

  local function script(path, body, more)
    local answer = { path = path, status = 200, body = body,
      headers = { ["Content-Type"] = "application/json" } }
    for name, value in pairs(more or {}) do
      answer[name] = value
    end
    sandbox:answer(answer)
  end

  --- Logs in and gets this reply; the error.
  local function login(body, more)
    client:logout()
    sandbox:seen()
    script("/auth/login", body, more)
    local session, err = client:login(sandbox.username, sandbox.password)
    assert.is_nil(session)
    assert.is_false(client:authenticated())
    assert.is_nil(client:credentials())
    assert.equal("POST /auth/login", sandbox:seen())
    return err
  end

  --- Refreshes and gets this reply; the error. What was there stays.
  local function refresh(body, more)
    assert(client:login(sandbox.username, sandbox.password))
    local before = client:credentials()
    sandbox:seen()
    if type(body) == "function" then
      body = body(before)
    end
    script("/auth/refresh", body, more)
    local ok, err = client:refresh()
    assert.is_nil(ok)
    assert.same(before, client:credentials())
    assert.equal("POST /auth/refresh", sandbox:seen())
    assert.equal(200, client:get("/user").status)
    return err
  end

  local function assert_usable()
    assert(client:login(sandbox.username, sandbox.password))
    assert.equal(200, client:get("/user").status)
    sandbox:seen()
  end

  local function assert_no_secret(err)
    local text = tostring(err) .. err.message .. err.response.body
    for _, secret in ipairs {
      "new-token", "new-refresh", sandbox.password, sandbox.api_key,
    } do
      assert.is_nil(text:find(secret, 1, true), text)
    end
  end

  it("brings no credentials", function()
    for _, case in ipairs(odd_members) do
      local body = "{" .. case[1] .. "}"
      local err = login(body)
      assert.equal("auth: login: " .. case[2], api.line(err))
      assert.equal(200, err.status)
      assert.is_false(err.retryable)
      assert_no_secret(err)
      assert_usable()
      assert.equal("auth: refresh: " .. case[2], api.line(refresh(body)))
    end
    for _, body in ipairs { "{}", "[]", '"text"', "5", "null", "true" } do
      assert.equal("auth: login: the response has no credentials.token", api.line(login(body)))
    end
    assert_usable()
  end)

  it("brings a member of an odd form", function()
    for _, case in ipairs(odd_values) do
      local name, value, problem = case[1], case[2], case[3]
      local body = '{"credentials":{' .. GOOD:gsub('("' .. name .. '"):"[^"]*"', function(member)
        return member .. ":" .. value
      end) .. "}}"
      local err = login(body)
      assert.equal("auth: login: " .. problem, api.line(err))
      assert_no_secret(err)
      assert_usable()
      err = refresh(body)
      assert.equal("auth: refresh: " .. problem, api.line(err))
      assert_no_secret(err)
    end
  end)

  it("brings no identity: a login fails, a refresh keeps the one that is there", function()
    local body = '{"credentials":{"token":"new-token-1234"}}'
    assert.equal("auth: login: the response has no credentials.identityId", api.line(login(body)))
    assert(client:login(sandbox.username, sandbox.password))
    local before = client:credentials()
    script("/auth/refresh", body)
    assert(client:refresh())
    local after = client:credentials()
    assert.equal("new-token-1234", after.token)
    assert.equal(before.identityId, after.identityId)
    assert.equal(before.refreshToken, after.refreshToken)

    local without = sandbox:client { identity = false }
    script("/auth/login", body)
    assert(without:login(sandbox.username, sandbox.password))
    assert.is_nil(without:credentials().identityId)
    without:close()
  end)

  it("cannot be read: nothing of it is shown", function()
    for _, body in ipairs(unreadable) do
      local err = login(body)
      assert.equal("decode: login: the response is not valid JSON", api.line(err))
      assert.equal("", err.response.body)
      assert_usable()
      err = refresh(body)
      assert.equal("decode: refresh: the response is not valid JSON", api.line(err))
      assert.equal("", err.response.body)
    end
  end)

  it("brings members twice: the last one counts, as decoders have it", function()
    script("/auth/login", '{"credentials":{' .. GOOD .. ',"token":"second-token"}}')
    assert(client:login(sandbox.username, sandbox.password))
    assert.equal("second-token", client:credentials().token)
    script("/auth/login",
      '{"credentials":{' .. GOOD .. '},"credentials":{"identityId":"i","token":"other-token"}}')
    assert(client:login(sandbox.username, sandbox.password))
    local credentials = client:credentials()
    assert.same({ "i", "other-token" }, { credentials.identityId, credentials.token })
    assert.is_nil(credentials.refreshToken) -- not one of another set
  end)

  it("brings credentials under an error's status, or with errorMessage: not adopted", function()
    local body = '{"message":"no","credentials":{' .. GOOD .. "}}"
    for _, status in ipairs { 300, 400, 401, 500 } do
      local err = login(body, { status = status })
      assert.equal(status == 401 and "auth" or "http", err.kind)
      assert.equal(status, err.status)
    end
    assert_usable()
  end)

  it("is too large, by its length and without one", function()
    for _, more in ipairs { {}, { headers = { ["Content-Length"] = false } } } do
      local err = login(("x"):rep(300000), more)
      assert.equal("too_large: the response is larger than allowed", api.line(err))
    end
    assert_usable()
  end)

  it("echoes what was sent, plain or escaped: err.response has stars instead", function()
    local escaped = sandbox.password:gsub(".", function(char)
      return ("\\u%04X"):format(char:byte())
    end)
    for _, echo in ipairs { sandbox.password, "a " .. sandbox.password .. " b", escaped,
      escaped:sub(1, 6) .. sandbox.password:sub(2) } do
      for _, status in ipairs { 400, 401, 500 } do
        local err = login(('{"message":"no: %s","%s":{"a":["%s"]},"key":"%s"}')
          :format(echo, echo, echo, sandbox.api_key),
          { status = status, headers = { ["X-Echo"] = sandbox.password .. sandbox.api_key,
            ["Content-Type"] = "application/json" } })
        local shown = tostring(err) .. err.message .. err.response.body
          .. err.response.headers["x-echo"]
        assert.is_nil(shown:find(sandbox.password, 1, true), shown)
        assert.is_nil(shown:find(escaped:sub(7), 1, true), shown)
        assert.is_nil(shown:find(sandbox.api_key, 1, true), shown)
        assert.is_truthy(err.response.body:find("***", 1, true))
      end
    end
    assert_usable()
    local err = refresh(function(credentials)
      return ('{"message":"no: %s and %s"}'):format(credentials.refreshToken, credentials.token)
    end, { status = 500 })
    assert.equal("http", err.kind)
    local now = client:credentials()
    for _, secret in ipairs { now.refreshToken, now.token } do
      assert.is_nil((tostring(err) .. err.response.body):find(secret, 1, true))
    end
  end)

  it("echoes what was sent in a text that is no JSON: nothing of it is shown", function()
    local err = login("wrong: " .. sandbox.password, { status = 400 })
    assert.equal("http", err.kind)
    assert.equal(400, err.status)
    assert.equal("", err.response.body)
    assert.is_nil(tostring(err):find(sandbox.password, 1, true))
  end)
end)
