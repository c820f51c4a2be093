-- The record of mic.core: what a store keeps. Damage is found, another API's record is not used.

local api = require "spec.support.api"
local core = require "mic.core"

describe("a record of mic.core", function()
  local sandbox, client

  setup(function()
    sandbox = api.start()
  end)

  teardown(function()
    sandbox:stop()
  end)

  before_each(function()
    sandbox:reset()
    client = sandbox:core()
    assert(client:login(sandbox.username, sandbox.password))
  end)

  after_each(function()
    client:close()
  end)

  it("brings the credentials back in another client, from its bytes", function()
    local bytes = client:record():bytes()
    local second = sandbox:core()
    local record = assert(core.record(bytes))
    assert.equal(bytes, record:bytes())
    assert.equal(1, second:adopt(record, 0))
    assert.same(client:credentials_table(), second:credentials_table())
    local state, _, left, lifetime = second:freshness()
    assert.same({ "fresh", 3600 }, { state, lifetime })
    assert.is_true(left > 3590 and left <= 3600)
    assert.equal(200, second:request({ method = "GET", path = "/user" }).status)
    second:close()
  end)

  it("remembers the time: a token that rested is not fresh again", function()
    local record = core.record(client:record():bytes())
    local second = sandbox:core()
    second:shift_clock(3000)
    second:adopt(record)
    local _, _, left = second:freshness()
    assert.is_true(left > 590 and left <= 600)
    second:shift_clock(601)
    assert.equal("expired", (second:freshness()))
    second:close()
  end)

  it("keeps a generation that never goes back", function()
    assert(client:refresh())
    assert(client:refresh())
    local record = client:record()
    local second = sandbox:core()
    assert.equal(3, second:adopt(record, 0))
    second:close()
  end)

  it("is refused when any one byte is another, when bytes are missing, or are too many", function()
    local bytes = client:record():bytes()
    local message = "the saved credentials are damaged or of an unknown version"
    local function is_refused(damaged)
      local record, kind, code, text = core.record(damaged)
      return record == nil and kind == "store" and code == nil and text == message
    end
    for position = 1, #bytes do
      local byte = bytes:byte(position)
      for _, other in ipairs { (byte + 1) % 256, (byte + 128) % 256, 255 - byte } do
        local damaged = bytes:sub(1, position - 1) .. string.char(other) .. bytes:sub(position + 1)
        if not is_refused(damaged) then
          error(("byte %d of %d may be %d"):format(position, #bytes, other))
        end
      end
    end
    for length = 0, #bytes - 1 do
      assert(is_refused(bytes:sub(1, length)), length)
    end
    assert.is_true(is_refused(bytes .. "\0"))
    assert.is_true(is_refused(bytes .. bytes))
    assert.is_true(is_refused "{}")
    assert.has_error(function()
      core.record(nil)
    end)
  end)

  it("of another API is not adopted", function()
    local other = sandbox:core { base_url = sandbox.origin .. "/test" }
    local adopted, kind, _, message = other:adopt(client:record())
    assert.same({ nil, "store", "the saved credentials belong to another API" },
      { adopted, kind, message })
    assert.equal("none", (other:freshness()))
    other:close()
  end)

  it("outlives its client", function()
    local record = client:record()
    local bytes = record:bytes()
    client:close()
    assert.equal(bytes, record:bytes())
    local adopted, kind = client:adopt(record)
    assert.same({ nil, "closed" }, { adopted, kind })
  end)
end)
