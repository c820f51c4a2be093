-- Redirects that are never followed, also not by `fetch`: from https to http, from another machine
-- to this one, to other schemes. The message names the reason.

local api = require "spec.support.api"
local faults = require "spec.support.faults"
local loops = require "spec.support.loops"
local mic = require "mic"

describe("a redirect", function()
  local sandbox, other = api.around(), api.around()
  local client

  before_each(function()
    client = sandbox:logged_in()
    sandbox:seen()
  end)

  --- The error of a GET that is redirected there.
  local function refused(location, how, method)
    sandbox:answer { path = "/user", status = 302, headers = { Location = location } }
    local opts = { method = method, path = not how and "/user" or nil }
    local response, err
    if how == "fetch" then
      response, err = client:fetch(sandbox.base_url .. "/user", opts)
    else
      response, err = client:request(opts)
    end
    assert.is_nil(response, location)
    assert.same({ "http", 302, 1 }, { err.kind, err.status, err.attempts }, location)
    sandbox:control("DELETE", "/log")
    return err
  end

  local function reason_of(err)
    return err.message:match "^redirect to .- was not followed: (.*)$"
  end

  it("never leads from https to http, not on this machine either", function()
    for _, location in ipairs {
      sandbox.control_url .. "/counters",
      sandbox.control_url:gsub("127%.0%.0%.1", "LOCALHOST") .. "/counters",
      sandbox.control_url:gsub("^http", "HTTP") .. "/counters",
    } do
      for _, method in ipairs { "GET", "HEAD" } do
        local err = refused(location, "fetch", method)
        assert.equal("it leads from https to http", reason_of(err))
        assert.equal(location:lower(), err.location:lower())
      end
    end
  end)

  it("is none of http or https: it is shown as it came, and not followed", function()
    local authority = sandbox.base_url:match "//([^/]+)"
    for _, location in ipairs {
      "javascript:alert(1)", "data:text/html,x", "file:/etc/passwd", "ftp://localhost/x",
      "mailto:a@b.c", "x-y+z.1:/prod/users/anna", "users:anna", "https:users/anna",
      "https:/" .. authority .. "/prod/users/anna", "HTTP:/prod/users/anna", "http:",
    } do
      for _, how in ipairs { "fetch", false } do
        for _, method in ipairs { "GET", "HEAD" } do
          local err = refused(location, how, method)
          assert.equal(location, err.location)
          assert.equal("it is not an http or https URL", reason_of(err))
        end
      end
    end
  end)

  it("with a colon in its path is one within the origin", function()
    for _, location in ipairs { "./users:x", "/prod/a:b", "?a:b", "users/a:b" } do
      sandbox:answer { path = "/user", status = 302, headers = { Location = location } }
      client:get "/user"
      assert.equal(2, #sandbox:log(), location)
      sandbox:control("DELETE", "/log")
    end
  end)

  it("says what keeps it from being followed", function()
    for location, reason in pairs {
      [other.base_url .. "/user"] = "it leads to another origin",
      ["/prod/users/..%2Fx"] = 'it must not have "." or ".." as a segment',
      ["/prod/users/..;/x"] = 'it must not have "." or ".." as a segment',
    } do
      assert.equal(reason, reason_of(refused(location)))
    end
    for location, reason in pairs {
      ["https://user:word@localhost/x"] = "it must not contain a user name or password",
      ["/prod/%252e%252e/x"] = 'it must not have "." or ".." as a segment',
    } do
      local err = refused(location, "fetch")
      assert.equal(reason, reason_of(err))
      assert.is_nil(tostring(err):find("word@", 1, true))
    end
    local long = refused(other.base_url .. "/" .. ("x"):rep(1000))
    assert.is_truthy(long.message:find("was not followed: it leads to another origin", 1, true))
  end)

  it("says so also where the answer has a message of its own", function()
    sandbox:answer { path = "/user", status = 302, headers = { Location = other.base_url },
      body = '{"message":"Moved"}' }
    local _, err = client:get "/user"
    assert.equal("it leads to another origin", reason_of(err))
  end)

  it("with plain dots is resolved as a browser does", function()
    sandbox:answer { path = "/a/b", status = 302, headers = { Location = "../users/./anna" } }
    local response = mic.assert(client:get "/a/b")
    assert.equal(sandbox.base_url .. "/users/anna", response.url)
  end)

  describe("of another machine", function()
    local inner = faults.start "read\nsend HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\n{}"
    local port = inner.url:match ":(%d+)"
    local proxy

    --- A fetch of http://page.example, which a proxy of ours answers with this redirect.
    local function fetch(location)
      proxy = faults.start("read\nsend HTTP/1.1 302 Found\\r\\nContent-Length: 0\\r\\n"
        .. "Location: " .. location .. "\\r\\n\\r\\n")
      local stranger = mic.new { base_url = "https://api.example/prod", api_key = "k",
        proxy = proxy.url:match "^http://[^/]*", allow_insecure = true, retry = false }
      local response, err = stranger:fetch "http://page.example/x"
      proxy.stop()
      stranger:close()
      return response, err
    end

    it("never leads to this one, in any spelling of it", function()
      for _, host in ipairs {
        "127.0.0.1", "127.1.2.3", "localhost", "LOCALHOST", "a.localhost", "[::1]", "0.0.0.0",
        "127.1", "0x7f000001", "2130706433", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:2]",
        "[::7f00:1]", "localhost.", "a.localhost.", "127.0.0.1.", "[0:0:0:0:0:0:0:1]",
      } do
        local response, err = fetch(("http://%s:%s/internal"):format(host, port))
        assert.is_nil(response, host)
        assert.same({ "http", 302, 1 }, { err.kind, err.status, err.attempts }, host)
        assert.equal("it leads from another machine to this one", reason_of(err), host)
      end
      assert.same({}, inner.requests())
    end)

    it("leads on to others", function()
      local _, err = fetch "http://page.example/y"
      assert.equal("the limit of 5 redirects is reached", reason_of(err))
    end)
  end)

  for _, loop in ipairs(loops.all) do
    it("is limited with the transport " .. loop.name, function()
      local inner = faults.start "read\nsend HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\n{}"
      local proxy = faults.start("read\nsend HTTP/1.1 302 Found\\r\\nContent-Length: 0\\r\\n"
        .. "Location: " .. inner.url .. "\\r\\n\\r\\n")
      sandbox:answer { path = "/user", status = 302, times = 2,
        headers = { Location = sandbox.control_url .. "/counters" } }
      local reasons = {}
      loop.run(function()
        local own = sandbox:client { transport = loop.transport }
        local stranger = sandbox:client { transport = loop.transport, allow_insecure = true,
          proxy = proxy.url:match "^http://[^/]*" }
        own:use_credentials(client:credentials())
        for _, method in ipairs { "GET", "HEAD" } do
          local _, err = own:fetch(sandbox.base_url .. "/user", { method = method })
          reasons[#reasons + 1] = reason_of(err)
        end
        local _, err = stranger:fetch "http://page.example/x"
        reasons[#reasons + 1] = reason_of(err)
        own:close()
        stranger:close()
      end)
      proxy.stop()
      assert.same({ "it leads from https to http", "it leads from https to http",
        "it leads from another machine to this one" }, reasons)
      assert.same({}, inner.requests())
      inner.stop()
    end)
  end

  it("within this machine may lead to another port of it", function()
    local inner = faults.start "read\nsend HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\n{}"
    local page = faults.start("read\nsend HTTP/1.1 302 Found\\r\\nContent-Length: 0\\r\\n"
      .. "Location: " .. inner.url .. "/x\\r\\n\\r\\n")
    assert.equal(200, mic.assert(client:fetch(page.url)).status)
    inner.stop()
    page.stop()
  end)
end)

describe("plain http", function()
  it("is for what inet_pton and the reserved names call loopback", function()
    for _, host in ipairs {
      "127.0.0.0.1", "127.0.0.999", "127.300.1.1", "127..1", "127.evil.example",
      "localhost.", "a.localhost.", ".localhost", "localhost.a", "alocalhost", "0.0.0.0", "[::]",
      "[::ffff:127.0.0.1]", "[::127.0.0.1]", "[::2]", "10.0.0.127", "128.0.0.1",
    } do
      local ok, problem = pcall(mic.new, { base_url = "http://" .. host .. ":1/x", api_key = "k" })
      assert.is_false(ok, host)
      assert.is_truthy(problem:find 'option "base_url" ', problem)
    end
    -- libcurl 8.21 reads this one as the address.
    local ok, made = pcall(mic.new, { base_url = "http://127.0.0.1.:1/x", api_key = "k" })
    assert.is_true(not ok or tostring(made) == "mic.client (http://127.0.0.1:1/x)", tostring(made))
    for _, host in ipairs {
      "127.0.0.1", "127.255.255.255", "localhost", "LocalHost", "a.localhost", "a.b.LOCALHOST",
      "[::1]", "[0:0::1]", "[::1%25lo]",
    } do
      mic.new({ base_url = "http://" .. host .. ":1/x", api_key = "k" }):close()
    end
  end)
end)
