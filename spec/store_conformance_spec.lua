-- The conformance test of stores: ours and a small custom store pass it, and a store that breaks
-- one promise fails it.

local cleanup = require "spec.support.cleanup"
local core = require "mic.core"
local memory = require "mic.store.memory"
local mic = require "mic"
local scratch = require "spec.support.scratch"

local time = 0

local function tick(seconds)
  time = time + seconds
end

local function clock()
  return time
end

--- A store as a user writes it: over a table of strings that both of its makers share.
local function own_store(shared)
  local store = {}
  function store.load(key)
    return shared.records[key]
  end
  function store.save(key, record)
    shared.records[key] = record and record:bytes()
    return true
  end
  function store.lock(key, seconds)
    local held = shared.locks[key]
    if held and held.ends > time then
      return false
    end
    shared.locks[key] = { ends = time + seconds }
    return shared.locks[key]
  end
  function store.unlock(key, token)
    if shared.locks[key] == token then
      shared.locks[key] = nil
    end
  end
  return store
end

local function new_own_store()
  return own_store { records = {}, locks = {} }
end

describe("the memory store", function()
  mic.store.conformance {
    new = function()
      return memory { now = clock }
    end,
    sleep = tick,
    it = it,
  }
end)

describe("the file store", function()
  local folder, number = scratch.folder(), 0

  mic.store.conformance {
    new = function()
      number = number + 1
      return mic.store.file { path = folder:at("store" .. number) }
    end,
    again = function()
      return mic.store.file { path = folder:at("store" .. number) }
    end,
    shortest = 0.02,
    it = it,
  }
end)

describe("a store of one's own", function()
  local shared

  mic.store.conformance {
    new = function()
      shared = { records = {}, locks = {} }
      return own_store(shared)
    end,
    again = function()
      return own_store(shared)
    end,
    sleep = tick,
    it = it,
  }
end)

describe("the conformance test", function()
  --- The names of the tests that a store fails, and the first failure.
  local function failures(change)
    local names, first = {}, nil
    local tests = mic.store.conformance {
      new = function()
        local store = new_own_store()
        change(store)
        return store
      end,
      sleep = tick,
    }
    for _, test in ipairs(tests) do
      local ok, message = pcall(test.run)
      if not ok then
        names[#names + 1] = test.name
        first = first or message
      end
    end
    return names, first
  end

  it("is made of named tests that run without any test runner", function()
    local tests = mic.store.conformance { new = new_own_store, sleep = tick }
    assert.is_true(#tests >= 12)
    for _, test in ipairs(tests) do
      assert.is_string(test.name)
      test.run()
    end
    assert.same({}, (failures(function() end)))
  end)

  --- One broken promise each: how, and what the first failure says.
  local broken = {
    ["has no unlock"] = { function(store)
      store.unlock = nil
    end, "unlock is not a function" },
    ["says nothing about a save"] = { function(store)
      local save = store.save
      store.save = function(...)
        save(...)
      end
    end, "save returned nil, nil instead of true" },
    ["saves nothing"] = { function(store)
      store.save = function()
        return true
      end
    end, "load returned nothing (nil) for a saved record" },
    ["cannot load"] = { function(store)
      store.load = function()
        return nil, "out of order"
      end
    end, "load returned nil, out of order instead of nil alone" },
    ["has one record for all keys"] = { function(store)
      local load, save = store.load, store.save
      store.load = function()
        return load "key"
      end
      store.save = function(_, record)
        return save("key", record)
      end
    end, "load returned a string, nil instead of nil alone" },
    ["takes capitals for small letters"] = { function(store)
      local load, save = store.load, store.save
      store.load = function(key)
        return load(key:lower())
      end
      store.save = function(key, record)
        return save(key:lower(), record)
      end
    end, "load returned a string, nil instead of nil alone" },
    ["ends the bytes at a zero"] = { function(store)
      local load = store.load
      store.load = function(key)
        local bytes = load(key)
        return bytes and bytes:match "^[^%z]*"
      end
    end, "load returned bytes that are not a record: the saved credentials are damaged" },
    ["gives back something else"] = { function(store)
      local load = store.load
      store.load = function(key)
        return load(key) and {}
      end
    end, "load returned table: " },
    ["keeps an old record"] = { function(store)
      local save, load = store.save, store.load
      store.save = function(key, record)
        return record and load(key) and true or save(key, record)
      end
    end, "load returned a record other than the saved one" },
    ["does not forget"] = { function(store)
      local save = store.save
      store.save = function(key, record)
        return record and save(key, record) or true
      end
    end, "load returned a string, nil instead of nil alone" },
    ["locks for every caller"] = { function(store)
      store.lock = function()
        return {}
      end
    end, "lock returned table: " },
    ["never locks"] = { function(store)
      store.lock = function()
        return nil, "no locks here"
      end
    end, "lock returned nil, no locks here instead of a token" },
    ["never unlocks"] = { function(store)
      store.unlock = function() end
    end, "lock returned false, nil instead of a token" },
    ["unlocks for every caller"] = { function(store)
      local unlock, lock, last = store.unlock, store.lock, {}
      store.lock = function(key, seconds)
        local token = lock(key, seconds)
        last[key] = token or last[key]
        return token
      end
      store.unlock = function(key)
        unlock(key, last[key])
      end
    end, "instead of false while another holder has the lock" },
    ["has one lock for all keys"] = { function(store)
      local lock, unlock = store.lock, store.unlock
      store.lock = function(_, seconds)
        return lock("key", seconds)
      end
      store.unlock = function(_, token)
        unlock("key", token)
      end
    end, "lock returned false, nil instead of a token" },
    ["locks for ever"] = { function(store)
      local lock = store.lock
      store.lock = function(key)
        return lock(key, 1e6)
      end
    end, "lock returned false, nil instead of a token" },
    ["loads nothing under a lock"] = { function(store)
      local load, lock, locked = store.load, store.lock, {}
      store.lock = function(key, seconds)
        locked[key] = true
        return lock(key, seconds)
      end
      store.load = function(key)
        return not locked[key] and load(key) or nil
      end
    end, "load returned nothing (nil) for a saved record" },
  }

  for name, case in pairs(broken) do
    it("finds a store that " .. name, function()
      local names, first = failures(case[1])
      assert.is_true(#names > 0)
      assert.is_truthy(first:find(case[2], 1, true), first)
    end)
  end

  it("finds a lock that waits", function()
    local slow = 0
    cleanup.replace(core, "now", function()
      slow = slow + 2
      return slow
    end)
    local names, first = failures(function() end)
    assert.is_true(#names > 0, first)
    assert.equal("lock waited: it has to return false at once", first)
  end)

  it("raises for what it cannot use", function()
    local function message_of(given)
      local ok, message = pcall(mic.store.conformance, given)
      assert.is_false(ok)
      return message
    end
    assert.is_truthy(message_of({}):find('option "new" is required', 1, true))
    assert.is_truthy(message_of({ make = print }):find('did you mean "new"?', 1, true))
    assert.is_truthy(message_of({ new = print, shortest = 0 }):find('"shortest"', 1, true))
  end)

  it("is loaded on first use", function()
    local folder = scratch.folder()
    local printed = folder:lua [[
      local mic = require "mic"
      print(package.loaded["mic.store.conformance"] == nil)
      print(mic.store.conformance == require "mic.store.conformance", (pcall(function()
        return mic.store.other
      end)))
    ]]
    assert.equal("true\ntrue\tfalse\n", printed)
  end)
end)
