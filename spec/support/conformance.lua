--- Conformance test of transports: the same calls give the same results in every loop. busted runs
--- the cases as tests; in an nginx worker they are called by name.

local assert = require "luassert"
local cleanup = require "spec.support.cleanup"
local clock = require "spec.support.clock"
local core = require "mic.core"
local mic = require "mic"

--- Not LuaJIT: no task can be suspended within a pcall there.
local is_plain_51 = _VERSION == "Lua 5.1" and not rawget(_G, "jit")

local conformance = {}

--- Closes the clients that a case has made.
---@param world table
function conformance.close(world)
  for _, client in ipairs(world.clients or {}) do
    client:close()
  end
  world.clients = {}
end

--- How many lines of a file begin with this.
local function lines_of(path, beginning)
  local count = 0
  for line in io.lines(path) do
    count = count + (line:sub(1, #beginning) == beginning and 1 or 0)
  end
  return count
end

--- Defines the cases, each with the sandbox at the start.
---@param it fun(name: string, case: function)
---@param kind table one of spec.support.loops: transport (the option), suspends, run(main)
---@param world table once a case runs: sandbox (of spec.support.api), silent_url (of a server that
--- never answers), early (url and output of one that plays `faults.TWICE`), gate (url, output and
--- file of `faults.gate`); it keeps the clients that `close` closes
function conformance.define(it, kind, world)
  --- A client that logs in by itself.
  local function new(options)
    local sandbox = world.sandbox
    local all = {
      base_url = sandbox.base_url,
      api_key = sandbox.api_key,
      tls = { ca_file = sandbox.ca_file },
      retry = false,
      username = sandbox.username,
      password = sandbox.password,
      transport = kind.transport,
    }
    for name, value in pairs(options or {}) do
      all[name] = value
    end
    local client = cleanup.close(mic.new(all))
    table.insert(world.clients, client)
    return client
  end

  --- Runs a function in a task; returns its results. Assert afterwards: an error in a task is
  --- handled by the loop.
  local function inside(main)
    local results
    kind.run(function(...)
      results = { main(...) }
    end)
    assert(results, "the task has not ended")
    return (table.unpack or unpack)(results) -- luacheck: ignore
  end

  --- Runs a number of tasks; returns their results.
  local function together(count, task)
    local results = {}
    kind.run(function(spawn)
      for index = 1, count do
        spawn(function()
          results[index] = { task(index) }
        end)
      end
    end)
    assert.equal(count, #results)
    return results
  end

  local function kind_of(_, err)
    return err and (err.status or err.kind) or "no error"
  end

  it("gives responses and errors", function()
    local client = new()
    local dead = new { base_url = "https://localhost:1/" }
    local strange = new { tls = {} }
    local results = inside(function()
      return {
        (mic.assert(client:get "/user")).data.userName,
        mic.assert(client:patch("/users/anna", { firstName = "A" })).data.firstName,
        kind_of(client:get "/users/nobody"),
        kind_of(client:get "/no/such/path"),
        kind_of(dead:get("/user", { auth = false })),
        kind_of(dead:get "/user"),
        kind_of(strange:get("/user", { auth = false })),
        kind_of(client:get("/user", { body_file = "/nowhere/file" })),
        kind_of(client:login(nil, "wrong")),
      }
    end)
    local expected =
      { "demo", "A", 404, 403, "network", "network", "tls", "file", 401 }
    assert.same(expected, results)
  end)

  it("serves calls outside of its loop, before and after", function()
    local client = new()
    assert.equal("demo", mic.assert(client:get "/user").data.userName)
    assert.equal(200, inside(function()
      return client:get("/user").status
    end))
    assert.equal(200, client:get("/user").status)
    assert.equal(1, client:status().counters.logins)
  end)

  it("takes nothing that came early for an answer", function()
    local client = new { base_url = world.early.url }
    local before = lines_of(world.early.output, "said ")
    local results = inside(function(_, sleep)
      local list = {}
      for index = 1, 3 do
        local method = index == 2 and "POST" or "GET"
        local response = mic.assert(client:request { method = method, path = "/x", auth = false })
        list[index] = response.new_connection and response.data
        local ends = clock.now() + 60
        repeat -- until the second answer has been sent as well
          assert(clock.now() < ends)
          sleep(0.01)
        until lines_of(world.early.output, "said ") >= before + index
      end
      return list
    end)
    assert.same({ { first = true }, { first = true }, { first = true } }, results)
  end)

  it("ends at time limits, of an attempt and of the whole call", function()
    local client = new()
    mic.assert(client:login())
    world.sandbox:answer { path = "/user", delay = 30, times = 4 }
    local started = clock.now()
    local results = { inside(function()
      return kind_of(client:get("/user", { timeout = 0.1 })),
        kind_of(client:get("/user", { deadline = 0.1 })),
        kind_of(client:get("/user", { timeout = 0.1, deadline = 0.5,
          retry = { attempts = 2, base = 0.01 } }))
    end) }
    assert.same({ "timeout", "timeout", "timeout" }, results)
    assert.is_true(clock.now() - started < 15)
  end)

  it("sends again after a wait", function()
    local client = new { retry = { base = 0.01, cap = 0.01 } }
    world.sandbox:answer { path = "/x", status = 503, times = 2 }
    world.sandbox:answer { path = "/x", body = "{}" }
    assert.equal(3, inside(function()
      return client:get("/x", { auth = false }).attempts
    end))
  end)

  it("sends a login again after a wait, for all that wait for it", function()
    local client = new { retry = { base = 0.01, cap = 0.01 } }
    world.sandbox:answer { path = "/auth/login", status = 503, body = "{}", times = 2 }
    for _, result in ipairs(together(5, function()
      return client:get "/user"
    end)) do
      assert.equal("demo", mic.assert(result[1], result[2]).data.userName)
    end
    assert.equal(3, world.sandbox:counters().login)
    assert.equal(2, client:status().counters.retries)
  end)

  it("lets one login serve all", function()
    local client = new()
    for _, result in ipairs(together(20, function()
      return client:get "/user"
    end)) do
      assert.equal("demo", mic.assert(result[1], result[2]).data.userName)
    end
    assert.equal(1, world.sandbox:counters().login)
  end)

  it("lets one refresh serve all", function()
    for _, mode in ipairs { "echo", "rotate", "omit" } do
      local client = new()
      world.sandbox:mode { refresh = mode }
      mic.assert(client:login())
      for _ = 1, 3 do
        world.sandbox:expire()
        for _, result in ipairs(together(20, function()
          return client:get "/user"
        end)) do
          mic.assert(result[1], result[2])
        end
      end
      client:close()
    end
    assert.equal(9, world.sandbox:counters().refresh)
  end)

  it("gives all the error of a refresh that was refused", function()
    local client = new()
    mic.assert(client:login())
    world.sandbox:expire(true)
    world.sandbox:answer { path = "/auth/login", status = 500, times = 30 }
    local seen = world.sandbox:counters()
    for _, result in ipairs(together(10, function()
      return kind_of(client:get "/user")
    end)) do
      assert.equal(500, result[1])
    end
    assert.equal(seen.refresh + 1, world.sandbox:counters().refresh)
  end)

  it("refreshes ahead", function()
    local client, inner = world.sandbox:automatic { transport = kind.transport }
    world.clients[1] = client
    mic.assert(client:login())
    inner:shift_clock(3000)
    for _ = 1, 2 do
      assert.equal(200, inside(function()
        return client:get("/user").status
      end))
    end
    kind.run(function(_, sleep)
      local ends = clock.now() + 5
      while client:status().counters.refreshes == 0 and clock.now() < ends do
        sleep(0.01)
      end
    end)
    assert.equal(1, world.sandbox:counters().refresh)
    assert.equal(1, client:status().counters.refreshes)
  end)

  it("hands pieces over, and stops when it is told", function()
    local client = new()
    world.sandbox:answer { path = "/stream", body = "0123456789", ["repeat"] = 300000, times = 2 }
    local pieces, moved, calls = {}, 0, 0
    local ended, stopped = inside(function()
      local reply = mic.assert(client:get("/stream", {
        on_data = function(piece)
          pieces[#pieces + 1] = piece
        end,
        progress = function(now)
          moved = now
        end,
      }))
      return reply.status, kind_of(client:get("/stream", {
        on_data = function()
          calls = calls + 1
          return false
        end,
      }))
    end)
    assert.same({ 200, "cancelled", 1, 3000000 }, { ended, stopped, calls, moved })
    assert.is_true(table.concat(pieces) == ("0123456789"):rep(300000))
  end)

  it("runs a batch, in order", function()
    local client = new()
    local requests = {}
    for index = 1, 40 do
      local path = "/number/" .. index
      requests[index] = { path = path, auth = index % 2 == 0 }
      local body = ('{"n":%d}'):format(index)
      world.sandbox:answer { path = path, body = body, delay = index % 3 / 100 }
    end
    requests[41] = { path = "/users/nobody" }
    requests.concurrency = 7
    local results = inside(function()
      return client:batch(requests)
    end)
    for index = 1, 40 do
      assert.equal(index, mic.assert(results[index].response, results[index].err).data.n)
    end
    assert.equal(404, results[41].err.status)
    assert.equal(0, #inside(function()
      return client:batch {}
    end))
  end)

  it("ends what runs when the client is closed", function()
    local client = new()
    mic.assert(client:login())
    world.sandbox:answer { path = "/user", delay = 30 }
    local result
    local started = clock.now()
    kind.run(function(spawn, sleep)
      if not kind.suspends then -- no other task can close it
        client:close()
      end
      spawn(function()
        result = kind_of(client:get "/user")
      end)
      sleep(0.1)
      client:close()
    end)
    assert.equal("closed", result)
    assert.is_true(clock.now() - started < 15)
  end)

  it("tells of everything, in order", function()
    local types = {}
    local client = new {
      on_event = function(event)
        types[#types + 1] = event.type
      end,
    }
    inside(function()
      return client:get "/user"
    end)
    assert.equal("request response login request response", table.concat(types, " "))
  end)

  it("serves a thousand at once", function()
    local client = new()
    for _, result in ipairs(together(1000, function()
      return client:get "/user"
    end)) do
      assert.equal(200, mic.assert(result[1], result[2]).status)
    end
    assert.equal(1, world.sandbox:counters().login)
  end)

  if kind.suspends then
    it("lets others run meanwhile", function()
      local client = new { base_url = world.gate.url }
      os.remove(world.gate.file)
      local before = lines_of(world.gate.output, "GET ")
      local ticks, ended, is_open = 0, 0, false
      kind.run(function(spawn, sleep)
        for _ = 1, 10 do
          spawn(function()
            mic.assert(client:get("/x", { auth = false }))
            assert(is_open)
            ended = ended + 1
          end)
        end
        while ended < 10 do
          ticks = ticks + 1
          -- None is answered before all have been sent and others have run.
          if not is_open and ticks > 10 and lines_of(world.gate.output, "GET ") == before + 10 then
            is_open = true
            assert(io.open(world.gate.file, "w")):close()
          end
          sleep(0.005)
        end
      end)
      assert.is_true(is_open)
    end)

    it("lets a refresh go on when its caller has no time left", function()
      local client = new()
      mic.assert(client:login())
      world.sandbox:expire()
      world.sandbox:answer { path = "/auth/refresh", delay = 1.5 }
      local early, late = inside(function(spawn)
        spawn(function()
          mic.assert(client:get "/user")
        end)
        return kind_of(client:get("/user", { deadline = 0.15 })), (client:get "/user")
      end)
      assert.equal("timeout", early)
      assert.equal(200, late.status)
      assert.equal(1, world.sandbox:counters().refresh)
    end)

    it("wakes each task as soon as its answer is there", function()
      local client = new()
      mic.assert(client:login())
      local left, longest = 10, 0
      kind.run(function(spawn, sleep)
        for _ = 1, 10 do
          spawn(function()
            for _ = 1, 20 do
              mic.assert(client:get "/user")
            end
            left = left - 1
          end)
        end
        local engine, idle = core.engine(), 0
        while left > 0 do
          sleep(0.01)
          idle = engine:in_flight() == 0 and idle + 1 or 0
          longest = math.max(longest, idle)
        end
      end)
      -- How often others ran while all answers were there. A lost wake-up costs a second.
      assert.is_true(longest < 40, longest)
    end)

    it("refuses a call that would wait for its own login", function()
      local client, inner
      client = new {
        password = function()
          inner = kind_of(client:get "/user")
          return world.sandbox.password
        end,
      }
      assert.equal(200, inside(function()
        return client:get("/user").status
      end))
      assert.equal("auth", inner)
    end)

    it("runs within an on_data of a call that waits in the thread", function()
      local client = new()
      mic.assert(client:login())
      local statuses = {}
      mic.assert(client:get("/user", {
        on_data = function()
          statuses = together(3, function()
            return client:get("/user").status
          end)
        end,
      }))
      assert.same({ { 200 }, { 200 }, { 200 } }, statuses)
    end)

    it("lets out what an on_data raises", function()
      local client = new()
      local value = {}
      local call = function()
        client:get("/user", {
          on_data = function()
            error(value, 0)
          end,
        })
      end
      local raised
      if is_plain_51 and kind.name:find "^luv" then
        raised = value -- luv ends the program there
      elseif is_plain_51 then
        raised = select(2, pcall(kind.run, call))
      else
        raised = inside(function()
          return select(2, pcall(call))
        end)
      end
      assert.is_true(rawequal(value, raised) or is_plain_51)
      assert.equal(200, inside(function()
        return client:get("/user").status
      end))
    end)

    it("goes on without the task that watched for all", function()
      local client = new()
      mic.assert(client:login())
      local hanging = new { base_url = world.silent_url, timeout = 0.2 }
      local ended = 0
      kind.run(function(spawn)
        spawn(function()
          hanging:get("/x", { auth = false })
        end)
        for _ = 1, 5 do
          spawn(function()
            for _ = 1, 20 do
              mic.assert(client:get "/user")
            end
            ended = ended + 1
          end)
        end
      end)
      assert.equal(5, ended)
    end)
  end
end

return conformance
