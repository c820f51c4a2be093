-- A store of one's own: credentials in a database that many machines share. It needs what Redis,
-- memcached and SQL all have: get, set, delete, and "add if there is none, for some seconds".

local mic = require "mic"

--- This table stands for your database.
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
    --- The bytes hold the secrets: encrypt them where others can read along.
    database.set("credentials " .. key, record and record:bytes())
    return true
  end

  --- Never waits. The token has to be one that nobody else has: a machine's name, a process id and
  --- a counter, say.
  function store.lock(key, seconds)
    taken = taken + 1
    local token = ("%s %d"):format(tostring(store), taken)
    return database.add("lock " .. key, token, seconds) and token
  end

  --- Only what is still ours. In Redis this comparison is a small script.
  function store.unlock(key, token)
    if token and database.get("lock " .. key) == token then
      database.set("lock " .. key, nil)
    end
  end

  return store
end

--- Does it do what the client relies on?
local function new_database()
  database.values, database.ends = {}, {}
  return new_store()
end

local tests = mic.store.conformance { new = new_database, again = new_store }
for _, test in ipairs(tests) do
  test.run() -- raises what is wrong
end
print("the store passes all tests: " .. tostring(#tests > 10))

--- Two machines, one login.
local first = mic.assert(mic.from_env { store = new_database() })
local second = mic.assert(mic.from_env { store = new_store() })
mic.assert(first:get "/user")
print(mic.assert(second:get "/user").data.userName)
print("logins: " .. first:status().counters.logins .. " and " .. second:status().counters.logins)
