local api = require "spec.support.api"
local faults = require "spec.support.faults"
local mic = require "mic"
local scratch = require "spec.support.scratch"

local FAST = { base = 0.001, cap = 0.001 }
local NOTHING = "no answer" -- the connection closes instead

--- Methods in the order of the columns below.
local METHODS = { "GET", "HEAD", "OPTIONS", "PUT", "DELETE", "POST", "PATCH" }

--- What is tried again: + yes, - no.
local TABLE = {
  { 429, "+++++++" },
  { 500, "+++++--" },
  { 502, "+++++--" },
  { 503, "+++++--" },
  { 504, "+++++--" },
  { NOTHING, "+++++--" },
  { 400, "-------" },
  { 401, "-------" },
  { 403, "-------" },
  { 404, "-------" },
  { 408, "-------" },
  { 409, "-------" },
  { 501, "-------" },
}

describe("retries", function()
  local box = api.around()

  --- Scripts answers of these statuses to /x, one after the other.
  local function script(...)
    for _, answer in ipairs { ... } do
      if answer == NOTHING then
        box:answer { path = "/x", cut = 0 }
      elseif type(answer) == "table" then
        answer.path = "/x"
        box:answer(answer)
      else
        box:answer { path = "/x", status = answer }
      end
    end
  end

  --- Response or error of one call to /x, and how many requests came.
  local function call(client_options, call_options)
    if client_options.retry == nil then
      client_options.retry = FAST
    end
    local client = box:client(client_options)
    call_options = call_options or {}
    call_options.path, call_options.auth = "/x", false
    local response, err = client:request(call_options)
    local retries = client:status().counters.retries
    client:close()
    local requests = #box:log()
    box:reset()
    return response, err, requests, retries
  end

  for _, row in ipairs(TABLE) do
    local answer, columns = row[1], row[2]
    for column, method in ipairs(METHODS) do
      local again = columns:sub(column, column) == "+"
      local verb = again and "tries" or "does not try"
      it(("%s a %s again after %s"):format(verb, method, answer), function()
        script(answer, 200)
        local response, err, requests, retries = call({}, { method = method })
        assert.are.equal(again and 2 or 1, requests)
        assert.are.equal(requests - 1, retries)
        assert.are.equal(requests, (response or err).attempts)
        assert.are.equal(again, response ~= nil)
      end)
    end
  end

  it("end after the option's attempts, with the last answer", function()
    for attempts = 1, 5 do
      script(500, 502, 503, 504, 500, 200)
      local retry = { attempts = attempts, base = 0.001, cap = 0.001 }
      local response, err, requests = call { retry = retry }
      assert.is_nil(response)
      assert.are.equal(attempts, err.attempts)
      assert.are.equal(attempts, requests)
      assert.are.equal(({ 500, 502, 503, 504, 500 })[attempts], err.status)
      assert.is_true(err.retryable)
    end
    script(500, 500, 200)
    assert.are.equal(3, (call {}).attempts)
  end)

  it("are off with retry = false, and the call's option wins over the client's", function()
    local off, twice = false, { attempts = 2, base = 0.001, cap = 0.001 }
    for _, case in ipairs {
      { off, nil, 1 },
      { FAST, off, 1 },
      { off, twice, 2 },
      { FAST, twice, 2 },
      { twice, nil, 2 },
    } do
      script(500, 500, 500, 200)
      local _, _, requests = call({ retry = case[1] }, { retry = case[2] })
      assert.are.equal(case[3], requests)
    end
  end)

  it("take what the call's option does not say from the client's", function()
    script(503, 503, 503, 503, 200)
    local delays = {}
    local response = call({
      retry = { attempts = 2, base = 0.001, cap = 0.001 },
      on_event = function(event)
        delays[#delays + 1] = event.type == "retry" and event.delay or nil
      end,
    }, { retry = { attempts = 5 } })
    assert.are.equal(5, response.attempts)
    assert.are.equal(4, #delays)
    for _, delay in ipairs(delays) do
      assert.is_true(delay <= 0.001, ("waited %g seconds"):format(delay))
    end
  end)

  it("are for a POST that says that it may be repeated, and not for a GET that says no", function()
    script(500, NOTHING, 200)
    local response = call({}, { method = "POST", idempotent = true, data = {} })
    assert.are.equal(3, response.attempts)
    for _, first in ipairs { 500, NOTHING } do
      script(first, 200)
      local _, err = call({}, { method = "GET", idempotent = false })
      assert.are.equal(1, err.attempts)
    end
  end)

  it("are for the searches, which are POSTs that only read, unless the call says no", function()
    local client = box:client { retry = FAST }
    mic.assert(client:login(box.username, box.password))
    local body = { query = { query = { match_all = {} }, size = 1 } }
    for _, path in ipairs { "/things/find", "/things/find?x=1" } do
      for _, options in ipairs { {}, { timeout = 20 } } do -- by the short way, and not
        for _, answer in ipairs { { status = 503 }, { cut = 0 } } do
          answer.path = "/things/find"
          box:answer(answer)
          local response = mic.assert(client:post(path, body, next(options) and options))
          assert.are.equal(2, response.attempts)
          box:answer(answer)
          local _, err = client:post(path, body, { idempotent = false })
          assert.are.equal(1, err.attempts)
        end
      end
    end
    for _, path in ipairs { "/things", "/things/find/x", "/x/things/find" } do
      box:answer { path = path, status = 503 }
      local _, err = client:post(path, body)
      assert.are.equal(503, err.status)
      assert.are.equal(1, err.attempts)
    end
    client:close()
  end)

  it("send a fresh body each time", function()
    local folder = scratch.folder()
    local bodies = {
      { data = { a = 1 } },
      { body = "text" },
      { body_file = folder:write("upload", "file") },
    }
    for index, text in ipairs { '{"a":1}', "text", "file" } do
      script(503, NOTHING, 200)
      local client = box:client { retry = FAST }
      local options = bodies[index]
      options.auth, options.idempotent, options.method, options.path = false, true, "POST", "/x"
      assert.are.equal(3, mic.assert(client:request(options)).attempts)
      for _, entry in ipairs(box:log()) do
        assert.are.equal(text, entry.body)
      end
      assert.are.equal(3, #box:log())
      box:reset()
      client:close()
    end
  end)

  it("tell of each: event and counter", function()
    script(503, NOTHING, 200)
    local events = {}
    local _, _, _, retries = call {
      on_event = function(event)
        if event.type == "retry" then
          assert.is_true(event.delay >= 0 and event.delay <= 0.001)
          events[#events + 1] = ("%s %s %d %s"):format(event.method, event.path, event.attempt,
            event.reason)
        end
      end,
    }
    assert.are.same({ "GET /x 2 503", "GET /x 3 network" }, events)
    assert.are.equal(2, retries)
  end)

  --- A call whose answer asks for a wait: response, error, and the waits that were made.
  local function asked(header, options, call_options, date)
    script({ status = 503, headers = { ["Retry-After"] = header, Date = date } }, 200)
    local delays = {}
    options = options or {}
    options.on_event = function(event)
      delays[#delays + 1] = event.type == "retry" and event.delay or nil
    end
    local response, err = call(options, call_options)
    return response, err, delays
  end

  it("wait as long as Retry-After says", function()
    local response, _, delays = asked "0"
    assert.are.equal(2, response.attempts)
    assert.are.same({ 0 }, delays)
    response, _, delays = asked "1"
    assert.are.equal(2, response.attempts)
    assert.are.same({ 1 }, delays)
  end)

  it("wait until the date of a Retry-After, and not at all for one that has passed", function()
    local format = "!%a, %d %b %Y %H:%M:%S GMT"
    local response, _, delays = asked(os.date(format, os.time() + 2))
    assert.are.equal(2, response.attempts)
    assert.is_true(delays[1] > 0 and delays[1] <= 2, tostring(delays[1]))
    response, _, delays = asked(os.date(format, os.time() - 100))
    assert.are.equal(2, response.attempts)
    assert.are.same({ 0 }, delays)
    local _, err
    _, err, delays = asked(os.date(format, os.time() + 100))
    assert.are.equal(1, err.attempts)
    assert.are.same({}, delays)
  end)

  it("compare the date of a Retry-After with the server's clock, not this machine's", function()
    local waits = {}
    local patient = setmetatable({}, { __index = require "mic.transport.blocking" })
    function patient.sleep(seconds)
      waits[#waits + 1] = seconds
    end
    local format = "!%a, %d %b %Y %H:%M:%S GMT"
    for _, offset in ipairs { -100000, 100000 } do
      local there = os.time() + offset
      local date = os.date(format, there)
      local options = { transport = patient, retry = {} }
      assert.are.equal(2, asked(os.date(format, there + 30), options, {}, date).attempts)
    end
    assert.are.same({ 30, 30 }, waits)

    local later = os.time() + 100000
    local END = "\\r\\nConnection: close\\r\\nContent-Length: 0\\r\\n\\r\\n"
    local server = faults.start(
      "read\nsend HTTP/1.1 200 OK\\r\\nDate: " .. os.date(format, later) .. END,
      "read\nsend HTTP/1.1 503 No\\r\\nRetry-After: " .. os.date(format, later + 30) .. END,
      "read\nsend HTTP/1.1 200 OK" .. END)
    local client = mic.new { base_url = server.url, api_key = "k", transport = patient }
    client:login("somebody", "password") -- answered with nothing but the time
    local response = mic.assert(client:get("/x", { auth = false }))
    assert.are.equal(2, response.attempts) -- no Date in the first answer: the clock as learnt
    assert.is_true(waits[3] > 27 and waits[3] <= 30, tostring(waits[3]))
    client:close()
    server.stop()
  end)

  it("take no notice of a Retry-After that says nothing", function()
    for _, header in ipairs { "soon", "-1", "", "1e3", "0x10" } do
      local response, _, delays = asked(header)
      assert.are.equal(2, response.attempts, header)
      assert.is_true(delays[1] <= 0.001, header)
    end
  end)

  it("end at once when more than a minute is asked for, or more than is left", function()
    for _, case in ipairs {
      { "61", nil },
      { "86400", nil },
      { "99999999999999999999", nil },
      { "2", { deadline = 1.5 } },
      { "59", { deadline = 59 } },
    } do
      local _, err, delays = asked(case[1], nil, case[2])
      assert.are.equal(1, err.attempts, case[1])
      assert.are.equal(503, err.status)
      assert.is_true(err.retryable)
      assert.are.same({}, delays)
    end
    local _, err = asked("2", { deadline = 1.5 })
    assert.are.equal(1, err.attempts)
  end)

  it("end when the deadline of the whole call has passed", function()
    local hold = "read\nhold"
    local server = faults.start(hold)
    local client = mic.new { base_url = server.url, api_key = "k", retry = FAST, deadline = 1.2 }
    local response, err = client:get("/x", { auth = false, timeout = 0.5 })
    assert.is_nil(response)
    assert.are.equal("timeout", err.kind)
    assert.is_true(err.attempts >= 2)
    client:close()
    server.stop()
  end)

  it("stop when the budget is used up, and go on when successes have filled it", function()
    local client = box:client { retry = { attempts = 100, base = 0.001, cap = 0.001 } }
    box:answer { path = "/x", status = 500, times = 13 }
    local _, err = client:get("/x", { auth = false })
    assert.are.equal(11, err.attempts)
    _, err = client:get("/x", { auth = false })
    assert.are.equal(1, err.attempts)
    assert.are.equal(10, client:status().counters.retries)
    for successes, attempts in pairs { [10] = 2, [20] = 3, [30] = 4 } do
      box:reset()
      box:answer { path = "/ok", status = 200, times = 30 }
      box:answer { path = "/x", status = 500, times = 100 }
      for _ = 1, successes do
        mic.assert(client:get("/ok", { auth = false }))
      end
      _, err = client:get("/x", { auth = false })
      assert.are.equal(attempts, err.attempts)
    end
    client:close()
  end)

  it("do not count a refresh in between, but the resend is an attempt", function()
    local client = box:logged_in { retry = { attempts = 2, base = 0.001, cap = 0.001 } }
    box:answer { path = "/user", status = 503 }
    box:expire()
    local response = mic.assert(client:get "/user")
    assert.are.equal(3, response.attempts)
    local counters = client:status().counters
    assert.are.equal(1, counters.retries)
    assert.are.equal(1, counters.refreshes)
    assert.are.equal(1, box:counters().refresh)
    client:close()
  end)

  it("are made where no connection came about, for a POST too", function()
    local server = faults.start "read"
    local url = server.url
    server.stop()
    local client = mic.new { base_url = url, api_key = "k", retry = FAST }
    local _, err = client:post("/x", {}, { auth = false })
    assert.are.equal("network", err.kind)
    assert.are.equal(3, err.attempts)
    client:close()
  end)
end)
