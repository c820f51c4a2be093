-- The shared dict store in a real nginx: races and deaths of workers, phases, a full dict.

local api = require "spec.support.api"
local clock = require "spec.support.clock"
local mic = require "mic"
local nginx = require "spec.support.nginx"
local scratch = require "spec.support.scratch"

local WORKERS = 3
local ROUNDS = 100

local box = api.start()

--- What the handlers below have in common.
local COMMON = [[
local core, mic = require "mic.core", require "mic"
local common = { dict = ngx.shared.store, KEY = "key" }
local maker = core.client {
  base_url = "https://api.example", api_key = "-", profile = require "mic.profile.mic",
}
maker:adopt { token = "t0ken-in-shm", identity = "identity", refresh_token = "r3fresh-in-shm" }

function common.record(number)
  return maker:record():with_retry_at(number)
end

function common.number(store)
  local bytes, err = store.load "key"
  return bytes and (bytes == "" and "damaged" or ("%d"):format(core.record(bytes):retry_at()))
    or err and tostring(err) or "none"
end

function common.new()
  return mic.store.shared_dict "store"
end

common.store = common.new()

--- A value, or what went wrong.
function common.show(value, err)
  ngx.say(err and tostring(err) or tostring(value))
end

--- Waits in line until all workers are here. They leave at the same moment of the system's clock,
--- so that a race is close.
function common.meet(notes, name)
  if notes:incr(name, 1, 0) == WORKERS then
    notes:set(name .. " over", core.now() + 0.0005)
  end
  local ends = core.now() + 20
  local over
  repeat
    assert(core.now() < ends, "a worker did not come")
    core.sleep(0.00002)
    over = notes:get(name .. " over")
  until over
  while core.now() < over do end
end

--- Every function once: "ok", or what went wrong. Under a key of its own: in init_worker all
--- workers do it at once.
function common.all(name)
  local store, key = common.store, ("phase %s %.17g"):format(name, core.random())
  local ok, problem = pcall(function()
    local token = assert(store.lock(key, 45))
    assert(store.save(key, common.record(1), 60))
    assert(#store.load(key) > 100)
    assert(store.save(key, nil))
    assert(store.load(key) == nil)
    assert(store.unlock(key, token))
  end)
  ngx.shared.notes:set("phase " .. name, ok and "ok" or problem)
end

return common
]]

--- Lua of the workers: the two races are begun by a note, and run in a timer of each.
local RACES = [[
local common, core = require "common", require "mic.core"
local notes = ngx.shared.notes
local store = common.store

local races = {}

--- A new lock each time.
function races.new(round)
  return "new " .. round
end

--- One that was given back before its time was over.
function races.used()
  return "used"
end

--- One that has just ended by itself.
function races.ended(round)
  local key = "ended " .. round
  store.lock(key, 0.001)
  local ends = core.now() + 0.003
  while core.now() < ends do end
  return key
end

--- One that all have just taken and given back as fast as they could.
function races.scrambled(round)
  common.meet(notes, "scramble" .. round)
  for _ = 1, 20 do
    local token = store.lock("scrambled", 45)
    if token and not store.unlock("scrambled", token) then
      notes:set("failed", "a lock was not given back")
    end
  end
  return "scrambled"
end

local function run(name)
  for round = 1, ROUNDS do
    local stem = name .. round
    local key = races[name](round)
    common.meet(notes, stem .. "begin")
    local token, err = store.lock(key, 45)
    if token then
      notes:incr("won " .. name, 1, 0)
    elseif err then
      notes:set("failed", tostring(err))
    end
    common.meet(notes, stem .. "end")
    if token and not store.unlock(key, token) then
      notes:set("failed", "a lock was not given back")
    end
    common.meet(notes, stem .. "over")
  end
  notes:incr("done " .. name, 1, 0)
end

local function look(premature)
  if premature then
    return
  end
  for name in pairs(races) do
    if notes:get("go " .. name) and not package.loaded["ran " .. name] then
      package.loaded["ran " .. name] = true
      run(name)
    end
  end
end

assert(ngx.timer.every(0.01, look))
]]

local conformance = {}
for index, test in ipairs(mic.store.conformance { new = print, again = print }) do
  conformance[index] = test.name
end

local function lua(place, text)
  local head = "location = /%s { content_by_lua_block {\nlocal common = require 'common'\n"
  return head:format(place) .. text .. "\n} }\n"
end

local server = nginx.start {
  workers = WORKERS,
  files = {
    ["common.lua"] = COMMON:gsub("WORKERS", tostring(WORKERS)),
    ["races.lua"] = RACES:gsub("ROUNDS", tostring(ROUNDS)),
    ["my_mic.lua"] = nginx.client(box, 'store = require("mic").store.shared_dict "logins"'),
  },
  http = [[
    lua_shared_dict store 1m;
    lua_shared_dict logins 1m;
    lua_shared_dict small 32k;
    init_by_lua_block { require("common").all "init" }
    init_worker_by_lua_block {
      require("common").all "init_worker"
      require "races"
    }
  ]],
  server = lua("conformance", [[
    for _, test in ipairs(require("mic").store.conformance {
      new = function()
        common.dict:flush_all()
        return common.new()
      end,
      again = common.new,
      sleep = ngx.sleep,
      shortest = 0.02,
    }) do
      local ok, problem = pcall(test.run)
      ngx.say(test.name, "\t", ok and "ok" or problem)
    end
  ]])
    .. lua("clear", "common.dict:flush_all()")
    .. lua("load", "ngx.print(common.number(common.store))")
    .. lua("save", "common.show(common.new().save('key', common.record(ngx.var.arg_number)))")
    .. lua("lock", "common.show(common.store.lock('key', tonumber(ngx.var.arg_seconds)))")
    .. lua("die", [[
      assert(common.store.lock("key", 6))
      os.execute("kill -9 " .. ngx.worker.pid())
    ]])
    .. lua("late", [[
      local store = common.new()
      local other = common.new()
      local late = store.lock("key", 0.02)
      ngx.sleep(0.04)
      local token = other.lock("key", 45)
      common.show(store.save("key", common.record(1)))
      common.show(store.save("key", nil))
      common.show(other.save("key", common.record(2)))
      common.show(store.unlock("key", late))
      common.show(store.lock("key", 45))
      common.show(other.unlock("key", token))
      common.show(store.unlock("key", late))
      ngx.say(common.number(store))
    ]])
    .. lua("later", [[
      local store = common.new()
      local other = common.new()
      store.lock("key", 0.02)
      ngx.sleep(0.04)
      local token = other.lock("key", 45)
      common.show(other.save("key", common.record(2)))
      common.show(other.unlock("key", token))
      common.show(store.save("key", common.record(1)))
      ngx.say(common.number(store))
      token = store.lock("key", 45)
      common.show(store.save("key", common.record(3)))
      common.show(store.unlock("key", token))
    ]])
    .. lua("last", [[
      local store = common.new()
      store.lock("key", 0.02)
      ngx.sleep(0.04)
      common.show(store.save("key", common.record(1)))
    ]])
    .. lua("without", [[
      local store = common.new()
      local token = common.new().lock("key", 45)
      common.show(store.save("key", common.record(1)))
      common.show(common.new().save("key", nil))
      ngx.say(common.number(store))
    ]])
    .. lua("owner", [[
      local store = common.new()
      local owner = {}
      local lost = store.lock("key", 45, owner)
      common.show(store.lock("key", 45, {}))
      common.show(store.lock("key", 45))
      common.show(common.new().lock("key", 45, owner))
      local token = store.lock("key", 45, owner)
      common.show(store.unlock("key", lost))
      common.show(store.save("key", common.record(1)))
      common.show(store.unlock("key", token))
    ]])
    .. lua("again", [[
      local store = common.new()
      --- Given back, and taken before its first time is over: the time counts anew.
      store.unlock("key", store.lock("key", 0.05))
      store.lock("key", 45)
      ngx.sleep(0.08)
      common.show(common.new().lock("key", 45))
    ]])
    .. lua("busy", [[
      local store = common.new()
      --- A worker that was busy has an old clock; the lock lasts as long as it should.
      local ends = require("mic.core").now() + 0.5
      while require("mic.core").now() < ends do end
      store.lock("key", 5)
      ngx.sleep(0.05)
      common.show(common.new().lock("key", 45))
    ]])
    .. lua("damaged", [[
      local store = common.new()
      for _, value in ipairs { 42, true } do
        common.dict:set("mic:record:key", value)
        ngx.say(common.number(store))
      end
      common.show(store.save("key", common.record(1)))
      ngx.say(common.number(store))
      common.show(store.save("key", "no record"))
      common.show(pcall(store.save, "key", 42))
      ngx.say(tostring(store))
    ]])
    .. lua("full", [[
      local small = ngx.shared.small
      local store = require("mic").store.shared_dict "small"
      assert(store.save("key", common.record(1)))
      local token = assert(store.lock("key", 45))
      local long = require "mic.core".client {
        base_url = "https://api.example", api_key = "-", profile = require "mic.profile.mic",
      }
      long:adopt { token = ("secret"):rep(400), identity = "i", refresh_token = "r" }
      local count = 0
      for _, size in ipairs { 1000, 100, 10 } do
        while small:safe_set("theirs" .. count + 1, ("x"):rep(size)) do
          count = count + 1
        end
      end
      common.show(store.save("key", long:record()))
      ngx.say(common.number(store))
      common.show(store.save("other key", common.record(2)))
      common.show(store.lock("other key", 45))
      common.show(store.save("key", common.record(3)))
      ngx.say(common.number(store))
      local left = 0
      for number = 1, count do
        left = left + (small:get("theirs" .. number) and 1 or 0)
      end
      ngx.say(count > 3 and left == count)
      for number = 1, count do
        small:delete("theirs" .. number)
      end
      common.show(store.save("key", long:record()))
      ngx.say(#store.load "key" > 2400)
      common.show(store.unlock("key", token))
    ]])
    .. lua("refused", [[
      for _, name in ipairs { "nowhere", "", 42, false } do
        ngx.say((select(2, pcall(require("mic").store.shared_dict, name or nil))))
      end
    ]])
    .. lua("race", [[
      local notes = ngx.shared.notes
      local name = ngx.var.arg_name
      notes:set("go " .. name, true)
      for _ = 1, 2500 do
        if notes:get("done " .. name) == WORKERS then
          break
        end
        ngx.sleep(0.01)
      end
      ngx.say(notes:get("won " .. name), " ", notes:get "failed")
    ]]):gsub("WORKERS", tostring(WORKERS))
    .. [[
  location = /phases {
    set_by_lua_block $unused { require("common").all "set" return "" }
    rewrite_by_lua_block { require("common").all "rewrite" }
    access_by_lua_block { require("common").all "access" }
    content_by_lua_block {
      require("common").all "content"
      ngx.timer.at(0, function() require("common").all "timer" end)
      ngx.say "."
    }
    header_filter_by_lua_block { require("common").all "header_filter" }
    body_filter_by_lua_block { require("common").all "body_filter" }
    log_by_lua_block { require("common").all "log" }
  }
  location = /phase {
    content_by_lua_block { ngx.print(ngx.shared.notes:get("phase " .. ngx.var.arg_name)) }
  }
  location = /user {
    content_by_lua_block {
      local answer, err = require("my_mic"):get "/user"
      ngx.print(answer and answer.data.userName or tostring(err))
    }
  }
]],
}

local LATE = "store: another client has or had the lock: a save would overwrite "
  .. "its record; try again (EAGAIN)"

local function lines(...)
  return table.concat({ ... }, "\n") .. "\n"
end

describe("the shared dict store", function()
  before_each(function()
    server:get "/clear"
  end)

  describe("in nginx", function()
    local results = {}

    setup(function()
      for name, result in server:get("/conformance"):gmatch "([^\t\n]+)\t([^\n]*)" do
        results[name] = result
      end
    end)

    for _, name in ipairs(conformance) do
      it(name, function()
        assert.equal("ok", results[name])
      end)
    end
  end)

  describe("never waits, and works", function()
    setup(function()
      server:get "/phases"
    end)

    for _, phase in ipairs {
      "init", "init_worker", "set", "rewrite", "access", "content", "header_filter",
      "body_filter", "log", "timer",
    } do
      it("in the phase " .. phase, function()
        assert.is_true(clock.eventually(function()
          return server:get("/phase?name=" .. phase) == "ok"
        end), (server:get("/phase?name=" .. phase)))
      end)
    end
  end)

  describe("shares", function()
    it("what is saved between all workers, and over a reload", function()
      assert.equal("true\n", (server:get "/save?number=7"))
      for _ = 1, 10 do
        assert.equal("7", (server:get "/load"))
      end
      local before = server:workers()
      server:signal "HUP"
      assert.is_true(clock.eventually(function()
        local there = table.concat(server:workers(), " ")
        for _, pid in ipairs(before) do
          if there:find(pid, 1, true) then
            return false
          end
        end
        return #server:workers() == WORKERS
      end))
      for _ = 1, 10 do
        assert.equal("7", (server:get "/load"))
      end
    end)

    it("one login between the clients of all workers", function()
      for _ = 1, 12 do
        assert.equal("demo", (server:get "/user"))
      end
      assert.equal(1, box:counters().login)
    end)
  end)

  describe("gives the lock to one of all workers, in " .. ROUNDS .. " rounds,", function()
    for name, what in pairs {
      new = "when it is new",
      used = "when it has just been given back",
      scrambled = "when all have taken it and given it back",
      ended = "when it has just ended by itself",
    } do
      it(what, function()
        assert.equal(ROUNDS .. " nil\n", (server:get("/race?name=" .. name)))
      end)
    end
  end)

  describe("fences", function()
    it("a late holder out while another one has the lock", function()
      assert.equal(
        lines(LATE, LATE, "true", "false", "false", "true", "false", "2"),
        (server:get "/late")
      )
    end)

    it("a late holder out also when the other one has given the lock back", function()
      assert.equal(lines("true", "true", LATE, "2", "true", "true"), (server:get "/later"))
    end)

    it("no holder out who is late but the last: its record may be the only good one", function()
      assert.equal(lines "true", (server:get "/last"))
    end)

    it("out who saves without the lock while another one holds it", function()
      assert.equal(lines(LATE, LATE, "none"), (server:get "/without"))
    end)
  end)

  describe("ends a lock", function()
    it("by itself when its worker was killed, and not before", function()
      server:get("/die", "2>/dev/null")
      assert.is_true(clock.eventually(function()
        return #server:workers() == WORKERS
      end))
      assert.equal("false\n", (server:get "/lock?seconds=45"))
      assert.is_true(clock.eventually(function()
        return server:get("/lock?seconds=45"):find "^%d"
      end))
    end)

    it("not at the end of the time of its last holder", function()
      assert.equal("false\n", (server:get "/again"))
    end)

    it("not before its time because its worker was busy", function()
      assert.equal("false\n", (server:get "/busy"))
    end)

    it("for an owner whom an error kept from getting the token", function()
      assert.equal(
        lines("false", "false", "false", "false", "true", "true"),
        (server:get "/owner")
      )
    end)
  end)

  it("says that the dict is full, and what to do, and evicts nothing", function()
    local full = 'store: the shared dict "small" is full (ENOSPC)'
      .. " - make it larger in nginx.conf (lua_shared_dict small 1m;) and keep nothing else in it"
    assert.equal(
      lines(full, "1", full, full, "true", "3", "true", "true", "true", "true"),
      (server:get "/full")
    )
  end)

  it("takes what is no text for a damaged record, and writes over it", function()
    assert.equal(
      lines(
        "damaged",
        "damaged",
        "true",
        "1",
        "store: the saved credentials are damaged",
        "save: a record or its bytes expected (got number)",
        "mic.store.shared_dict (store)"
      ),
      (server:get("/damaged"):gsub("content_by_lua%b():%d+: ", ""))
    )
  end)

  it("raises for a dict that nginx.conf does not have, and says what to write there", function()
    local printed = server:get "/refused"
    printed = printed:gsub("content_by_lua%b():%d+: ", "")
    assert.equal(
      lines(
        'nginx has no shared dict "nowhere"; put this into the http block of nginx.conf: '
          .. "lua_shared_dict nowhere 1m;",
        "mic.store.shared_dict takes the name of a shared dict, got string",
        "mic.store.shared_dict takes the name of a shared dict, got number",
        "mic.store.shared_dict takes the name of a shared dict, got nil"
      ),
      printed
    )
  end)

  it("raises outside nginx", function()
    local ok, message = pcall(mic.store.shared_dict, "store")
    assert.is_false(ok)
    assert.is_truthy(message:find("mic.store.shared_dict is for nginx; elsewhere use", 1, true))
  end)

  it("is loaded on first use, as the one in Redis", function()
    local folder = scratch.folder()
    local printed = folder:lua [[
      local mic = require "mic"
      print(package.loaded["mic.store.shared_dict"], package.loaded["mic.store.redis"])
      print(type(mic.store.shared_dict), type(mic.store.redis), (pcall(function()
        return mic.store.other
      end)))
    ]]
    assert.equal("nil\tnil\nfunction\tfunction\tfalse\n", printed)
  end)

  it("leaves nothing in nginx's error log but the worker that was killed", function()
    local errors = server:errors():gsub("[^\n]*exited on signal 9[^\n]*\n?", "")
    assert.equal("", errors)
  end)
end)
