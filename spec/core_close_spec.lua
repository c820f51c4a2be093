-- mic.core: closing and collecting objects in any order neither crashes nor hangs.

local api = require "spec.support.api"
local core_calls = require "spec.support.core_calls"

describe("mic.core, whatever the order in which objects end,", function()
  local sandbox = api.around()

  local function logged_in()
    local client = sandbox:core()
    assert(client:login(sandbox.username, sandbox.password))
    return client
  end

  local function collect_all()
    for _ = 1, 3 do
      collectgarbage()
    end
  end

  --- Runs the code in a child process, since a crash would end this one.
  local function run_apart(code)
    return sandbox:run([[
      local core = require "mic.core"
      local core_calls = require "spec.support.core_calls"
      local client = core.client { base_url = os.getenv "MIC_BASE_URL",
        profile = require "mic.profile.mic",
        api_key = os.getenv "MIC_API_KEY", ca_file = os.getenv "MIC_CA_FILE" }
      local username, password = os.getenv "MIC_USERNAME", os.getenv "MIC_PASSWORD"
      local function finish(exchange)
        while exchange:run(30) ~= "done" do end
      end
    ]] .. code .. " print 'end'")
  end

  it("cancels an unreferenced exchange, and the client stays usable", function()
    local client = logged_in()
    sandbox:answer { path = "/user", delay = 20 }
    local exchange = core_calls.start(client, { method = "GET", path = "/user" })
    exchange:run(0.02)
    exchange = nil -- luacheck: ignore 311
    collect_all()
    assert.same({}, client:collect(30)) -- nothing runs any more: returns at once
    assert.equal(200, core_calls.request(client, { method = "GET", path = "/users/anna" }).status)
    client:close()
  end)

  it("keeps a client alive as long as an exchange of it runs", function()
    local client = logged_in()
    sandbox:answer { path = "/user", delay = 0.1 }
    local exchange = core_calls.start(client, { method = "GET", path = "/user" })
    client = nil -- luacheck: ignore 311
    collect_all()
    while exchange:run(30) ~= "done" do
      collect_all()
    end
    assert.equal(200, core_calls.result(exchange).status)
  end)

  it("frees exchanges, records and clients in any order", function()
    for _ = 1, 5 do
      local client = logged_in()
      local kept = { client, client:record(),
        core_calls.start(client, { method = "GET", path = "/user" }), client:start "refresh",
        client:start("login", "demo", "x") }
      kept[3]:run(0)
      kept = nil -- luacheck: ignore 311
      client = nil -- luacheck: ignore 311
      collect_all()
    end
    assert.equal("end\n", run_apart [[
      assert(client:login(username, password))
      kept = { client:record(), core_calls.start(client, { method = "GET", path = "/user" }),
        client, client:start "refresh" }
    ]])
  end)

  it("gives the result of a request that had ended before the client was closed", function()
    sandbox:answer { path = "/user", status = 302, headers = { Location = "/prod/users" } }
    assert.equal("302\nend\n", run_apart [[
      assert(client:login(username, password))
      local exchange = core_calls.start(client, { method = "GET", path = "/user" })
      finish(exchange)
      client:close()
      print(core_calls.result(exchange).status)
    ]])
  end)

  it("survives a login that had ended before the client was closed", function()
    assert.equal("closed\nend\n", run_apart [[
      local exchange = client:start("login", username, password)
      finish(exchange)
      client:close()
      local reply, record = core_calls.result(exchange)
      print(not reply and record or reply.absorbed and "kept" or "closed")
    ]])
  end)

  it("has no headers for others after close, and says closed", function()
    assert.equal("nil\tclosed\nend\n", run_apart [[
      assert(client:login(username, password))
      client:close()
      local headers, kind = client:headers()
      print(headers, kind)
    ]])
  end)

  it("adopts nothing after close, and says closed", function()
    assert.equal("nil\tclosed\nend\n", run_apart [[
      client:close()
      print(select(1, client:adopt { identity = "i", token = "t" }),
        (select(2, client:adopt { identity = "i", token = "t" })))
    ]])
  end)
end)
