-- The engine of mic.core: transfers on a background thread, which wakes the Lua thread by one byte.

local api = require "spec.support.api"
local core_calls = require "spec.support.core_calls"
local child = require "spec.support.engine_child"
local cleanup = require "spec.support.cleanup"
local core = require "mic.core"
local faults = require "spec.support.faults"
local libcurl = require "spec.support.libcurl"
local native = require "spec.support.native"
local scratch = require "spec.support.scratch"
local shell = require "spec.support.shell"
local uv = require "luv"

local FOREVER = 30 -- seconds; no test waits that long

describe("the engine of mic.core", function()
  local sandbox = api.around()
  local engine, client

  before_each(function()
    engine = cleanup.close(core.engine())
    client = sandbox:core { engine = engine }
  end)

  local function start(path, spec)
    spec = spec or {}
    spec.method, spec.path, spec.auth = spec.method or "GET", path, false
    spec.resend = spec.method == "GET" -- as clients do: some libcurls make others a connection
    return core_calls.start(client, spec)
  end

  local function log_in()
    assert(client:login(sandbox.username, sandbox.password))
  end

  --- Collects until nothing is in flight; returns which exchanges were returned, and how often.
  local function collect_all()
    local shown, ends = {}, core.now() + FOREVER
    repeat
      local left = engine:in_flight()
      for _, exchange in ipairs(engine:collect()) do
        shown[exchange] = (shown[exchange] or 0) + 1
      end
      assert(core.now() < ends)
      core.sleep(0.001)
    until left == 0
    return shown
  end

  local function run(code, options, before)
    return child.run(sandbox, code, options, before)
  end

  it("is one for a Lua state, until it is closed", function()
    assert.equal(engine, core.engine())
    assert.equal("mic.engine (open)", tostring(engine))
    engine:close()
    engine:close()
    assert.equal("mic.engine (closed)", tostring(engine))
    assert.not_equal(engine, core.engine())
    assert.same({ nil, "closed", nil, "the engine was closed" }, { engine:fd() })
    assert.has_error(function()
      core.client { base_url = sandbox.base_url, engine = client }
    end, "engine must be one of core.engine()")
  end)

  it("starts no thread before it is used", function()
    assert.equal("0 1\n", run [[ -- a sanitizer may have a thread of its own
      local function threads()
        local count = 0
        for _ in io.popen("ls /proc/$PPID/task"):lines() do count = count + 1 end
        return count
      end
      local before = threads()
      assert(engine:fd())
      local during = threads()
      engine:close()
      print(math.min(0, threads() - before) .. " " .. during - threads())
    ]])
  end)

  it("gives what the waiting call gives: reply, hint, record", function()
    local login = client:start("login", sandbox.username, sandbox.password)
    while login:run(FOREVER) ~= "done" do -- luacheck: ignore 542
    end
    local reply, record = core_calls.result(login)
    assert.equal(200, reply.status)
    assert.equal(1, client:adopt(record, 0))
    client:schedule(1e6, 0)
    local exchange = core_calls.start(client, { method = "GET", path = "/users/anna" })
    assert.equal("done", exchange:run(FOREVER))
    local answer, hint = core_calls.result(exchange)
    assert.same({ 200, true, "advisory" }, { answer.status, answer.authenticated, hint })
    assert.has_error(function()
      core_calls.result(exchange)
    end, "the exchange's result was taken before")
  end)

  it("serves the calls that wait, too", function()
    log_in()
    assert.equal(200, (client:refresh()).status)
    local body = '{"userName":"made","roleName":"Read","domainName":"root"}'
    local made = core_calls.request(client, { method = "POST", path = "/users", body = body,
      headers = { ["Content-Type"] = "application/json" } })
    assert.equal(200, made.status)
    assert.equal(404, core_calls.request(client, { method = "GET", path = "/users/nobody" }).status)
    -- Before 7.80 each request that is not idempotent opens a connection.
    assert.equal(libcurl.before(7, 80) and 4 or 1, sandbox:counters().connections)
  end)

  it("shows each exchange that ended once, and says wait before", function()
    sandbox:answer { path = "/slow", body = "{}", delay = 0.1 }
    local slow, quick = start "/slow", start "/users/anna"
    assert.equal("wait", slow:run(0))
    assert.is_false(slow:result())
    assert.same({ [slow] = 1, [quick] = 1 }, collect_all())
    assert.same({}, engine:collect())
    assert.equal("done", slow:run(0))
    assert.equal("{}", core_calls.result(slow).body)
    assert.equal(403, core_calls.result(quick).status)
  end)

  it("is waited for by the client's collect as well", function()
    sandbox:answer { path = "/slow", body = "{}", delay = 0.05 }
    local slow = start "/slow"
    assert.same({}, client:collect(0))
    assert.same({ slow }, client:collect(FOREVER))
    assert.same({}, client:collect(FOREVER))
  end)

  it("wakes with one byte for all that ended, and again after the next collect", function()
    local fd = engine:fd()
    for _ = 1, 2 do
      local exchanges = {}
      for index = 1, 50 do
        exchanges[index] = start "/users/anna"
      end
      while engine:in_flight() > 0 do
        core.sleep(0.005)
      end
      local bytes
      local ends = core.now() + FOREVER
      repeat -- the byte follows the end of the last one
        bytes = uv.fs_read(fd, 100, -1)
        assert(core.now() < ends)
      until bytes
      assert.equal("w", bytes)
      assert.is_nil((uv.fs_read(fd, 100, -1)))
      assert.equal(50, #exchanges)
      collect_all()
      assert.is_nil((uv.fs_read(fd, 100, -1)))
    end
  end)

  it("leaves no unread wake byte, even if one is late", function()
    local late = native.build "late_byte"
    assert.equal("nothing left\n", run([[
      local uv = require "luv"
      local here, fd = client(), engine:fd()
      for _ = 1, 3 do
        get(here, "/users/anna")
        get(here, "/users/demo")
        local ends
        repeat
          engine:collect()
          if engine:in_flight() == 0 then
            ends = ends or core.now() + 0.2
          end
        until ends and core.now() > ends
        assert(not uv.fs_read(fd, 100, -1), "a byte that no collect takes")
      end
      print "nothing left"
    ]], nil, ("env LD_PRELOAD=%s MIC_PRELOAD=%s"):format(late, late)))
  end)

  it("runs a thousand at once, over few connections", function()
    log_in()
    local exchanges = {}
    for index = 1, 1000 do
      exchanges[core_calls.start(client, { method = "GET", path = "/users/anna", resend = true })] =
        index
    end
    local shown = collect_all()
    for exchange in pairs(exchanges) do
      assert.equal(1, shown[exchange])
      assert.equal(200, core_calls.result(exchange).status)
    end
    -- Before 7.81 requests do not wait for a connection that they can share.
    assert.is_true(sandbox:counters().connections <= (libcurl.before(7, 81) and 100 or 10))
  end)

  it("opens one connection after the other when calls have to wait for their answers", function()
    sandbox:answer { path = "/slow", body = "{}", delay = 3, times = 350 }
    local started, exchanges = core.now(), {}
    for index = 1, 350 do
      exchanges[index] = start "/slow"
    end
    collect_all()
    for _, exchange in ipairs(exchanges) do
      assert.equal(200, core_calls.result(exchange).status)
    end
    assert.is_true(core.now() - started < 9) -- one after the other would take 12
    local connections = sandbox:counters().connections
    assert.is_true(connections >= 3 and connections <= (libcurl.before(7, 81) and 100 or 8),
      connections)
  end)

  it("opens a connection for each call where they cannot be shared", function()
    local single = sandbox:core { engine = engine, http_version = "1.1" }
    sandbox:answer { path = "/slow", body = "{}", delay = 0.5, times = 40 }
    local started, exchanges = core.now(), {}
    for index = 1, 40 do
      exchanges[index] =
        core_calls.start(single, { method = "GET", path = "/slow", auth = false })
    end
    collect_all()
    for _, exchange in ipairs(exchanges) do
      assert.equal(200, core_calls.result(exchange).status)
    end
    assert.is_true(core.now() - started < 10) -- over one it would take 20
    assert.equal(40, sandbox:counters().connections)
    single:close()
  end)

  it("refuses more than its limit, and nothing of those is sent", function()
    assert.equal("network EAGAIN too many calls are in progress (at most 5); nothing was sent "
      .. "false\n"
      .. "200 0\n", run([[
      local of, first = client(), {}
      for index = 1, 5 do first[index] = get(of, "/metadata/manifest") end
      local _, kind, code, message = core_calls.result(get(of, "/metadata/manifest"))
      print(kind .. " " .. code .. " " .. message .. " " .. tostring(of:was_sent()))
      for index = 1, 5 do finish(first[index]) end
      print(finish(get(of, "/metadata/manifest")).status .. " " .. engine:in_flight())
    ]], "{ limit = 5 }"))
  end)

  describe("ends at once", function()
    it("what is cancelled, queued or running, and stays usable", function()
      sandbox:answer { path = "/slow", body = "{}", delay = 20, times = 3 }
      local queued, running, other = start "/slow", start "/slow", start "/slow"
      queued:cancel()
      core.sleep(0.05)
      running:cancel()
      running:cancel()
      assert.equal(1, engine:in_flight())
      for _, exchange in ipairs { queued, running } do
        assert.equal("done", exchange:run(0))
        assert.same({ nil, "cancelled", nil, "the call was cancelled" }, { exchange:result() })
      end
      other:cancel()
      assert.equal(0, engine:in_flight())
      local spec = { method = "GET", path = "/users/anna", auth = false }
      assert.equal(403, core_calls.request(client, spec).status)
    end)

    it("what is cancelled too late with its result", function()
      local exchange = start "/users/anna"
      while engine:in_flight() > 0 do
        core.sleep(0.001)
      end
      exchange:cancel()
      assert.equal(403, core_calls.result(exchange).status)
    end)

    it("what is dropped", function()
      sandbox:answer { path = "/slow", body = "{}", delay = 20, times = 300 }
      for round = 1, 3 do
        for _ = 1, 50 do
          start("/slow", { method = "POST", body = ("x"):rep(1000) })
        end
        if round == 2 then
          core.sleep(0.02)
        end
        collectgarbage()
        collectgarbage()
        assert.equal(0, engine:in_flight())
      end
      assert.equal("closed", select(2, (function()
        local last = start "/slow"
        client:close()
        return core_calls.result(last)
      end)()))
    end)

    it("what runs when its client is closed, and shows it", function()
      sandbox:answer { path = "/slow", body = "{}", delay = 20, times = 3 }
      local other = sandbox:core { engine = engine }
      local mine = start "/slow"
      local others = core_calls.start(other, { method = "GET", path = "/slow", auth = false })
      core.sleep(0.02)
      client:close()
      assert.equal("wait", others:run(0))
      assert.same({ nil, "closed", nil, "the client was closed" }, { core_calls.result(mine) })
      others:cancel()
      local again = sandbox:core { engine = engine }
      local shown = core_calls.start(again, { method = "GET", path = "/slow", auth = false })
      again:close()
      local ends, found = core.now() + FOREVER, nil
      while not found and core.now() < ends do
        for _, exchange in ipairs(engine:collect()) do
          found = found or exchange == shown
        end
        core.sleep(0.001)
      end
      assert.is_true(found)
      other:close()
    end)

    it("what runs when it is closed itself", function()
      sandbox:answer { path = "/slow", body = "{}", delay = 20 }
      local running, ended = start "/slow", start "/users/anna"
      while engine:in_flight() > 1 do
        core.sleep(0.001)
      end
      engine:close()
      assert.same({ nil, "closed", nil, "the engine was closed" }, { core_calls.result(running) })
      assert.equal(403, core_calls.result(ended).status)
      assert.equal("closed", (select(2, core_calls.result(start("/user")))))
      assert.same({ {}, 0 }, { engine:collect(), engine:in_flight() })
    end)

    it("what runs when the program leaves", function()
      for _, way in ipairs { "process.exit(7)", "os.exit(7)", "os.exit(7, true)" } do
        sandbox:answer { path = "/slow", body = "{}", delay = 20 }
        local printed = run([[
          local process = native.load "process"
          local of = client()
          local running = { get(of, "/slow"), get(of, "/metadata/manifest") }
          for _ = 1, 50 do running[#running + 1] = get(of, "/metadata/manifest") end
          io.write(process.fork and "left" or "", "\n")
          io.flush()
        ]] .. way, nil, "sh -c '\"$@\"; test $? = 7' -")
        assert.equal("left\n", printed)
      end
    end)
  end)

  describe("hands over", function()
    local function pieces_of(exchange, pause)
      local pieces, moves = {}, 0
      local ends = core.now() + FOREVER
      while core.now() < ends do
        local news, first = exchange:run(FOREVER)
        if news == "done" then
          break
        elseif news == "data" then
          pieces[#pieces + 1] = first
          core.sleep(pause or 0)
        elseif news == "progress" then
          moves = moves + 1
        end
      end
      return pieces, moves
    end

    it("a stream piece by piece, no faster than it is taken", function()
      sandbox:answer { path = "/stream", body = "0123456789abcdef", ["repeat"] = 327680 }
      local exchange = start("/stream", { stream = true })
      core.sleep(0.2)
      local pieces = pieces_of(exchange, 0.001)
      assert.is_true(table.concat(pieces) == ("0123456789abcdef"):rep(327680))
      for _, piece in ipairs(pieces) do
        assert.is_true(#piece <= 262144 + 16384)
      end
      local reply = core_calls.result(exchange)
      assert.same({ 200, "" }, { reply.status, reply.body })
    end)

    it("progress, and a file", function()
      local folder = scratch.folder()
      sandbox:answer { path = "/file", body = ("x"):rep(1024), ["repeat"] = 4096 }
      local exchange = start("/file", { save_to = folder:at "file", progress = true })
      local _, moves = pieces_of(exchange)
      assert.is_true(moves > 0)
      assert.equal(200, core_calls.result(exchange).status)
      assert.equal(4194304, #folder:read "file")
    end)

    it("to several at once, told by collect", function()
      local texts, left = {}, 6
      for index = 1, left do
        sandbox:answer { path = "/stream/" .. index, body = tostring(index), ["repeat"] = 700000 }
        texts[start("/stream/" .. index, { stream = true })] = { index = tostring(index) }
      end
      local ends = core.now() + FOREVER
      while left > 0 do
        for _, exchange in ipairs(engine:collect()) do
          local news, piece = exchange:run(0)
          while news == "data" do
            table.insert(texts[exchange], piece)
            news, piece = exchange:run(0)
          end
          left = news == "done" and left - 1 or left
        end
        assert(core.now() < ends)
        core.sleep(0.001)
      end
      for exchange, text in pairs(texts) do
        local reply, kind, code, message = core_calls.result(exchange)
        assert.same({ 200 }, { reply and reply.status, kind, code, message })
        local whole = table.concat(text)
        assert.equal(700000, #whole)
        assert.is_nil(whole:find("[^" .. text.index .. "]"))
      end
    end)

    it("nothing any more to one that was cancelled within a stream", function()
      sandbox:answer { path = "/stream", body = "0123456789", ["repeat"] = 1000000 }
      local exchange = start("/stream", { stream = true })
      assert.equal("data", (exchange:run(FOREVER)))
      exchange:cancel()
      assert.equal("done", (exchange:run(0)))
      assert.equal("cancelled", (select(2, core_calls.result(exchange))))
      collect_all()
    end)
  end)

  describe("beside a name that does not resolve", function()
    local hole = native.build "black_hole"
    local black_hole = "env LD_PRELOAD=" .. hole .. " MIC_PRELOAD=" .. hole .. " "

    --- Before 7.87 it waits for the lookup.
    local CLOSING = libcurl.before(7, 87) and 55 or 15

    for _, options in ipairs { "", "{ await_lookups = true }" } do
      it("goes on, also when that is cancelled or times out " .. options, function()
        local printed = run(([[
          local dark, light = client "http://blackhole.test", client()
          finish(get(light, "/metadata/manifest"))
          local function in_time(limit, what)
            local started = core.now()
            local reply, kind, code = what()
            assert(core.now() - started < limit, core.now() - started)
            return reply and reply.status or kind .. " " .. tostring(code)
          end
          local cancelled = get(dark, "/x")
          local late = get(dark, "/x", { timeout = 0.3 })
          local unconnected = get(dark, "/x", { connect_timeout = 0.3 })
          core.sleep(0.05)
          print(in_time(15, function() return finish(get(light, "/metadata/manifest")) end))
          cancelled:cancel()
          print(in_time(15, function() return finish(get(light, "/metadata/manifest")) end))
          print(in_time(15, function() return finish(late) end))
          print(in_time(15, function() return finish(unconnected) end))
          print(in_time(15, function() return finish(get(light, "/metadata/manifest")) end))
          print(in_time(%d, function() engine:close() return nil, "closed" end))
        ]]):format(CLOSING), options,
          black_hole .. "BLACK_HOLE_SECONDS=40")
        assert.equal("200\n200\ntimeout CURLE_OPERATION_TIMEDOUT\n"
          .. "timeout CURLE_OPERATION_TIMEDOUT\n200\nclosed nil\n", printed)
      end)
    end

    it("sends nothing when the name is found after the call was cancelled", function()
      local server = faults.start "read\nsend HTTP/1.1 200 OK\\r\\nContent-Length: 0\\r\\n\\r\\n"
      local url = server.url:gsub("127%.0%.0%.1", "blackhole-after-all.test")
      run(([[
        local of = client %q
        get(of, "/cancelled"):cancel()
        local running = get(of, "/cancelled")
        core.sleep(0.1)
        running:cancel()
        print(finish(get(of, "/sent")).status)
      ]]):format(url), "{ await_lookups = true }", black_hole .. "BLACK_HOLE_SECONDS=0.4")
      assert.same({ "GET /prod/sent HTTP/1.1" }, server.requests())
      server.stop()
    end)

    it("is not there with a libcurl that is too old: loading the module says so", function()
      local folder = scratch.folder()
      local code = 'print(pcall(require, "mic.core"))'
      local printed = folder:lua(code, black_hole .. "OLD_CURL=1")
      assert.is_truthy(printed:find("^false\tlua%-mic was built for libcurl [%d.]+[%w-]*, but the "
        .. "loaded one is 7%.73%.0: build it with the libcurl that is loaded %(7%.74 or later%)"),
        printed)
    end)

    it("refuses a libcurl that looks up one name at a time", function()
      local folder = scratch.folder()
      local code = 'print(require("mic.core").engine())'
      local printed = folder:lua(code, black_hole .. "NO_ASYNC=1")
      assert.is_truthy(printed:find("^nil\tconfig\tnil\tthis libcurl looks up names one at a time"))
      assert.is_truthy(printed:find('use another libcurl, or the transport "blocking"', 1, true))
    end)
  end)

  it("keeps the time limits of calls that wait for a connection in use", function()
    local server = faults.start "hold"
    local url = server.url:gsub("^http:", "https:")
    local silent = core.client { base_url = url, api_key = "k", engine = engine,
      connect_timeout = 1 }
    local started, exchanges = core.now(), {}
    for index = 1, 20 do
      exchanges[index] =
        core_calls.start(silent, { method = "GET", path = "/x", auth = false })
    end
    for _, exchange in ipairs(exchanges) do
      while exchange:run(FOREVER) ~= "done" do -- luacheck: ignore 542
      end
      assert.equal("timeout", (select(2, core_calls.result(exchange))))
    end
    assert.is_true(core.now() - started < 10) -- one after the other would take 20
    silent:close()
    server.stop()
  end)

  it("is another one in each Lua state of a process", function()
    local printed = run [[
      local threads, results = {}, {}
      local thread = require "cqueues.thread"
      for index = 1, 4 do
        threads[index] = assert(thread.start(function(_, path, cpath, url, key, file)
          package.path, package.cpath = path, cpath
          local here = require "mic.core"
          local own = here.engine()
          local of = here.client { base_url = url, api_key = key, ca_file = file, engine = own }
          for _ = 1, 5 do
            local running = {}
            for at = 1, 20 do
              running[at] = of:start("call", "GET", "/metadata/manifest", nil, false)
            end
            for _, exchange in ipairs(running) do
              while exchange:run(30) ~= "done" do end
              assert(exchange:result() == 200)
            end
          end
        end, package.path, package.cpath, os.getenv "MIC_BASE_URL", os.getenv "MIC_API_KEY",
          os.getenv "MIC_CA_FILE"))
      end
      local of = client()
      for _ = 1, 50 do assert(finish(get(of, "/metadata/manifest")).status == 200) end
      for index = 1, 4 do
        local ok, problem = threads[index]:join()
        results[index] = tostring(ok) .. tostring(problem)
      end
      print(table.concat(results, " "))
    ]]
    assert.equal("truenil truenil truenil truenil\n", printed)
  end)

  it("leaves the program's signals to the program's threads", function()
    assert.equal("true\tfalse\n", run [[
      local function is_deaf(path)
        local blocked = io.open(path):read("*a"):match "SigBlk:%s*(%x+)"
        return blocked:find "fbfeff$" ~= nil -- all but SIGKILL and SIGSTOP, of the first 28
      end
      engine:fd()
      local found = false
      for task in io.popen("ls -d /proc/$PPID/task/*"):lines() do
        found = found or is_deaf(task .. "/status")
      end
      print(found, is_deaf "/proc/self/status")
    ]])
  end)

  describe("on a socket of the file system", function()
    local function loop_until(done)
      local ends = core.now() + FOREVER
      while not done() do
        assert(core.now() < ends)
        uv.run "nowait"
        core.sleep(0.001)
      end
    end

    it("tells one reader of this process, and leaves no file", function()
      local path = assert(engine:listen())
      local folder = path:match "^(.*)/"
      assert.equal("drwx------", shell.check("ls -ld " .. folder):match "^%S+")
      local bytes, pipe = {}, uv.new_pipe(false)
      pipe:connect(path, function(problem)
        assert(not problem, problem)
        pipe:read_start(function(_, data)
          bytes[#bytes + 1] = data
        end)
      end)
      loop_until(function()
        return not uv.fs_stat(folder)
      end)
      local exchange = start "/users/anna"
      loop_until(function()
        return #bytes > 0
      end)
      assert.equal("w", table.concat(bytes))
      assert.same({ exchange }, engine:collect())
      assert.is_nil((uv.fs_read(engine:fd(), 10, -1)))
      pipe:close()
      exchange = start "/users/anna"
      loop_until(function()
        return engine:in_flight() == 0
      end)
      assert.same({ exchange }, engine:collect())
    end)

    it("accepts one reader, and a new listener replaces the old one", function()
      local first = assert(engine:listen())
      local path = assert(engine:listen())
      assert.is_nil((uv.fs_stat((first:match "^(.*)/"))))
      local folder = scratch.folder()
      assert.equal("closed\n", folder:lua(([[
        local uv = require "luv"
        local pipe = uv.new_pipe(false)
        pipe:connect(%q, function()
          pipe:read_start(function(_, data)
            print(data or "closed")
            pipe:close()
          end)
        end)
        uv.run()
      ]]):format(path)))
      assert.is_truthy(uv.fs_stat(path))
      engine:close()
      assert.is_nil((uv.fs_stat((path:match "^(.*)/"))))
    end)
  end)
end)
