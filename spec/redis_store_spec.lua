-- The Redis store with a real Redis: several client libraries, races and deaths of processes.

local api = require "spec.support.api"
local clock = require "spec.support.clock"
local mic = require "mic"
local nginx = require "spec.support.nginx"
local records = require "spec.support.records"
local redis_server = require "spec.support.redis_server"
local scratch = require "spec.support.scratch"
local shell = require "spec.support.shell"

local load = loadstring or load -- luacheck: ignore 113
local quote = shell.quote

local record = records.numbered {
  token = "t0ken-in-redis", identity = "identity", refresh_token = "r3fresh-in-redis",
}

local function line(err)
  return err and ("%s %s: %s"):format(err.kind, tostring(err.code), err.message)
end

local LATE = "store EAGAIN: another client has or had the lock: a save would overwrite "
  .. "its record; try again"
local KEY, LOCK = "mic:{key}:record", "mic:{key}:lock"

describe("the Redis store", function()
  local server = redis_server.start()
  local command, store, other

  local function new_store()
    return mic.store.redis { command = server:command() }
  end

  before_each(function()
    command = server:command() -- the one before may have gone with its Redis
    assert.equal("OK", command "FLUSHALL")
    store, other = new_store(), new_store()
  end)

  local function number_in(which)
    local bytes, err = which.load "key"
    assert.is_nil(err)
    return bytes and records.number(bytes)
  end

  --- Runs Lua texts at once, each in a process of its own with a `store` and its `command`.
  local function processes(...)
    local folder, pipes, printed = scratch.folder(), {}, {}
    for index, text in ipairs { ... } do
      local connect = "local command = require 'spec.support.resp'.command(%q)\n"
      local head = connect:format(server.socket)
        .. "local core, mic = require 'mic.core', require 'mic'\n"
        .. "local store = mic.store.redis { command = command }\n"
      local file = folder:write(index .. ".lua", head .. text)
      local path = "LUA_PATH=\"./?.lua;$LUA_PATH\" "
      pipes[index] = shell.start(path .. shell.lua .. " " .. quote(file) .. " 2>&1")
    end
    for index, pipe in ipairs(pipes) do
      printed[index] = pipe:read "*a"
      pipe:close()
    end
    return printed
  end

  describe("over a client in a few lines", function()
    mic.store.conformance {
      new = function()
        command "FLUSHALL"
        return new_store()
      end,
      again = new_store,
      shortest = 0.02,
      it = it,
    }
  end)

  describe("keeps", function()
    it("records under its prefix, and all of a key on one node of a cluster", function()
      local mine = mic.store.redis { command = command, prefix = "app:" }
      local token = mine.lock("https://api.example/prod a}b{c%", 45)
      assert.is_true(mine.save("https://api.example/prod a}b{c%", record(1)))
      mine.unlock("https://api.example/prod a}b{c%", token)
      local keys = command("KEYS", "*")
      table.sort(keys)
      assert.same({
        "app:{https://api.example/prod a%7db%7bc%25}:fence",
        "app:{https://api.example/prod a%7db%7bc%25}:record",
      }, keys)
      assert.is_nil(store.load "https://api.example/prod a}b{c%")
    end)

    it("a record for the time that it is asked to", function()
      assert.is_true(store.save("key", record(1)))
      assert.equal(-1, command("PTTL", KEY))
      assert.is_true(store.save("key", record(1), 60))
      local left = command("PTTL", KEY)
      assert.is_true(left > 50000 and left <= 60000, left)
      assert.is_true(store.save("key", record(1)))
      assert.equal(-1, command("PTTL", KEY))
      assert.is_true(store.save("key", record(1), 1e-9))
    end)

    it("bytes as well as record objects, and nothing else", function()
      assert.is_true(store.save("key", record(3):bytes()))
      assert.equal(3, number_in(other))
      local saved, err = store.save("key", "no record")
      assert.is_nil(saved)
      assert.equal("store nil: the saved credentials are damaged", line(err))
      assert.equal(3, number_in(other))
      for _, wrong in ipairs { 1, true, {} } do
        local ok, message = pcall(store.save, "key", wrong)
        assert.is_false(ok)
        assert.is_truthy(message:find("save: a record or its bytes expected", 1, true), message)
      end
    end)

    it("nothing that is no text: that is a damaged record, and is written over", function()
      command("LPUSH", KEY, "element")
      assert.equal("", store.load "key")
      assert.is_true(store.save("key", record(1)))
      assert.equal(1, number_in(other))
    end)
  end)

  describe("sends its scripts", function()
    local sent

    before_each(function()
      sent = {}
      store = mic.store.redis {
        command = function(name, ...)
          sent[#sent + 1] = name
          for _, argument in ipairs { ... } do
            assert.equal("string", type(argument))
          end
          return command(name, ...)
        end,
      }
    end)

    it("once, and their digests from then on", function()
      command("SCRIPT", "FLUSH")
      local token = store.lock("key", 45)
      store.save("key", record(1))
      store.load "key"
      assert.same({ "EVALSHA", "EVAL", "EVALSHA", "EVAL", "GET" }, sent)
      sent = {}
      store.save("key", nil)
      store.unlock("key", token)
      store.lock("key", 45)
      assert.same({ "EVALSHA", "EVALSHA", "EVALSHA" }, sent)
    end)

    it("again to a Redis that has forgotten them", function()
      store.lock("key", 45)
      command("SCRIPT", "FLUSH")
      sent = {}
      assert.is_false(store.lock("key", 45))
      assert.same({ "EVALSHA", "EVAL" }, sent)
    end)
  end)

  describe("fences", function()
    it("with a number that grows with every lock, over all processes", function()
      local last = 0
      for round = 1, 5 do
        local which = round % 2 == 0 and store or other
        local token = which.lock("key", 45)
        local fence = tonumber(token:match "^%d+")
        assert.is_true(fence > last)
        last = fence
        assert.is_true(which.unlock("key", token))
      end
    end)

    it("a late holder out while another one has the lock, and after that", function()
      local late = store.lock("key", 0.02)
      clock.sleep(0.04)
      local token = other.lock("key", 45)
      assert.is_truthy(token)
      for _, value in ipairs { record(1), false } do
        local saved, err = store.save("key", value or nil)
        assert.is_nil(saved)
        assert.equal(LATE, line(err))
      end
      assert.is_true(other.save("key", record(2)))
      assert.is_false(store.unlock("key", late))
      assert.is_true(other.unlock("key", token))
      assert.equal(2, number_in(store))
    end)

    it("a late holder out also when the other one has given the lock back", function()
      store.lock("key", 0.02)
      clock.sleep(0.04)
      local token = other.lock("key", 45)
      assert.is_true(other.save("key", record(2)))
      assert.is_true(other.unlock("key", token))
      local saved, err = store.save("key", record(1))
      assert.is_nil(saved)
      assert.equal(LATE, line(err))
      assert.equal(2, number_in(store))

      assert.is_truthy(store.lock("key", 45))
      assert.is_true(store.save("key", record(3)))
      assert.equal(3, number_in(other))
    end)

    it("no holder out who is late but the last: its record may be the only good one", function()
      store.lock("key", 0.02)
      clock.sleep(0.04)
      assert.is_true(store.save("key", record(1)))
      assert.equal(1, number_in(other))
    end)

    it("out who saves without the lock while another one holds it", function()
      local token = other.lock("key", 45)
      local saved, err = store.save("key", record(1))
      assert.is_nil(saved)
      assert.equal(LATE, line(err))
      other.unlock("key", token)
      assert.is_true(store.save("key", record(1)))
    end)
  end)

  describe("gives the lock", function()
    it("and keeps a record, for as long as can be counted", function()
      for index, seconds in ipairs { 1e11, 2 ^ 63, 1e300, math.huge } do
        local each = new_store()
        local key = "long " .. index
        local token, err = each.lock(key, seconds)
        assert.is_truthy(token, line(err))
        assert.is_false((each.lock(key, 1)))
        local saved, problem = each.save(key, record(1), seconds)
        assert.is_true(saved, line(problem))
        assert.equal(record(1):bytes(), each.load(key))
        each.unlock(key, token)
      end
    end)

    it("again to an owner whom an error kept from getting the token", function()
      local owner = {}
      local lost = store.lock("key", 45, owner)
      assert.is_false(store.lock("key", 45, {}))
      assert.is_false(store.lock("key", 45))
      assert.is_false(other.lock("key", 45, owner))
      local token = store.lock("key", 45, owner)
      assert.is_truthy(token)
      assert.is_false(store.unlock("key", lost))
      assert.is_true(store.save("key", record(1)))
      assert.is_true(store.unlock("key", token))
    end)

    it("again when Redis's answer was lost on its way", function()
      local cut = true
      local torn = mic.store.redis {
        command = function(...)
          local reply, problem = command(...)
          if cut and type(reply) == "number" then
            return nil, "timeout"
          end
          return reply, problem
        end,
      }
      local token, err = torn.lock("key", 45)
      assert.is_nil(token)
      assert.equal("store nil: Redis: timeout", line(err))
      assert.is_false(other.lock("key", 45))
      cut = false
      token = torn.lock("key", 45)
      assert.is_truthy(token)
      assert.is_false(other.lock("key", 45))
      assert.is_true(torn.unlock("key", token))
    end)

    it("to one of two processes that want it at the same time, 100 times", function()
      local text = [[
        local function meet(name)
          command("INCR", name)
          while tonumber(command("GET", name)) < 2 do end
        end
        local won = 0
        for round = 1, 100 do
          meet("before" .. round)
          local token = store.lock("key", 45)
          meet("after" .. round)
          if token then
            won = won + 1
            assert(store.unlock("key", token))
          end
          meet("end" .. round)
        end
        print(won)
      ]]
      local printed = processes(text, text)
      assert.equal(100, (tonumber(printed[1]) or error(printed[1])) + tonumber(printed[2]))
    end)

    it("to no process while a killed process's lease lasts, then to the next", function()
      local printed = processes [[
        assert(store.lock("key", 3))
        os.execute("kill -9 " .. ("%d"):format(core.pid()))
        print "not reached"
      ]]
      assert.is_nil(printed[1]:find "reached")
      assert.is_true(command("PTTL", LOCK) > 0)
      assert.is_false(store.lock("key", 45))
      local ends = clock.now() + 60
      local token
      repeat
        assert(clock.now() < ends, "the lease does not end")
        clock.sleep(0.02)
        token = store.lock("key", 45)
      until token
    end)
  end)

  describe("when Redis is away", function()
    after_each(function()
      server:kill()
      server:start()
    end)

    it("says so, and works again when it is back", function()
      local token = store.lock("key", 45)
      assert.is_true(store.save("key", record(1)))
      server:kill()
      for _ = 1, 2 do
        for name, arguments in pairs {
          load = {}, save = { record(2) }, lock = { 45 }, unlock = { token },
        } do
          local value, err = store[name]("key", arguments[1])
          assert.is_nil(value, name)
          assert.equal("store", err.kind)
          assert.is_truthy(err.message:find "^Redis: ", err.message)
        end
      end

      server:start()
      assert.is_nil(store.load "key")
      assert.is_false(store.unlock("key", token))
      assert.is_truthy(other.lock("key", 45))
      local saved, err = store.save("key", record(2))
      assert.is_nil(saved)
      assert.equal(LATE, line(err))
    end)

    it("keeps a client going with the token that it has, and saves when it is back", function()
      local box = api.start()
      local function new_client()
        return (box:client {
          username = box.username,
          password = box.password,
          store = new_store(),
        })
      end
      local client = new_client()
      assert(client:get "/user")
      server:kill()
      assert(client:get "/user")
      local refreshed, err = client:refresh()
      assert.is_nil(refreshed)
      assert.equal("store", err.kind)
      assert(client:get "/user")
      assert.is_truthy(client:status().store_error:find "Redis: ")

      server:start()
      assert(client:refresh())
      local second = new_client()
      assert(second:get "/user")
      assert.equal(1, client:status().counters.logins)
      assert.equal(0, second:status().counters.logins)
      box:stop()
    end)
  end)

  describe("names what went wrong", function()
    --- The error of each function over a client that fails in this way.
    local function errors_of(fail)
      local failing = mic.store.redis { command = fail }
      local found = {}
      for name, argument in pairs { load = false, save = record(1), lock = 45, unlock = "1:n" } do
        local value, err = failing[name]("key", argument or nil)
        assert.is_nil(value, name)
        found[#found + 1] = err
      end
      assert.equal(4, #found)
      return found
    end

    local ways = {
      ["a nil and a text"] = function(text)
        return nil, text
      end,
      ["a false and a text, as lua-nginx-redis does"] = function(text)
        return false, text
      end,
      ["an error that it raises, as lua-redis does"] = function(text)
        error("redis error: " .. text)
      end,
      ["an error object"] = function(text)
        return nil, require("mic.error").new("network", text)
      end,
    }

    for way, fail in pairs(ways) do
      it("from " .. way, function()
        for _, err in ipairs(errors_of(function()
          return fail "NOAUTH Authentication required."
        end)) do
          assert.equal("store NOAUTH: Redis: NOAUTH Authentication required.", line(err))
          assert.equal("the function command must log in to Redis (AUTH)", err.hint)
        end
      end)
    end

    it("when the client says nothing", function()
      for _, err in ipairs(errors_of(function()
        error {}
      end)) do
        assert.equal("store nil: Redis: the client gave no reason", line(err))
      end
    end)

    it("when a script's answer is no number", function()
      local wrong = mic.store.redis {
        command = function()
          return "QUEUED"
        end,
      }
      local value, err = wrong.lock("key", 45)
      assert.is_nil(value)
      assert.equal(
        "store nil: Redis: the function command returned no number for a script that returns one",
        line(err)
      )
    end)

    it("when Redis is full, and is no worse for it", function()
      assert.is_true(store.save("key", record(1)))
      command("CONFIG", "SET", "maxmemory", "1")
      local saved, err = store.save("key", record(2))
      assert.is_nil(saved)
      assert.equal("OOM", err.code)
      assert.equal("Redis is full: raise its maxmemory", err.hint)
      command("CONFIG", "SET", "maxmemory", "0")
      assert.equal(1, number_in(store))
      assert.is_true(store.save("key", record(2)))
    end)

    it("without what was sent, which some of Redis's errors repeat", function()
      local bare = redis_server.start "--rename-command EVALSHA '' --rename-command EVAL ''"
      local theirs = mic.store.redis { command = bare:command() }
      local _, err = theirs.save("key", record(1))
      bare:stop()
      assert.is_truthy(err.message:find "^Redis: ERR unknown command 'EVALSHA'$", err.message)

      for _, found in ipairs(errors_of(function(...)
        return nil, "cannot send: " .. table.concat({ ... }, " ")
      end)) do
        local shown = tostring(found)
        for _, secret in ipairs { "t0ken", "r3fresh", "identity" } do
          assert.is_nil(shown:find(secret, 1, true), shown)
        end
      end
      assert.equal("mic.store.redis (mic:)", tostring(store))
    end)

    it("in its options, by raising", function()
      local function message_of(given)
        local ok, message = pcall(mic.store.redis, given)
        assert.is_false(ok)
        return message
      end
      assert.is_truthy(message_of():find('option "command" is required', 1, true))
      assert.is_truthy(message_of({ client = print }):find('did you mean "command"?', 1, true))
      assert.is_truthy(message_of({ command = {} }):find('"command" must be a function', 1, true))
      assert.is_truthy(
        message_of({ command = print, prefix = "a{" }):find("a string without braces", 1, true)
      )
      local ok, message = pcall(store.lock, store, "key")
      assert.is_false(ok)
      assert.is_truthy(message:find("called with a dot", 1, true), message)
    end)
  end)

  describe("serves clients", function()
    local box = api.start()

    it("on many machines with one login and one refresh", function()
      local clients = {}
      for index = 1, 3 do
        clients[index] = box:client {
          username = box.username,
          password = box.password,
          store = new_store(),
        }
        assert(clients[index]:get "/user")
      end
      box:expire()
      for index = 1, 3 do
        assert(clients[index]:get "/user")
      end
      local counters = box:counters()
      assert.equal(1, counters.login)
      assert.equal(1, counters.refresh)
    end)

    it("whose record was damaged with a new login", function()
      local client = box:client {
        username = box.username,
        password = box.password,
        store = store,
      }
      command("LPUSH", "mic:{" .. box.base_url .. " " .. box.username .. "}:record", "element")
      assert(client:get "/user")
      assert.equal(1, client:status().counters.logins)
      assert.is_truthy(other.load(box.base_url .. " " .. box.username))
    end)
  end)

  if pcall(require, "redis") then
    describe("over lua-redis, as docs/credentials.md shows it,", function()
      local address = "unix://" .. server.socket
      local text = redis_server.documented("redis", '"redis.example", 6379, 2', address)
      local through_lua_redis = assert(load("return " .. text))()

      local function new()
        return mic.store.redis { command = through_lua_redis }
      end

      mic.store.conformance {
        new = function()
          command "FLUSHALL"
          return new()
        end,
        again = new,
        shortest = 0.1,
        it = it,
      }

      it("says what went wrong", function()
        server:kill()
        local _, err = new().load "key"
        server:start()
        assert.is_truthy(err.message:find "^Redis: could not connect to ", err.message)
      end)
    end)
  end

  describe("in nginx over lua-nginx-redis, as docs/credentials.md shows it,", function()
    local names = {}
    for index, test in ipairs(mic.store.conformance { new = print, again = print }) do
      names[index] = test.name
    end
    local results

    setup(function()
      local address = "unix:" .. server.socket
      local adapter = redis_server.documented("resty.redis", '"redis.example", 6379', address)
      local web = nginx.start {
        server = ([[
  location /conformance {
    content_by_lua_block {
      local mic = require "mic"
      if not pcall(require, "resty.redis") then -- OpenResty's; Debian's has another name
        package.loaded["resty.redis"] = require "nginx.redis"
      end
      local command = %s

      local function new()
        return mic.store.redis { command = command }
      end

      local tests = mic.store.conformance {
        new = function()
          command "FLUSHALL"
          return new()
        end,
        again = new,
        sleep = ngx.sleep,
        shortest = 0.1,
      }
      for _, test in ipairs(tests) do
        local ok, problem = pcall(test.run)
        ngx.say(test.name, "\t", ok and "ok" or problem)
      end
      ngx.say("errors\t", select(2, mic.store.redis {
        command = function()
          return require "resty.redis":new():connect "unix:/nowhere"
        end,
      }.load "key").message)
    }
  }
]]):format(adapter),
      }
      results = {}
      for name, result in web:get("/conformance"):gmatch "([^\t\n]+)\t([^\n]*)" do
        results[name] = result
      end
      web:stop()
    end)

    for _, name in ipairs(names) do
      it(name, function()
        assert.equal("ok", results[name])
      end)
    end

    it("says what went wrong", function()
      assert.equal("Redis: no such file or directory", results.errors)
    end)
  end)
end)
