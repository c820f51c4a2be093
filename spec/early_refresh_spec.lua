-- Refresh ahead of expiry: when, how often, and what a failure costs. The clock of the core's
-- client is shifted; the sandbox's tokens stay valid, so every refresh is the client's own
-- decision.

local api = require "spec.support.api"
local clock = require "spec.support.clock"

local HOUR = 3600

describe("a token near its expiry", function()
  local sandbox = api.around()
  local transport, client, inner

  before_each(function()
    transport = clock.transport()
  end)

  local function make(options, automatic)
    options = options or {}
    options.transport = transport
    client, inner = sandbox[automatic and "automatic" or "logged_in"](sandbox, options)
    if automatic then
      assert(client:login())
    end
    sandbox:seen()
  end

  --- Advances both clocks.
  local function pass(seconds)
    inner:shift_clock(seconds)
    transport.later = transport.later + seconds
  end

  local function assert_works(came)
    local response, err = client:get "/user"
    assert(response, tostring(err))
    assert.equal(1, response.attempts)
    assert.equal(came, sandbox:seen())
  end

  local present = "GET /user"
  local ahead = "GET /user\nPOST /auth/refresh"
  local first = "POST /auth/refresh\nGET /user"

  it("is used without a refresh while it is fresh", function()
    make()
    assert_works(present)
    pass(HOUR - 900)
    assert_works(present)
  end)

  it("is used once more in the last fifth of its life, and refreshed ahead, once", function()
    make()
    pass(HOUR - 600)
    assert_works(ahead)
    for _ = 1, 3 do
      assert_works(present)
    end
    pass(HOUR - 600)
    assert_works(ahead)
    assert.equal(2, client:status().counters.refreshes)
  end)

  it("is refreshed before the call in its last minute, and when it is over", function()
    make()
    for _, left in ipairs { 59, 1, -1, -100000 } do
      pass(HOUR - left)
      assert_works(first)
      assert_works(present)
    end
  end)

  it("of five minutes has windows that fit", function()
    make()
    sandbox:mode { token_life = 300 }
    assert(client:refresh())
    sandbox:seen()
    pass(200)
    assert_works(present)
    pass(48) -- 52 are left of 60, give or take a tenth
    assert_works(ahead)
    pass(275) -- 25 are left, and the last tenth is 30
    assert_works(first)
  end)

  it("of two seconds works, call after call", function()
    make()
    sandbox:mode { token_life = 2 }
    assert(client:refresh())
    local began, calls = clock.now(), 0
    while clock.now() < began + 2.5 or calls < 20 do
      calls = calls + 1
      local response, err = client:get "/user"
      assert(response, tostring(err))
      clock.sleep(0.1)
    end
    local refreshes = sandbox:counters().refresh
    assert.is_true(refreshes >= 2 and refreshes <= 1 + 2 * (clock.now() - began), refreshes)
  end)

  it("is refreshed as early as refresh_margin says, but not in its first tenth", function()
    make { refresh_margin = 1800 }
    pass(1700)
    assert_works(present)
    pass(200)
    assert_works(ahead)
    client:close()
    make { refresh_margin = 100000 }
    pass(300)
    assert_works(present)
    pass(100)
    assert_works(ahead)
    client:close()
    make { refresh_margin = 0 }
    pass(HOUR - 1)
    assert_works(present)
    pass(2)
    assert_works(first)
  end)

  it("stays in use while an early refresh fails: one try, then a pause", function()
    make()
    pass(HOUR - 600)
    sandbox:answer { path = "/auth/refresh", status = 500, body = "{}", times = 100 }
    assert_works(ahead)
    for _ = 1, 3 do
      assert_works(present)
    end
    pass(61)
    assert_works(ahead)
    assert_works(present)
    assert.is_truthy(client:status().last_error:find "^http 500")
    sandbox:reset()
  end)

  it("stays in use when an early refresh is refused, which is not asked again", function()
    make()
    pass(HOUR - 600)
    sandbox:answer { path = "/auth/refresh", status = 401, body = '{"message":"no"}', times = 9 }
    assert_works(ahead)
    assert_works(present)
    pass(61)
    assert_works(present)
    assert.is_true(client:authenticated())
  end)

  it("is replaced by a login when an early refresh is refused and a password is known", function()
    make({}, true)
    pass(HOUR - 600)
    sandbox:answer { path = "/auth/refresh", status = 401, body = '{"message":"no"}' }
    assert_works(ahead .. "\nPOST /auth/login")
    assert_works(present)
  end)

  it("survives a refresh that fails in its last minute; the next try comes when it ends", function()
    make()
    pass(HOUR - 30)
    sandbox:answer { path = "/auth/refresh", status = 500, body = "{}" }
    assert_works(first)
    assert_works(present)
    pass(20)
    assert_works(present)
    assert.is_true(client:authenticated())
    pass(10.1)
    assert_works(first)
  end)

  it("survives a refresh that hangs in its last minute: half of the time is left", function()
    make { deadline = 4, retry = false }
    pass(HOUR - 30)
    sandbox:answer { path = "/auth/refresh", delay = 20 }
    local response, err = client:get "/user"
    assert(response, tostring(err))
    assert.is_truthy(sandbox:seen():find "GET /user$")
  end)

  it("survives a refresh that is refused in its last minute, and is used up", function()
    make()
    pass(HOUR - 30)
    sandbox:answer { path = "/auth/refresh", status = 401, body = "{}" }
    assert_works(first)
    assert_works(present)
    assert.is_true(client:authenticated())
    pass(31)
    local response, err = client:get "/user"
    assert.is_nil(response)
    assert.same({ "auth", 401 }, { err.kind, err.status })
    assert.equal("", sandbox:seen())
  end)

  it("is not sent once it is over and the refresh fails", function()
    make()
    pass(HOUR + 1)
    sandbox:answer { path = "/auth/refresh", status = 500, body = '{"message":"down"}' }
    local response, err = client:get "/user"
    assert.is_nil(response)
    assert.equal("http: down", api.line(err))
    assert.equal("POST /auth/refresh", sandbox:seen())
    pass(1.1)
    assert_works(first)
  end)

  it("is refreshed by auth_headers, too", function()
    make()
    local headers = assert(client:auth_headers())
    assert.equal("", sandbox:seen())
    pass(HOUR - 600)
    assert(client:auth_headers())
    assert.equal("POST /auth/refresh", sandbox:seen())
    pass(HOUR - 30)
    local later_headers = assert(client:auth_headers())
    assert.equal("POST /auth/refresh", sandbox:seen())
    assert.is_true(headers.Authorization ~= later_headers.Authorization)
    pass(HOUR - 30)
    sandbox:answer { path = "/auth/refresh", status = 500, body = '{"message":"down"}' }
    assert.equal(later_headers.Authorization, client:auth_headers().Authorization)
    pass(31)
    sandbox:answer { path = "/auth/refresh", status = 500, body = '{"message":"down"}' }
    local none, err = client:auth_headers()
    assert.is_nil(none)
    assert.equal("http: down", api.line(err))
  end)

  it("whose lifetime is not known is refreshed when the API says so, not before", function()
    make()
    local credentials = client:credentials()
    credentials.token, credentials.expires_at = "no-jwt-at-all", nil
    assert(client:use_credentials(credentials))
    assert.is_nil(client:status().expires)
    pass(100 * HOUR)
    sandbox:answer { path = "/user", status = 200, body = "{}" }
    assert_works(present)
    sandbox:answer { path = "/user", status = 401,
      body = '{"message":"The incoming token has expired"}' }
    local response, err = client:get "/user"
    assert(response, tostring(err))
    assert.equal(2, response.attempts)
    assert.equal("GET /user\nPOST /auth/refresh\nGET /user", sandbox:seen())
  end)

  it("is judged by the server's clock when ours is wrong", function()
    sandbox:mode { clock_offset = -7200 }
    make()
    assert_works(present)
    pass(HOUR - 600)
    assert_works(ahead)
    sandbox:mode { clock_offset = 7200 }
    assert(client:refresh())
    sandbox:seen()
    assert_works(present)
    pass(HOUR - 30)
    assert_works(first)
  end)
end)
