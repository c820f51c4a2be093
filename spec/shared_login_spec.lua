-- Processes that share one login through a file store: one refresh at each expiry, even if
-- processes are killed or the API fails. MIC_LONG=1 runs the long form.

local api = require "spec.support.api"
local cleanup = require "spec.support.cleanup"
local clock = require "spec.support.clock"
local json = require "mic.json"
local scratch = require "spec.support.scratch"
local shell = require "spec.support.shell"

local LONG = os.getenv "MIC_LONG" ~= nil
local PROCESSES, EXPIRIES = LONG and 20 or 6, LONG and 200 or 3
local LIFE = 600 -- seconds of a token; windows and pauses follow from it

--- One process: it makes a call for each line of input and answers with a line. A line begins with
--- the offset of its clocks in seconds.
local WORKER = [[
  local mic = require "mic"
  local transport = require("spec.support.clock").shared_transport()
  local client = mic.new {
    base_url = os.getenv "BASE" or os.getenv "MIC_BASE_URL", api_key = os.getenv "MIC_API_KEY",
    username = os.getenv "MIC_USERNAME", password = os.getenv "PASSWORD",
    tls = { ca_file = os.getenv "MIC_CA_FILE" }, retry = false,
    timeout = tonumber(os.getenv "TIMEOUT"),
    store = mic.store.file { path = %q }, transport = transport,
  }
  local inner = require("mic.client").inside_of(client).core
  for line in io.lines(%q) do
    local at, words = line:match "^(%%S+) (.*)$"
    inner:shift_clock(tonumber(at) - transport.later)
    transport.later = tonumber(at)
    local ok, err
    if words == "login" then
      ok, err = client:login(nil, os.getenv "MIC_PASSWORD")
    else
      ok, err = client:get "/user"
    end
    local file = assert(io.open(%q, "a"))
    file:write(ok and "ok" or tostring(err), "\n")
    file:close()
  end
]]

--- A short process, as those of a shell loop or of cron: it makes one call at its time in seconds,
--- and prints what came of it, the pause that it began if it did.
local SHORT = [[
  local mic = require "mic"
  local transport = require("spec.support.clock").transport()
  local at = tonumber(os.getenv "AT")
  function transport.wall()
    return %d + at
  end
  function transport.random()
    return 0 -- the shortest pause, half of the longest
  end
  local pause
  local client = mic.assert(mic.from_env {
    retry = false, store = mic.store.file { path = %q }, transport = transport,
    on_event = function(event)
      pause = event.type == "pause" and event.delay or pause
    end,
  })
  local response, err = client:get "/user"
  local problem = err and (err.status or err.message)
  local what = pause and ("pause %%g"):format(pause) or response and "ok" or problem
  print(("%%g: %%s"):format(at, what))
]]

