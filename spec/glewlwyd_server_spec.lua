-- glewlwyd as an API: the client with its row, and the server's answers, asked by the curl command.
-- Most of its errors have a status and nothing else.

local clock = require "spec.support.clock"
local curl = require "spec.support.curl"
local glewlwyd = require "spec.support.glewlwyd"
local login_contract = require "spec.support.login_contract"
local mic = require "mic"

local TOKEN_LIFE, LONG_TOKEN_LIFE = 3, 8
local REFRESH_TOKEN_LIFE = 10

--- What an answer says beside its status; nil for nothing.
local function words(response)
  local meaning = response.headers["www-authenticate"]
  return meaning or response.body ~= "" and response.body or nil
end

local function refused(status, response)
  assert.equal(status, response.status, response.body)
  assert.is_nil(words(response))
end

local function granted(response, life)
  assert.equal(200, response.status, response.body)
  assert.equal("bearer", response.data.token_type)
  assert.equal(life or TOKEN_LIFE, response.data.expires_in)
  return response.data
end

describe("glewlwyd", function()
  local server = glewlwyd.start { token_life = TOKEN_LIFE, refresh_token_life = REFRESH_TOKEN_LIFE }
  local patient = glewlwyd.start { token_life = LONG_TOKEN_LIFE }

  local function counters_of(one)
    return function()
      local counters = one:counters()
      return counters.password, counters.refresh_token
    end
  end

  local function revoke(token)
    local form = {
      token = token,
      client_id = server.client_id,
      client_secret = server.client_secret,
    }
    assert.equal(200, curl.request({ url = server.rotating.revoke_url, form = form }).status)
  end

  for provider, what in pairs {
    rotating = "with refresh tokens that are good once",
    keeping = "with refresh tokens that stay",
  } do
    describe(what, function()
      login_contract.add {
        options = server:options(provider),
        call = { method = "GET", path = ("/api/%s/userinfo"):format(provider) },
        token_life = TOKEN_LIFE,
        refreshes = true,
        counters = counters_of(server),
        lasting = {
          options = patient:options(provider),
          counters = counters_of(patient),
          token_life = LONG_TOKEN_LIFE,
        },
        revoke = provider == "rotating" and revoke or nil,
        end_refresh = provider == "rotating" and revoke or nil,
      }
    end)
  end

  it("is a client's alone with client_credentials, without a refresh", function()
    local client = mic.new {
      base_url = server.base_url,
      auth_url = server.rotating.token_url,
      client_id = server.client_id,
      client_secret = server.client_secret,
      values = { scope = server.scope },
      profile = "oauth2",
    }
    local before = server:counters().client_credentials
    for _ = 1, 2 do
      local _, err = client:get "/api/rotating/userinfo" -- the token is good, and has no user
      assert.equal(404, err.status)
    end
    assert(client:refresh())
    assert.equal(before + 2, server:counters().client_credentials)
    client:close()
  end)

  it("gives a token for the password, and takes it", function()
    local grant = granted(server:log_in())
    assert.equal(server.scope, grant.scope)
    local response = server:call(grant.access_token)
    assert.equal(200, response.status)
    assert.is_string(response.data.sub)
  end)

  it("takes the client's id and secret by Basic", function()
    local user = server.client_id .. ":" .. server.client_secret
    local form = { grant_type = "client_credentials", scope = server.scope }
    local url = server.rotating.token_url
    local grant = granted(curl.request { url = url, user = user, form = form })
    assert.is_nil(grant.refresh_token)
  end)

  it("gives a token to the client alone, without a refresh token", function()
    local form = { grant_type = "client_credentials", scope = server.scope }
    local grant = granted(server:ask(form))
    assert.is_nil(grant.refresh_token)
    refused(404, server:call(grant.access_token)) -- a token that is good, and has no user
    form.scope = "another"
    assert.same({ error = "scope_invalid" }, server:ask(form).data)
  end)

  it("says 403 to another password", function()
    refused(403, server:log_in "another")
  end)

  it("says 400 to another secret of the client", function()
    refused(400, server:ask({
      grant_type = "password",
      username = server.username,
      password = server.password,
      scope = server.scope,
      client_id = server.client_id,
      client_secret = "another",
    }, "rotating", true))
  end)

  it("says 401 to a call without a token, with one that has expired, with a revoked one", function()
    refused(401, server:call())
    local grant = granted(server:log_in())
    revoke(grant.access_token)
    refused(401, server:call(grant.access_token))
    grant = granted(server:log_in())
    clock.sleep(TOKEN_LIFE + 1)
    refused(401, server:call(grant.access_token))
  end)

  it("says 400 to a refresh token that has expired, and to one that it does not know", function()
    local grant = granted(server:log_in(nil, "keeping"))
    refused(400, server:refresh("unknown", "keeping"))
    clock.sleep(REFRESH_TOKEN_LIFE + 1)
    refused(400, server:refresh(grant.refresh_token, "keeping"))
  end)

  describe("with tokens that outlive the spec", function()
    it("gives a new refresh token each time; one that comes again ends the newest", function()
      local first = granted(patient:log_in(), LONG_TOKEN_LIFE).refresh_token
      local second = granted(patient:refresh(first), LONG_TOKEN_LIFE)
      assert.not_equal(first, second.refresh_token)
      local third = granted(patient:refresh(second.refresh_token), LONG_TOKEN_LIFE)
      refused(400, patient:refresh(first))
      refused(400, patient:refresh(third.refresh_token))
      assert.equal(200, patient:call(third.access_token).status)
    end)

    it("gives none where refresh tokens stay", function()
      local first = granted(patient:log_in(nil, "keeping"), LONG_TOKEN_LIFE).refresh_token
      for _ = 1, 2 do
        local grant = granted(patient:refresh(first, "keeping"), LONG_TOKEN_LIFE)
        assert.is_nil(grant.refresh_token)
        assert.equal(200, patient:call(grant.access_token, "keeping").status)
      end
    end)
  end)

  it("tells how many logins and refreshes it has granted", function()
    local before = server:counters()
    server:log_in "another"
    local grant = granted(server:log_in())
    granted(server:refresh(grant.refresh_token))
    granted(server:ask { grant_type = "client_credentials", scope = server.scope })
    local after = server:counters()
    for name, count in pairs { password = 1, refresh_token = 1, client_credentials = 1 } do
      assert.equal(before[name] + count, after[name], name)
    end
  end)
end)
