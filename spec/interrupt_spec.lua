-- Interrupted calls: Ctrl-C, and errors thrown by a debug hook.

local api = require "spec.support.api"
local cleanup = require "spec.support.cleanup"
local clock = require "spec.support.clock"
local scratch = require "spec.support.scratch"
local shell = require "spec.support.shell"

local DELAY = 10 -- seconds that the answer or the sleep would take

--- For busy loops: compiled code runs no hooks, and Ctrl-C is delivered by a hook.
local INTERPRETED = [[
  if rawget(_G, "jit") then rawget(_G, "jit").off() end
]]

local CLIENT = [[
  local mic = require "mic"
  local client = mic.new {
    base_url = os.getenv "MIC_BASE_URL", api_key = os.getenv "MIC_API_KEY",
    username = os.getenv "MIC_USERNAME", password = os.getenv "MIC_PASSWORD",
    tls = { ca_file = os.getenv "MIC_CA_FILE" },
  }
]]

describe("Ctrl-C", function()
  local sandbox = api.around()

  --- Starts a script, sends SIGINT once it has printed "waiting" and `is_waiting` is true; returns
  --- what it printed on both streams, its exit status, how long it lived after the signal.
  local function interrupt(code, is_waiting)
    local command, printed = sandbox:command(code), scratch.file ""
    -- sh lets its background commands ignore SIGINT, and they would inherit that
    local line = "env --default-signal=INT %s >%s 2>&1 & echo $!; wait $!; echo $?"
    local pipe = shell.start(line:format(command, printed))
    local pid = pipe:read "*l"
    local ends = clock.now() + DELAY
    local text
    while clock.now() < ends do
      local file = assert(io.open(printed))
      text = file:read "*a"
      file:close()
      if text:find "waiting" and is_waiting() then
        break
      end
      clock.sleep(0.02)
    end
    clock.sleep(0.1) -- into the wait itself
    local started = clock.now()
    shell.check("kill -INT " .. pid)
    local status = tonumber(pipe:read "*l")
    local seconds = clock.now() - started
    pipe:close()
    local file = assert(io.open(printed))
    text = file:read "*a"
    file:close()
    return text, status, seconds
  end

  local function assert_interrupted(code, is_waiting)
    local text, status, seconds = interrupt(code, is_waiting)
    assert.is_truthy(text:find("interrupted!", 1, true), text)
    assert.is_nil(text:find("never printed", 1, true), text)
    assert.equal(1, status)
    assert.is_true(seconds < DELAY / 2, seconds)
  end

  --- True if the sandbox has received this request.
  local function has_come(line)
    return function()
      for _, entry in ipairs(sandbox:log()) do
        if entry.method .. " " .. entry.path == line then
          return true
        end
      end
    end
  end

  it("ends a call that waits for its answer; the interpreter's own error follows", function()
    sandbox:answer { path = "/user", delay = DELAY }
    assert_interrupted(CLIENT .. [[
      print "waiting" io.stdout:flush()
      client:get "/user"
      print "never printed"
    ]], has_come "GET /prod/user")
  end)

  it("ends a login that waits for its answer", function()
    sandbox:answer { path = "/auth/login", delay = DELAY }
    assert_interrupted(CLIENT .. [[
      print "waiting" io.stdout:flush()
      client:login()
      print "never printed"
    ]], has_come "POST /prod/auth/login")
  end)

  it("ends a call that logs in by itself, in a coroutine too", function()
    sandbox:answer { path = "/auth/login", delay = DELAY }
    assert_interrupted(CLIENT .. [[
      print "waiting" io.stdout:flush()
      coroutine.wrap(function() client:get "/user" end)()
      print "never printed"
    ]], has_come "POST /prod/auth/login")
  end)

  it("ends a batch, which leaves a client that works", function()
    sandbox:answer { path = "/slow", delay = DELAY, times = 8 }
    local text, status, seconds = interrupt(CLIENT .. [[
      assert(client:login())
      local requests = {}
      for index = 1, 16 do
        requests[index] = { path = index % 2 == 0 and "/slow" or "/user" }
      end
      requests[2].timeout = 60
      print "waiting" io.stdout:flush()
      print(select(2, pcall(client.batch, client, requests)))
      print(#client:batch { { path = "/user" }, { path = "/user" } })
      print(client:get("/user").data.userName)
    ]], has_come "GET /prod/slow")
    assert.is_truthy(text:find "interrupted!\n2\ndemo\n$", text)
    assert.equal(0, status)
    assert.is_true(seconds < DELAY / 2, seconds)
  end)

  it("ends a wait for the lock of a store", function()
    assert_interrupted([[
      local held = { load = function() end, save = function() return true end,
        lock = function() print "waiting" io.stdout:flush() return false end,
        unlock = function() end }
    ]] .. CLIENT:gsub("tls =", "store = held, tls =") .. [[
      client:login()
      print "never printed"
    ]], function()
      return true
    end)
  end)

  it("is raised unchanged out of the password function", function()
    assert_interrupted(INTERPRETED .. [[
      local function ask()
        print "waiting" io.stdout:flush()
        while true do end
      end
    ]] .. CLIENT:gsub("password = os.getenv \"MIC_PASSWORD\"", "password = ask") .. [[
      local _, err = client:get "/user"
      print("never printed", err)
    ]], function()
      return true
    end)
  end)

  it("is raised unchanged out of a function of the store", function()
    for _, name in ipairs { "load", "lock", "save", "unlock" } do
      assert_interrupted(INTERPRETED .. [[
        local memory = require("mic.store.memory")()
        local mine = { load = memory.load, lock = memory.lock, save = memory.save,
          unlock = memory.unlock }
        function mine.]] .. name .. [[()
          print "waiting" io.stdout:flush()
          while true do end
        end
      ]] .. CLIENT:gsub("tls =", "store = mine, tls =") .. [[
        local _, err = client:get "/user"
        print("never printed", err)
      ]], function()
        return true
      end)
    end
  end)

  it("ends the core's sleep", function()
    assert_interrupted(([[
      print "waiting" io.stdout:flush()
      require("mic.core").sleep(%d)
      print "never printed"
    ]]):format(DELAY), function()
      return true
    end)
  end)

  it("of a load leaves no mark by which the module could never be loaded again", function()
    local load = require("mic.pcall_compat").load
    local name, good = "mic.interrupted_once", {}
    cleanup.call(function()
      package.preload[name], package.loaded[name] = nil, nil
    end)
    package.preload[name] = function()
      error("interrupted", 0)
    end
    assert.is_false((pcall(require, name)))
    package.preload[name] = function()
      return good
    end
    assert.equal(good, (load(name)))
  end)

  it("that the script catches leaves a client that works", function()
    sandbox:answer { path = "/user", delay = DELAY }
    local text, status = interrupt(CLIENT .. [[
      print "waiting" io.stdout:flush()
      print(select(2, pcall(client.get, client, "/user")))
      print(client:get("/user").data.userName)
    ]], has_come "GET /prod/user")
    assert.is_truthy(text:find "interrupted!\ndemo\n$", text)
    assert.equal(0, status)
  end)
end)

describe("an error that a debug hook throws into a call", function()
  local sandbox = api.around()
  local jit = rawget(_G, "jit")

  if jit then
    jit.off() -- compiled code runs no hooks
    cleanup.call(jit.on)
  end

  local function assert_works(client, count)
    local started = clock.now()
    local response, err = client:get "/user"
    assert(response, ("after %d instructions: %s"):format(count, tostring(err)))
    assert(clock.now() - started < 5, ("after %d instructions: it waited"):format(count))
    client:close()
  end

  --- Throws into `act` after each `step` instructions more, until it ends before that.
  local function sweep(prepare, act, step, options)
    local count, thrown = 1, 0
    while true do
      local client = sandbox[options and "client" or "automatic"](sandbox, options)
      if prepare then
        prepare(client)
      end
      local fired = false
      pcall(function()
        debug.sethook(function()
          debug.sethook()
          fired = true
          error("thrown", 0)
        end, "", count)
        act(client)
        debug.sethook()
      end)
      debug.sethook()
      assert_works(client, count)
      if not fired then
        break
      end
      count, thrown = count + step, thrown + 1
    end
    assert.is_true(thrown > 20, thrown)
  end

  it("never leaves the client stuck: in a login", function()
    sweep(nil, function(client)
      client:login()
    end, 7)
  end)

  it("never leaves the client stuck: in a call that logs in by itself", function()
    sweep(nil, function(client)
      client:get "/user"
    end, 11)
  end)

  it("never leaves the client stuck: in a call that refreshes", function()
    sweep(function(client)
      client:login()
      sandbox:expire()
    end, function(client)
      client:get "/user"
    end, 17)
  end)

  it("never leaves the client stuck: at each instruction from there on", function()
    local count, thrown = 1, 0
    repeat
      local client = sandbox:automatic()
      local fired = false

      local function act()
        client:login()
        return true -- no tail call: `is_inside` looks for this function
      end

      local function is_inside()
        for level = 3, math.huge do
          local info = debug.getinfo(level, "f")
          if not info or info.func == act then
            return info ~= nil
          end
        end
      end

      local function throw()
        if is_inside() then
          if not fired then
            debug.sethook(throw, "", 1)
          end
          fired = true
          error("thrown", 0)
        end
      end

      debug.sethook(throw, "", count)
      pcall(act)
      debug.sethook()
      assert_works(client, count)
      count, thrown = count + 29, thrown + 1
    until not fired
    assert.is_true(thrown > 20, thrown)
  end)

  it("never loses a refresh token that came instead of another one", function()
    sandbox:mode { refresh = "rotate" }
    sweep(function(client) -- no password is left for another login
      assert(client:login(sandbox.username, sandbox.password))
      sandbox:expire()
    end, function(client)
      client:refresh()
    end, 3, {})
  end)
end)
