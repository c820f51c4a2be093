-- etcd as an API: the client with etcd's row, and the server's answers, asked by the curl command.

local clock = require "spec.support.clock"
local etcd = require "spec.support.etcd"
local login_contract = require "spec.support.login_contract"
local mic = require "mic"

local TOKEN_LIFE, LONG_TOKEN_LIFE = 3, 8

--- Status, code and message of an answer.
local function said(response)
  return { response.status, response.data.code, response.data.error }
end

local INVALID_TOKEN = { 401, 16, "etcdserver: invalid auth token" }

for kind, options in pairs {
  ["etcd with tokens that end without use"] = { token_life = TOKEN_LIFE },
  ["etcd with JWTs"] = { token_life = TOKEN_LIFE, jwt = true },
} do
  describe(kind, function()
    local server = etcd.start(options)

    local function token()
      local response = server:log_in(server.username, server.password)
      assert.equal(200, response.status, response.body)
      return response.data.token
    end

    local function get(with)
      return server:post("/v3/kv/range", { key = server.key }, with)
    end

    local function options_for(one)
      return {
        base_url = one.base_url,
        username = one.username,
        password = one.password,
        profile = etcd.row(options.jwt),
      }
    end

    local lasting = options.jwt and etcd.start { token_life = LONG_TOKEN_LIFE, jwt = true }

    login_contract.add {
      options = options_for(server),
      call = { method = "POST", path = "/v3/kv/range", data = { key = server.key } },
      token_life = TOKEN_LIFE,
      counters = function()
        return server:logins(), 0
      end,
      lasting = lasting and {
        options = options_for(lasting),
        token_life = LONG_TOKEN_LIFE,
        counters = function()
          return lasting:logins(), 0
        end,
      },
    }

    it("has users who may not do all", function()
      local client = mic.new {
        base_url = server.base_url,
        username = server.guest.username,
        password = server.guest.password,
        profile = etcd.row(options.jwt),
      }
      local before = server:logins()
      for _ = 1, 2 do
        local _, err = client:post("/v3/kv/range", { key = server.key })
        assert.same({ "http", 403, false }, { err.kind, err.status, err.retryable })
        assert.is_truthy(err.message:find "permission denied")
      end
      assert.equal(before + 1, server:logins())
      client:close()
    end)

    it("gives a token for the password, and takes it without a scheme", function()
      local response = get(token())
      assert.equal(200, response.status)
      assert.equal(server.value, response.data.kvs[1].value)
    end)

    it("says 401 to a token behind Bearer", function()
      assert.same(INVALID_TOKEN, said(get("Bearer " .. token())))
    end)

    it("says 401 to a token that has expired", function()
      local old = token()
      assert.equal(200, get(old).status)
      clock.sleep(TOKEN_LIFE + 1.5)
      local response = get(old)
      assert.same(INVALID_TOKEN, said(response))
      assert.is_nil(response.headers["www-authenticate"])
    end)

    it("says 400 to another password", function()
      assert.same(
        { 400, 3, "etcdserver: authentication failed, invalid user ID or password" },
        said(server:log_in(server.username, "another"))
      )
    end)

    it("says 400 to a call without a token", function()
      assert.same({ 400, 3, "etcdserver: user name is empty" }, said(get()))
    end)

    it("says 403 to a user without rights", function()
      local response = server:log_in(server.guest.username, server.guest.password)
      assert.same({ 403, 7, "etcdserver: permission denied" }, said(get(response.data.token)))
    end)

    it("tells how many have logged in", function()
      local before = server:logins()
      token()
      server:log_in(server.username, "another")
      assert.equal(before + 1, server:logins())
    end)
  end)
end

describe("etcd", function()
  it("leaves nothing when it is stopped", function()
    local server = etcd.start()
    local folder = server.process.folder
    local pid = folder:read "pid":match "%d+"
    assert.is_truthy(io.open("/proc/" .. pid .. "/stat"):close())
    server.stop()
    assert.is_nil(io.open("/proc/" .. pid .. "/stat"))
    assert.is_nil(io.open(folder:at "out"))
  end)
end)
