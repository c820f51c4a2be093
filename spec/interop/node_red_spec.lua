-- Node-RED's admin API (of tools/interop): the client with its row, and the server's answers, asked
-- by the curl command.

local clock = require "spec.support.clock"
local curl = require "spec.support.curl"
local interop = require "spec.support.interop"
local login_contract = require "spec.support.login_contract"
local mic = require "mic"

local TOKEN_LIFE = 3

describe("Node-RED", function()
  local server = interop.start("node_red", { token_life = TOKEN_LIFE })

  local function log_in(username, password, scope)
    local form = {
      client_id = server.client_id,
      grant_type = "password",
      scope = scope or "*",
      username = username,
      password = password,
    }
    return assert(curl.request { url = server.token_url, form = form })
  end

  local function token_of(...)
    local response = log_in(...)
    assert.equal(200, response.status, response.body)
    assert.equal("Bearer", response.data.token_type)
    assert.equal(TOKEN_LIFE, response.data.expires_in)
    assert.is_nil(response.data.refresh_token)
    return response.data.access_token
  end

  local function get(token)
    local headers = token and { Authorization = "Bearer " .. token }
    return assert(curl.request { url = server.settings_url, headers = headers })
  end

  local function unauthorized(meaning, response)
    assert.same(
      { 401, meaning, "Unauthorized" },
      { response.status, response.headers["www-authenticate"], response.body }
    )
  end

  local row = {
    name = "node-red",
    login = "POST /auth/token",
    login_body = "client_id=node-red-admin&grant_type=password&scope={scope}"
      .. "&username={username}&password={password}",
    expired = { { 401, "invalid_token" } },
    refused = { { 403, "invalid_grant" } },
  }

  local function logins()
    return server:counters()["POST /auth/token"] or 0
  end

  login_contract.add {
    options = {
      base_url = server.base_url,
      username = server.username,
      password = server.password,
      values = { scope = "*" },
      profile = row,
    },
    call = { method = "GET", path = "/settings" },
    token_life = TOKEN_LIFE,
    counters = logins,
    revoke = function(token)
      local response = curl.request {
        url = server.revoke_url,
        form = { token = token },
        headers = { Authorization = "Bearer " .. token },
      }
      assert.equal(200, response.status)
    end,
  }

  it("says to a reader who writes what no new token changes", function()
    local client = mic.new {
      base_url = server.base_url,
      username = server.reader.username,
      password = server.reader.password,
      values = { scope = "read" },
      profile = row,
    }
    local before = logins()
    for _ = 1, 2 do
      local _, err = client:post("/flows", { { id = "a", type = "tab" } })
      assert.same({ "auth", 401, 1 }, { err.kind, err.status, err.attempts })
    end
    assert.equal(200, client:get("/settings").status)
    assert.equal(before + 1, logins())
    client:close()
  end)

  it("gives a token for the password, and takes it", function()
    assert.equal(200, get(token_of(server.username, server.password)).status)
  end)

  it("says 403 to another password, and to a scope that the user has not", function()
    for _, response in ipairs {
      log_in(server.username, "another"),
      log_in(server.reader.username, server.reader.password, "*"),
    } do
      assert.equal(403, response.status)
      assert.same({
        error = "invalid_grant",
        error_description = "Invalid resource owner credentials",
      }, response.data)
    end
  end)

  it("says in a header alone that a token has expired", function()
    local token = token_of(server.username, server.password)
    clock.sleep(TOKEN_LIFE + 1)
    unauthorized('Bearer realm="Users", error="invalid_token"', get(token))
  end)

  it("says so of a revoked token too, and nothing of no token", function()
    local token = token_of(server.username, server.password)
    local response = curl.request {
      url = server.revoke_url,
      form = { token = token },
      headers = { Authorization = "Bearer " .. token },
    }
    assert.same({ 200, "" }, { response.status, response.body })
    unauthorized('Bearer realm="Users", error="invalid_token"', get(token))
    unauthorized('Bearer realm="Users"', get())
  end)

  it("says 401 and nothing else to a reader who writes", function()
    local token = token_of(server.reader.username, server.reader.password, "read")
    assert.equal(200, get(token).status)
    local response = curl.request {
      url = server.flows_url,
      json = { { id = "a", type = "tab" } },
      headers = { Authorization = "Bearer " .. token },
    }
    assert.same({ 401, "" }, { response.status, response.body })
    assert.is_nil(response.headers["www-authenticate"])
  end)
end)
