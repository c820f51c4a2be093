-- Wrong or jumping clocks: the client uses the server's clock and the time elapsed since.

local api = require "spec.support.api"
local clock = require "spec.support.clock"
local mic = require "mic"

local HOUR, YEAR = 3600, 365 * 86400

describe("a wall clock that differs from the server's", function()
  local sandbox = api.around()
  local function assert_works(client, came)
    local response, err = client:get "/user"
    assert(response, tostring(err))
    assert.equal(came, sandbox:seen())
  end

  --- A store that keeps bytes, as one that other processes read.
  local function bytes_store()
    local memory = mic.store.memory()
    return {
      load = memory.load, lock = memory.lock, unlock = memory.unlock,
      save = function(key, record)
        return memory.save(key, record and record:bytes())
      end,
    }
  end

  for _, offset in ipairs { HOUR, -HOUR, 10 * YEAR, -10 * YEAR } do
    it(("by %d seconds changes nothing"):format(offset), function()
      local store = bytes_store()
      sandbox:mode { clock_offset = offset }
      local client, inner = sandbox:logged_in { store = store }
      sandbox:seen()
      assert_works(client, "GET /user")
      assert.is_true(client:authenticated())
      inner:shift_clock(HOUR - 600)
      assert_works(client, "GET /user\nPOST /auth/refresh")
      assert_works(client, "GET /user")
      inner:shift_clock(HOUR + 1)
      assert_works(client, "POST /auth/refresh\nGET /user")

      -- Another client, which has not learned the server's time yet, refreshes at most once too
      -- often.
      local other = sandbox:client { store = store }
      assert(other:get "/user")
      assert.is_true(select(2, sandbox:seen():gsub("/auth/refresh", "")) <= 1)
      assert_works(other, "GET /user")
      assert_works(client, "GET /user")
    end)

    it(("by %d seconds from one moment to the next costs one refresh"):format(offset), function()
      local client = sandbox:logged_in()
      sandbox:mode { clock_offset = offset }
      sandbox:expire()
      sandbox:seen()
      assert_works(client, "GET /user\nPOST /auth/refresh\nGET /user")
      for _ = 1, 3 do
        assert_works(client, "GET /user")
      end
      local left = client:credentials().expires_at - (clock.wall() + offset)
      assert.is_true(math.abs(left - HOUR) < 10, left)
    end)
  end
end)
