-- The sandbox's rate limits, and how the client handles them.

local api = require "spec.support.api"

local SLOW = 0.001 -- requests a second: nothing comes back while a spec runs

describe("the sandbox's throttling", function()
  local box = api.around()
  local client

  before_each(function()
    client = box:logged_in()
  end)

  --- The statuses of so many calls.
  local function calls(count)
    local statuses = {}
    for index = 1, count do
      local response, err = client:get "/user"
      statuses[index] = response and response.status or err.status
    end
    return statuses
  end

  it("is off at the start", function()
    for _, status in ipairs(calls(50)) do
      assert.equal(200, status)
    end
    assert.equal(0, box:counters().throttled)
  end)

  it("lets a burst through and answers the rest as the gateway does", function()
    box:mode { rate = SLOW, burst = 3 }
    assert.same({ 200, 200, 200, 429, 429 }, calls(5))
    local _, err = client:get "/user"
    local headers = err.response.headers
    assert.equal('{"message":"Too Many Requests"}', err.response.body)
    assert.equal("31", headers["content-length"])
    assert.equal("application/json", headers["content-type"])
    assert.equal("TooManyRequestsException", headers["x-amzn-errortype"])
    assert.is_string(headers["x-amzn-requestid"])
    assert.is_nil(headers["retry-after"])
    assert.is_nil(headers["x-amzn-trace-id"])
    assert.is_true(err.retryable)
    assert.equal(3, box:counters().throttled)
  end)

  it("fills up again as time goes by, but not above the burst", function()
    box:mode { rate = SLOW, burst = 2 }
    assert.same({ 200, 200, 429 }, calls(3))
    box:mode { clock_offset = 1000 } -- one more
    assert.same({ 200, 429 }, calls(2))
    box:mode { clock_offset = 3400 } -- two more, with a rest
    assert.same({ 200, 200, 429 }, calls(3))
    box:mode { clock_offset = 3598 }
    assert.same({ 429 }, calls(1))
    box:mode { clock_offset = 0 } -- back: takes nothing away
    assert.same({ 429 }, calls(1))
    box:mode { clock_offset = 1000 }
    assert.same({ 200, 429 }, calls(2))
    box:mode { clock_offset = 1000000, token_life = 86400 }
    assert(client:login(box.username, box.password)) -- takes one of the two
    assert.same({ 200, 429 }, calls(2))
  end)

  it("takes the rate for the burst when none is given", function()
    box:mode { rate = 5 }
    local passed = 0
    for _, status in ipairs(calls(6)) do
      passed = passed + (status == 200 and 1 or 0)
    end
    assert.is_true(passed >= 5)
    box:mode { rate = SLOW }
    assert.same({ 200, 429 }, calls(2))
  end)

  it("begins with a full bucket at every change, and ends with rate 0", function()
    box:mode { rate = SLOW, burst = 1 }
    assert.same({ 200, 429 }, calls(2))
    box:mode { burst = 2 }
    assert.same({ 200, 200, 429 }, calls(3))
    box:mode { strict = true } -- another mode changes nothing
    assert.same({ 429 }, calls(1))
    box:mode { rate = 0 }
    assert.same({ 200, 200, 200 }, calls(3))
  end)

  it("has a quota, with a body of its own", function()
    box:mode { quota = 2 }
    assert.same({ 200, 200, 429 }, calls(3))
    local _, err = client:get "/user"
    assert.equal('{"message":"Limit Exceeded"}', err.response.body)
    assert.equal("28", err.response.headers["content-length"])
    assert.equal("LimitExceededException", err.response.headers["x-amzn-errortype"])
    assert.is_nil(err.response.headers["retry-after"])
    box:mode { quota = 3 }
    assert.same({ 200, 200, 200, 429 }, calls(4))
    assert.equal(3, box:counters().throttled)
    box:mode { quota = 0 }
    assert.same({ 200 }, calls(1))
  end)

  it("does not count against the quota what the rate refused", function()
    box:mode { rate = SLOW, burst = 1, quota = 2 }
    assert.same({ 200, 429, 429 }, calls(3))
    box:mode { burst = 5 }
    assert.same({ 200, 429 }, calls(2))
  end)

  it("comes after route, token and key, and before size, identity and JSON", function()
    box:mode { rate = SLOW, burst = 1 }
    calls(1)
    local other = box:client()
    local function status(spec)
      spec.auth = false
      local response, err = other:request(spec)
      return response and response.status or err.status
    end
    local headers = client:auth_headers()
    local function with(name, value)
      local all = {}
      for key, text in pairs(headers) do
        all[key] = text
      end
      all[name] = value
      return all
    end
    assert.equal(403, status { path = "/nope", headers = headers })
    assert.equal(401, status { path = "/user", headers = with("Authorization", "x") })
    assert.equal(403, status { path = "/user", headers = with("x-api-key", "x") })
    assert.equal(429, status { path = "/user", headers = with("identityId", "x") })
    assert.equal(429, status {
      method = "POST", path = "/users", headers = headers, body = ("x"):rep(10485761),
    })
    assert.equal(429, status { method = "POST", path = "/users", headers = headers, body = "{" })
    assert.equal(200, status { path = "/metadata/manifest" }) -- needs no key
    assert.equal(3, box:counters().throttled)
  end)

  it("holds for a login, too, which the client sends again", function()
    box:mode { rate = SLOW, burst = 1 }
    calls(1)
    local other = box:client { retry = { base = 0.001 } }
    local session, err = other:login(box.username, box.password)
    assert.is_nil(session)
    assert.same({ 429, true }, { err.status, err.retryable })
    assert.equal(3, box:counters().throttled)
    other:close()
  end)

  it("is forgotten by a reset", function()
    box:mode { rate = SLOW, burst = 1, quota = 1 }
    calls(2)
    box:reset()
    assert.equal(0, box:counters().throttled)
    client:login(box.username, box.password)
    assert.same({ 200, 200, 200 }, calls(3))
  end)

  it("is waited out by a client that retries, by jitter alone", function()
    local waited = {}
    local patient = box:logged_in {
      retry = { attempts = 20, base = 0.05, cap = 0.2 },
      on_event = function(event)
        waited[#waited + 1] = event.type == "retry" and event.delay or nil
        if #waited == 4 then
          box:mode { clock_offset = 1000 } -- one more request
        end
      end,
    }
    box:mode { rate = SLOW, burst = 1 }
    for _ = 1, 2 do
      local response, err = patient:post("/things/find", { query = { size = 1 } })
      assert.equal(200, response and response.status, tostring(err))
    end
    assert.equal(4, #waited)
    assert.equal(#waited, box:counters().throttled)
    assert.equal(#waited, patient:status().counters.retries)
    for attempt, delay in ipairs(waited) do
      assert.is_true(delay >= 0 and delay <= math.min(0.05 * 2 ^ (attempt - 1), 0.2))
    end
    patient:close()
  end)

  it("is not retried when the quota is used up", function()
    local patient = box:logged_in { retry = { attempts = 3, base = 0.001, cap = 0.001 } }
    box:mode { quota = 1 }
    assert(patient:get "/user")
    local _, err = patient:get "/user"
    assert.same({ "http", 429, 3 }, { err.kind, err.status, err.attempts })
    assert.is_truthy(tostring(err):find("Limit Exceeded", 1, true))
    assert.equal(3, box:counters().throttled)
    patient:close()
  end)
end)
