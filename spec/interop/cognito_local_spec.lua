-- cognito-local (of tools/interop): the client with the profile "cognito", and the server's
-- answers, asked by the curl command.

local cjson = require "cjson"
local clock = require "spec.support.clock"
local curl = require "spec.support.curl"
local interop = require "spec.support.interop"
local login_contract = require "spec.support.login_contract"
local mic = require "mic"

local TOKEN_LIFE = 3

describe("cognito-local", function()
  local server = interop.start("cognito_local", { token_life = TOKEN_LIFE })

  local function act(action, data)
    return assert(curl.request {
      url = server.base_url .. "/",
      body = cjson.encode(data),
      headers = {
        ["Content-Type"] = "application/x-amz-json-1.1",
        ["X-Amz-Target"] = "AWSCognitoIdentityProviderService." .. action,
      },
    })
  end

  local function initiate(flow, parameters)
    return act("InitiateAuth",
      { AuthFlow = flow, ClientId = server.client_id, AuthParameters = parameters })
  end

  local function log_in(username, password)
    return initiate("USER_PASSWORD_AUTH", { USERNAME = username, PASSWORD = password })
  end

  local function refresh(refresh_token)
    return initiate("REFRESH_TOKEN_AUTH", { REFRESH_TOKEN = refresh_token })
  end

  local function granted(response)
    assert.equal(200, response.status, response.body)
    return response.data.AuthenticationResult
  end

  local function things(token)
    return assert(curl.request { url = server.things_url, headers = { Authorization = token } })
  end

  local function refused(response)
    assert.same(
      { 400, "NotAuthorizedException", "User not authorized" },
      { response.status, response.data.__type, response.data.message }
    )
  end

  --- Requests for a login or a refresh, which the server counts alike.
  local function asked()
    return server:counters()["AWSCognitoIdentityProviderService.InitiateAuth"] or 0
  end

  local options = {
    base_url = server.base_url,
    auth_url = server.base_url,
    client_id = server.client_id,
    username = server.username,
    password = server.password,
    profile = "cognito",
  }

  login_contract.add {
    options = options,
    call = { method = "GET", path = "/things" },
    token_life = TOKEN_LIFE,
    refreshes = true,
    counters = asked,
    end_refresh = function(refresh_token)
      local revoke = { ClientId = server.client_id, Token = refresh_token }
      assert.equal(200, act("RevokeToken", revoke).status)
    end,
  }

  it("wants a new password instead of the temporary one", function()
    local given = {}
    for name, value in pairs(options) do
      given[name] = value
    end
    given.username, given.password = server.temporary.username, server.temporary.password
    local client = mic.new(given)
    local before = asked()
    for index = 1, 2 do
      local _, err = client:get "/things"
      assert.same({ "auth", false }, { err.kind, err.retryable })
      if index == 1 then
        assert.equal("login: the response has no AuthenticationResult.IdToken", err.message)
        local reply = cjson.decode(err.response.body)
        assert.equal("NEW_PASSWORD_REQUIRED", reply.ChallengeName)
        assert.is_truthy(reply.Session:find "^%*+$")
      end
    end
    assert.equal(before + 1, asked())
    client:close()
  end)

  it("gives tokens for the password, without their life, and takes them", function()
    local grant = granted(log_in(server.username, server.password))
    assert.is_nil(grant.ExpiresIn)
    assert.equal(200, things(grant.IdToken).status)
    assert.equal(200, act("GetUser", { AccessToken = grant.AccessToken }).status)
  end)

  it("says 400 to another password, and to another user", function()
    local response = log_in(server.username, "another")
    assert.same({ 400, "InvalidPasswordException" }, { response.status, response.data.__type })
    refused(log_in("nobody@example.com", "another"))
  end)

  it("answers a temporary password with 200 and a challenge instead of tokens", function()
    local response = log_in(server.temporary.username, server.temporary.password)
    assert.equal(200, response.status)
    assert.is_nil(response.data.AuthenticationResult)
    assert.equal("NEW_PASSWORD_REQUIRED", response.data.ChallengeName)
    assert.is_string(response.data.Session)
  end)

  it("refreshes without a new refresh token, until that is revoked", function()
    local refresh_token = granted(log_in(server.username, server.password)).RefreshToken
    for _ = 1, 2 do
      local grant = granted(refresh(refresh_token))
      assert.is_nil(grant.RefreshToken)
      assert.equal(200, things(grant.IdToken).status)
    end
    refused(refresh "unknown")
    local revoke = { ClientId = server.client_id, Token = refresh_token }
    assert.equal(200, act("RevokeToken", revoke).status)
    refused(refresh(refresh_token))
  end)

  it("refuses a token that has expired in a header, and takes it in a body", function()
    local grant = granted(log_in(server.username, server.password))
    local response = things(grant.AccessToken)
    assert.same({ 401, "Unauthorized" }, { response.status, response.data.message })
    clock.sleep(TOKEN_LIFE + 1)
    response = things(grant.IdToken)
    assert.same(
      { 401, "The incoming token has expired" },
      { response.status, response.data.message }
    )
    assert.equal(200, act("GetUser", { AccessToken = grant.AccessToken }).status) -- AWS: 400
  end)
end)
