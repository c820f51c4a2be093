-- A credential store of your own, in a database that many machines share. The database needs get,
-- set, delete, and "add if absent, with a time to live". Redis, memcached and SQL have these.

local mic = require "mic"

--- This table represents your database.
local database = { values = {}, ends = {} }

function database.get(name)
  if database.ends[name] and os.time() >= database.ends[name] then
    database.set(name, nil)
  end
  return database.values[name]
end

function database.set(name, value, seconds)
  database.values[name] = value
  database.ends[name] = seconds and os.time() + math.ceil(seconds)
end

function database.add(name, value, seconds)
  if database.get(name) then
    return false
  end
  database.set(name, value, seconds)
  return true
end

local function new_store()
  local store = {}
  local taken = 0

  function store.load(key)
    return database.get("credentials " .. key)
  end

  function store.save(key, record)
    --- The bytes contain the secrets. Encrypt them if others can read the database.
    database.set("credentials " .. key, record and record:bytes())
    return true
  end

  --- Must not wait. The lock token must be unique: for example the name of the machine, a process
  --- ID and a counter.
  function store.lock(key, seconds)
    taken = taken + 1
    local token = ("%s %d"):format(tostring(store), taken)
    return database.add("lock " .. key, token, seconds) and token
  end

  --- Releases only a lock with this token. In Redis this is a script.
  function store.unlock(key, token)
    if token and database.get("lock " .. key) == token then
      database.set("lock " .. key, nil)
    end
  end

  return store
end

--- Runs the tests that lua-mic has for stores.
local function new_database()
  database.values, database.ends = {}, {}
  return new_store()
end

local tests = mic.store.conformance { new = new_database, again = new_store }
for _, test in ipairs(tests) do
  test.run() -- raises if the store fails it
end
print("the store passes all tests: " .. tostring(#tests > 10))

--- Two machines share one login.
local first = mic.assert(mic.from_env { store = new_database() })
local second = mic.assert(mic.from_env { store = new_store() })
mic.assert(first:get "/user")
print(mic.assert(second:get "/user").data.userName)
print("logins: " .. first:status().counters.logins .. " and " .. second:status().counters.logins)
