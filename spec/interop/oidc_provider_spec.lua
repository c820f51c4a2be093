-- oidc-provider (of tools/interop): the client with the profile "oauth2", and the server's answers,
-- asked by the curl command.

local clock = require "spec.support.clock"
local curl = require "spec.support.curl"
local interop = require "spec.support.interop"
local login_contract = require "spec.support.login_contract"
local mic = require "mic"

local TOKEN_LIFE = 3

describe("oidc-provider", function()
  local server = interop.start("oidc_provider", { token_life = TOKEN_LIFE })

  --- Id and secret of a client, form-encoded for Basic (RFC 6749 2.3.1).
  local function basic(client_id, secret)
    return curl.percent(client_id) .. ":" .. curl.percent(secret)
  end

  local function ask(form, user)
    user = user or basic(server.client_id, server.client_secret)
    return assert(curl.request { url = server.token_url, user = user, form = form })
  end

  local function log_in(password)
    return ask {
      grant_type = "password",
      username = server.username,
      password = password or server.password,
      scope = "openid read",
    }
  end

  local function refresh(refresh_token)
    return ask { grant_type = "refresh_token", refresh_token = refresh_token }
  end

  local function call(url, token, method)
    local headers = token and { Authorization = "Bearer " .. token }
    return assert(curl.request { url = url, method = method, headers = headers })
  end

  local function granted(response)
    assert.equal(200, response.status, response.body)
    assert.equal("Bearer", response.data.token_type)
    assert.equal(TOKEN_LIFE, response.data.expires_in)
    return response.data
  end

  local function refused(status, meaning, response)
    assert.same({ status, meaning }, { response.status, response.data.error })
  end

  --- Expired, revoked: the header says it too.
  local function bad_token(response)
    refused(401, "invalid_token", response)
    assert.matches('^Bearer .*error="invalid_token"', response.headers["www-authenticate"])
  end

  local function options(more)
    local all = {
      base_url = server.base_url,
      auth_url = server.token_url,
      client_id = server.client_id,
      client_secret = server.client_secret,
      profile = "oauth2",
    }
    for name, value in pairs(more) do
      all[name] = value
    end
    return all
  end

  local function revoke(token)
    local user = basic(server.client_id, server.client_secret)
    local form = { token = token }
    assert.equal(200, curl.request({ url = server.revoke_url, user = user, form = form }).status)
  end

  describe("with a password", function()
    login_contract.add {
      options = options {
        username = server.username,
        password = server.password,
        values = { scope = "openid offline_access read" },
      },
      call = { method = "GET", path = "/me" },
      token_life = TOKEN_LIFE,
      refreshes = true,
      counters = function()
        local counters = server:counters()
        return counters.password or 0, counters.refresh_token or 0
      end,
      revoke = revoke,
      revoke_ends_all = true,
      end_refresh = revoke,
    }
  end)

  describe("with client_credentials", function()
    login_contract.add {
      options = options { values = { scope = "read" } },
      call = { method = "GET", path = "/things" },
      refuses = { client_secret = "another" },
      token_life = TOKEN_LIFE,
      counters = function()
        return server:counters().client_credentials or 0, 0
      end,
      revoke = revoke,
    }
  end)

  it("never gets a refresh token twice", function()
    local client = mic.new(options {
      username = server.username,
      password = server.password,
      values = { scope = "openid offline_access read" },
    })
    local ended = server:counters()["grant revoked"]
    assert(client:login())
    for _ = 1, 5 do
      assert(client:refresh())
    end
    assert.equal(200, client:get("/me").status)
    assert.equal(ended, server:counters()["grant revoked"])
    client:close()
  end)

  it("gives a token for the password, and takes it", function()
    local token = granted(log_in()).access_token
    assert.same({ sub = server.username }, call(server.me_url, token).data)
    assert.equal(200, call(server.things_url, token).status)
  end)

  it("gives a token to the client alone, by Basic or in the body, and no other", function()
    local form = { grant_type = "client_credentials", scope = "read write" }
    local grant = granted(ask(form))
    assert.is_nil(grant.refresh_token)
    assert.equal(200, call(server.things_url, grant.access_token, "POST").status)
    form.client_id, form.client_secret = server.body_client_id, server.client_secret
    granted(curl.request { url = server.token_url, form = form })
  end)

  it("refuses a client for good in four ways", function()
    local form = { grant_type = "client_credentials", scope = "read" }
    local response = ask(form, basic(server.client_id, "another"))
    refused(401, "invalid_client", response)
    assert.matches('^Basic .*error="invalid_client"', response.headers["www-authenticate"])
    -- Two that RFC 6749 calls invalid_client and unauthorized_client.
    refused(400, "invalid_request", ask(form, server.client_id .. ":" .. server.client_secret))
    refused(400, "invalid_request", ask(form, basic(server.user_client_id, server.client_secret)))
    refused(400, "invalid_scope", ask { grant_type = "client_credentials", scope = "admin" })
  end)

  it("says the same to another password and to a dead refresh token", function()
    refused(400, "invalid_grant", log_in "another")
    refused(400, "invalid_grant", refresh "unknown")
  end)

  it("says 401 to a token that has expired, and to none", function()
    local token = granted(log_in()).access_token
    clock.sleep(TOKEN_LIFE + 1)
    bad_token(call(server.me_url, token))
    bad_token(call(server.things_url, token))
    refused(401, "invalid_token", call(server.me_url))
    assert.equal(401, call(server.things_url).status)
  end)

  it("says 403 to a token without the scope", function()
    local response = call(server.things_url, granted(log_in()).access_token, "POST")
    refused(403, "insufficient_scope", response)
  end)

  it("takes a token back", function()
    local grant = granted(log_in())
    local user = basic(server.client_id, server.client_secret)
    for _, token in ipairs { grant.access_token, grant.refresh_token } do
      local form = { token = token }
      local response = curl.request { url = server.revoke_url, user = user, form = form }
      assert.equal(200, response.status)
      response = curl.request { url = server.introspect_url, user = user, form = form }
      assert.same({ active = false }, response.data)
    end
    bad_token(call(server.me_url, grant.access_token))
    refused(400, "invalid_grant", refresh(grant.refresh_token))
  end)

  it("gives a new refresh token each time; one that comes again ends all", function()
    local first = granted(log_in()).refresh_token
    local second = granted(refresh(first))
    assert.not_equal(first, second.refresh_token)
    assert.equal(200, call(server.me_url, second.access_token).status)
    local ended = server:counters()["grant revoked"] or 0
    refused(400, "invalid_grant", refresh(first))
    assert.equal(ended + 1, server:counters()["grant revoked"])
    refused(400, "invalid_grant", refresh(second.refresh_token))
    bad_token(call(server.me_url, second.access_token))
  end)
end)
