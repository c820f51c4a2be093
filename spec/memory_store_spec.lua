local memory = require "mic.store.memory"

describe("the memory store", function()
  local store, time

  before_each(function()
    time = 1000
    store = memory {
      now = function()
        return time
      end,
    }
  end)

  it("has nothing at first", function()
    assert.is_nil(store.load "key")
  end)

  it("gives back the very record that was saved, by its key", function()
    local record = {}
    assert.is_true(store.save("one", record))
    assert.are.equal(record, store.load "one")
    assert.is_nil(store.load "two")
  end)

  it("forgets a record that is saved as nil", function()
    store.save("key", "bytes")
    assert.is_true(store.save("key", nil))
    assert.is_nil(store.load "key")
  end)

  it("forgets a record after its time", function()
    store.save("key", "bytes", 60)
    time = 1059.9
    assert.are.equal("bytes", store.load "key")
    time = 1060
    assert.is_nil(store.load "key")
    time = 1000
    assert.is_nil(store.load "key")
  end)

  it("gives the lock to one at a time, and never waits", function()
    local token = store.lock("key", 45)
    assert.is_truthy(token)
    assert.is_false(store.lock("key", 45))
    assert.is_truthy(store.lock("other", 45))
    assert.is_true(store.unlock("key", token))
    assert.is_truthy(store.lock("key", 45))
  end)

  it("takes the lock back from its owner only", function()
    local token = store.lock("key", 45)
    assert.is_false(store.unlock("key", "no token"))
    assert.is_false(store.unlock("key", nil))
    assert.is_false(store.lock("key", 45))
    assert.is_true(store.unlock("key", token))
    assert.is_false(store.unlock("key", token))
  end)

  it("ends a lock by itself, and does not let the late owner end the next one", function()
    local late = store.lock("key", 45)
    time = 1044.9
    assert.is_false(store.lock("key", 45))
    time = 1045
    local token = store.lock("key", 45)
    assert.is_truthy(token)
    assert.is_false(store.unlock("key", late))
    assert.is_false(store.lock("key", 45))
    assert.is_true(store.unlock("key", token))
  end)

  it("shares nothing with another store", function()
    local other = memory {
      now = function()
        return time
      end,
    }
    store.save("key", "bytes")
    store.lock("key", 45)
    assert.is_nil(other.load "key")
    assert.is_truthy(other.lock("key", 45))
  end)

  it("uses the core's clock when none is given", function()
    local real = memory()
    local token = real.lock("key", 45)
    assert.is_false(real.lock("key", 45))
    assert.is_true(real.unlock("key", token))
  end)

  it("raises for options that it does not have", function()
    local function message_of(given)
      return (select(2, pcall(memory, given)):gsub("^.-:%d+: ", ""))
    end
    assert.are.equal("mic.store.memory takes a table of options (got string)", message_of "x")
    assert.are.equal('unknown option "path"; known options: now', message_of { path = "x" })
  end)

  it("shows nothing of what it holds", function()
    store.save("key", "s3cret")
    assert.are.equal("mic.store.memory", tostring(store))
    for name, value in pairs(store) do
      assert.are.equal("function", type(value), name)
    end
  end)

  it("raises when it is called with a colon, and for times that are none", function()
    local function message_of(fn, ...)
      local ok, message = pcall(fn, ...)
      assert.is_false(ok)
      return (message:gsub("^[^:]+:%d+: ", ""))
    end
    for _, name in ipairs { "load", "save", "lock", "unlock" } do
      assert.are.equal(
        name .. ": the key must be a string (got table); a store's functions are called with a dot",
        message_of(store[name], store, "key")
      )
    end
    for _, seconds in ipairs { 0, -1, 0 / 0, "45" } do
      assert.are.equal(
        "lock: the second argument must be a positive number of seconds",
        message_of(store.lock, "key", seconds)
      )
    end
    assert.are.equal(
      "save: ttl must be a positive number of seconds",
      message_of(store.save, "key", "bytes", 0)
    )
  end)
end)