describe("short processes that share a file store", function()
  local sandbox = api.around()
  local run

  before_each(function()
    local path = scratch.folder():at "store/credentials"
    local process = sandbox:command(SHORT:format(math.floor(clock.wall()), path))
    --- One process after the other, at these times.
    ---@return table printed by time: what came of the call, unless a pause was on
    function run(times)
      local line = "for at in %s; do AT=$at %s; done"
      local printed = shell.check(line:format(table.concat(times, " "), process))
      local results = {}
      for at, what in printed:gmatch "([%d.]+): ([^\n]+)" do
        if what ~= "the last login or refresh failed in another process" then
          results[tonumber(at)] = what
        end
      end
      return results
    end
  end)

  local function fail(path, times)
    sandbox:answer { path = path, status = 503, body = "{}", times = times }
  end

  local function seconds(first, last)
    local times = {}
    for at = first, last do
      times[#times + 1] = at
    end
    return times
  end

  it("double the pause with each failure of one, until a login succeeds", function()
    fail("/auth/login", 6)
    assert.same({
      [0] = "pause 0.5", "pause 1", "pause 2", [4] = "pause 4", [8] = "pause 8", [16] = "pause 16",
      [32] = "ok", [33] = "ok",
    }, run(seconds(0, 33)))
    assert.equal(7, sandbox:counters().login)

    sandbox:expire()
    fail("/auth/refresh", 3)
    assert.same({ [34] = "pause 0.5", [35] = "pause 1", [36] = "pause 2", [38] = "ok" },
      run(seconds(34, 38)))
  end)

  it("count on when the refresh is refused and the login after it fails", function()
    assert.same({ [0] = "ok" }, run { 0 })
    sandbox:expire(true)
    fail("/auth/refresh", 2)
    fail("/auth/login", 2)
    assert.same({ "pause 0.5", "pause 1", [3] = "pause 2", [5] = "pause 4", [9] = "ok" },
      run(seconds(1, 9)))
  end)

  it("begin with the shortest pause where the last one ended two minutes ago", function()
    fail("/auth/login", 9)
    assert.same({ [0] = "pause 0.5", [1] = "pause 1", [2] = "pause 2", [124] = "pause 4",
      [248.5] = "pause 0.5", [548.5] = "pause 0.5", [549] = "pause 1" },
      run { 0, 1, 2, 3.9, 124, 127.9, 248.5, 548.5, 548.9, 549 })
  end)

  it("never pause for longer than a minute, whatever their clocks say", function()
    fail("/auth/login", 20)
    run { 0, 1, 2, 4, 8, 16, 32, 62, 92 } -- the pause of 92 is half a minute
    assert.same({ [90000] = "pause 0.5" }, run { 121, 90000 })
    assert.same({ [60] = "pause 0.5", [61] = "pause 1" }, run { 60, 60.4, 61 })
    assert.same({ [1] = "pause 0.5" }, run { 1, 1.4 }) -- back by 61 seconds
    assert.same({ [2] = "pause 1", [3] = "pause 2" }, run { 2, 3 })
    assert.same({ [5] = "pause 4" }, run { 0, 4, 5 }) -- back by less: the pause is believed
  end)
end)

describe("processes that share a file store", function()
  local sandbox = api.around()
  local folder, workers, later

  local function start(name, environment)
    local worker = { name = name, answers = 0 }
    local fifo, printed = folder:at(name .. ".in"), folder:at(name .. ".out")
    shell.check("mkfifo " .. shell.quote(fifo))
    folder:write(name .. ".out", "")
    local code = WORKER:format(folder:at "store/credentials", fifo, printed)
    local command = sandbox:command(code)
    worker.printed = printed
    local line = ("env %s %s >%s 2>&1 & echo $!"):format(environment or "", command,
      shell.quote(folder:at(name .. ".log")))
    worker.pid = shell.run(line):match "%d+"
    worker.input = cleanup.close(assert(io.open(fifo, "w")))
    workers[#workers + 1] = worker
    return worker
  end

  local function send(worker, words)
    worker.input:write(("%.3f %s\n"):format(later, words or "get"))
    worker.input:flush()
    worker.answers = worker.answers + 1
  end

  --- The answers of a worker, all that it was asked for.
  local function answers(worker)
    local ends = clock.now() + 60
    while clock.now() < ends do
      local list = {}
      for line in io.lines(worker.printed) do
        list[#list + 1] = line
      end
      if #list >= worker.answers then
        return list
      end
      clock.sleep(0.005)
    end
    error(worker.name .. " does not answer: " .. (folder:read(worker.name .. ".log") or ""))
  end

  local function last(worker)
    local list = answers(worker)
    return list[#list]
  end

  --- One call of each at the same time; what they answer.
  local function call_all()
    for _, worker in ipairs(workers) do
      send(worker)
    end
    local results = {}
    for index, worker in ipairs(workers) do
      results[index] = last(worker)
    end
    return results
  end

  before_each(function()
    sandbox:mode { token_life = LIFE }
    folder, workers, later = scratch.folder(), {}, 0
  end)

  --- Advances all clocks.
  local function pass(seconds)
    later = later + seconds
    sandbox:mode { clock_offset = math.floor(later) }
  end

  local function start_all(count, environment)
    for index = 1, count do
      start("worker" .. index, environment)
    end
    send(workers[1], "login")
    assert.equal("ok", last(workers[1]))
    for _, result in ipairs(call_all()) do
      assert.equal("ok", result)
    end
  end

  local function refreshes()
    return sandbox:counters().refresh
  end

  for _, mode in ipairs { "echo", "rotate", "omit" } do
    it("make one refresh at each expiry; refresh tokens: " .. mode, function()
      sandbox:mode { refresh = mode }
      start_all(PROCESSES)
      for round = 1, EXPIRIES do
        pass(LIFE + 1)
        for _, result in ipairs(call_all()) do
          assert.equal("ok", result)
        end
        assert.equal(round, refreshes())
      end
      assert.equal(1, sandbox:counters().login)
    end)
  end

  it("lose no login when one is killed in the middle of its refresh", function()
    sandbox:mode { refresh = "rotate" }
    start_all(3, ("PASSWORD='%s'"):format(sandbox.password))
    for round = 1, LONG and 50 or 4 do
      pass(LIFE + 1)
      sandbox:answer { path = "/auth/refresh", delay = 0.1 }
      local victim = table.remove(workers, 1)
      send(victim)
      clock.sleep(0.04 * round % 0.2)
      shell.check("kill -9 " .. victim.pid)
      victim.input:close()
      start("next" .. round, ("PASSWORD='%s'"):format(sandbox.password))
      for _, result in ipairs(call_all()) do
        assert.equal("ok", result)
      end
      assert.is_true(sandbox:counters().login <= 1 + round)
    end
    local modes = shell.check("stat -c %a " .. shell.quote(folder:at "store") .. "/*")
    for file_mode in modes:gmatch "%d+" do
      assert.equal("600", file_mode)
    end
  end)

  for _, answer in ipairs {
    { status = 500, body = "{}" }, { status = 504, body = "{}" },
    { cut = 0 }, { delay = 3 },
  } do
    it("make one call per pause while the API fails: " .. json.encode(answer), function()
      start_all(3, answer.delay and "TIMEOUT=2")
      answer.path, answer.times = "/auth/refresh", 2 -- a third try would get a good answer
      -- While the token is valid all calls succeed.
      pass(LIFE - 30)
      sandbox:answer(answer)
      sandbox:seen()
      for _ = 1, 2 do
        for _, result in ipairs(call_all()) do
          assert.equal("ok", result)
        end
      end
      assert.equal(1, select(2, sandbox:seen():gsub("/auth/refresh", "")))
      -- Past its end there is one try, and all others get the failure: at once in the pause.
      pass(31)
      for _, result in ipairs(call_all()) do
        assert.is_true(result ~= "ok")
      end
      for _, result in ipairs(call_all()) do
        assert.is_truthy(result:find "the next attempt is in", result)
      end
      assert.equal("POST /auth/refresh", sandbox:seen())
      -- The API is there again, and so are they.
      pass(2)
      for _, result in ipairs(call_all()) do
        assert.equal("ok", result)
      end
      assert.equal(1, select(2, sandbox:seen():gsub("/auth/refresh", "")))
    end)
  end
end)
