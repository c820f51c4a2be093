-- Number arguments of mic.core: none is converted to a different value.

local cleanup = require "spec.support.cleanup"
local core = require "mic.core"
local core_calls = require "spec.support.core_calls"
local faults = require "spec.support.faults"

local HUGE = { 2 ^ 31, 2 ^ 32, 2 ^ 53, 2 ^ 63, 2 ^ 64, 1e300 }
local NEVER = { -1, -1e300, 0 / 0, -math.huge }
local FOREVER = 30 -- seconds; no test waits that long

describe("mic.core", function()
  local answer = "read\nsend HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\n{}\nagain"
  local server = faults.start(answer)
  local client

  before_each(function()
    client = cleanup.close(core.client {
      base_url = server.url, api_key = "k", profile = require "mic.profile.mic",
    })
    assert(client:adopt { identity = "i", token = "token", refresh_token = "r" })
  end)

  local function spec(name, number)
    return { method = "GET", path = "/x", [name] = number }
  end

  it("takes a number that is larger than any use of it", function()
    for _, number in ipairs(HUGE) do
      for _, name in ipairs { "timeout", "connect_timeout", "max_size", "idle_timeout" } do
        local reply, kind, _, message = core_calls.request(client, spec(name, number))
        assert.equal(200, reply and reply.status, ("%s = %s: %s %s"):format(name, number,
          tostring(kind), tostring(message)))
      end
      for _, name in ipairs { "timeout", "connect_timeout", "max_response_size" } do
        local other = core.client { base_url = server.url, api_key = "k", [name] = number }
        assert.equal(200, (other:call("GET", "/x", nil, true, nil, { auth = false })))
        other:close()
      end
      assert.equal(200, (client:call("GET", "/x", number, true)))
      local exchange = client:start("call", "GET", "/x", number, true)
      assert.equal("done", exchange:run(number))
      assert.equal(200, (exchange:result()))
      exchange = client:start("login", "user", "password", number)
      assert.equal("done", exchange:run(math.huge))
      assert.is_true(#client:collect(number) > 0)
      assert.is_false(client:is_fresh(number))
      client:schedule(number, 0)
      assert(client:freshness())
      client:schedule(0, 0)
    end
  end)

  it("takes a fraction of a byte for one byte", function()
    local other = core.client { base_url = server.url, api_key = "k", max_response_size = 0.5 }
    local reply, kind = core_calls.request(other, { method = "GET", path = "/x", auth = false })
    assert.same({ nil, "too_large" }, { reply, kind })
    other:close()
  end)

  it("refuses what is no length of time and no size, and names it", function()
    for _, number in ipairs { 0, -1, -1e300, 0 / 0, math.huge, -math.huge } do
      for _, name in ipairs { "timeout", "connect_timeout", "max_size", "idle_timeout" } do
        for _, way in ipairs { core_calls.request, core_calls.start } do
          local ok, problem = pcall(way, client, spec(name, number))
          assert.same({ false, name .. " must be a positive number" }, { ok, problem })
        end
      end
      assert.same({ false, "timeout must be a positive number" },
        { pcall(client.call, client, "GET", "/x", number, true) })
      for _, name in ipairs { "timeout", "connect_timeout", "max_response_size" } do
        local ok, problem = pcall(core.client, { base_url = server.url, [name] = number })
        assert.same({ false, name .. " must be a positive number" }, { ok, problem })
      end
      if not pcall(client.adopt, client, { identity = "i", token = "t", expires_at = 1 }) then
        error "a time in the past is one"
      end
      assert.is_false((pcall(client.adopt, client,
        { identity = "i", token = "t", expires_at = number })))
    end
    for _, number in ipairs(NEVER) do
      local exchange = core_calls.start(client, spec("timeout", 1))
      assert.is_false((pcall(exchange.run, exchange, number)))
      assert.is_false((pcall(client.collect, client, number)))
      assert.is_false((pcall(core.sleep, number)))
    end
    assert.is_false((pcall(core.sleep, math.huge)))
  end)

  it("refuses NaN wherever it compares, since no comparison does", function()
    local nan = 0 / 0
    for name, call in pairs {
      start = function()
        client:start("refresh", nan)
      end,
      mark_stale = function()
        client:mark_stale(nan)
      end,
      adopt = function()
        client:adopt({ identity = "i", token = "t" }, nan)
      end,
      forget = function()
        client:forget(nan)
      end,
      schedule = function()
        client:schedule(1, nan)
      end,
      shift_clock = function()
        client:shift_clock(nan)
      end,
    } do
      local ok, problem = pcall(call)
      assert.is_false(ok, name)
      assert.is_truthy(problem:find "NaN", problem)
    end
    assert.equal("fresh", (client:freshness()))
    assert.is_false((pcall(client.shift_clock, client, math.huge)))
  end)

  it("keeps no time that a record could not hold", function()
    for _, number in ipairs { 2 ^ 54, 2 ^ 63, 1e300 } do
      local ok, problem = pcall(client.adopt, client,
        { identity = "i", token = "t", expires_at = number })
      assert.same({ false, "expires_at must be seconds since 1970" }, { ok, problem })
    end
    assert(client:adopt { identity = "i", token = "t", expires_at = 2 ^ 53 })
    assert.equal(2 ^ 53, client:credential_data().expires_at)
    assert(core.record(client:record():bytes()))
  end)

  it("tells of a body as long as no number of bytes that Lua counts exactly", function()
    local long = faults.start("read\nsend HTTP/1.1 200 OK\\r\\nContent-Length: "
      .. "9223372036854775807\\r\\n\\r\\nab\nhold")
    local other = core.client { base_url = long.url, api_key = "k" }
    local exchange = core_calls.start(other,
      { method = "GET", path = "/x", auth = false, progress = true, stream = true })
    local news, now, total
    repeat
      news, now, total = exchange:run(FOREVER)
    until news == "progress"
    assert.same({ 2, 2 ^ 63 }, { now, total })
    other:close()
    long.stop()
  end)
end)
