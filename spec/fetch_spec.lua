local api = require "spec.support.api"
local mic = require "mic"
local scratch = require "spec.support.scratch"
local tree = require "spec.support.tree"

describe("client:fetch", function()
  local own, other = api.around(), api.around()
  local both = scratch.file(tree.read(own.ca_file) .. tree.read(other.ca_file))
  local client

  before_each(function()
    client = own:logged_in { tls = { ca_file = both }, retry = false }
    own:control("DELETE", "/log")
  end)

  --- What a request carried, as a text: "authorization identityId x-api-key" or less.
  local function carried(entry)
    local names = {}
    for _, name in ipairs { "authorization", "identityId", "x-api-key" } do
      names[#names + 1] = entry[name] and name or nil
    end
    return table.concat(names, " ")
  end

  local ALL = "authorization identityId x-api-key"

  local function redirect(box, path, location, status)
    box:answer { path = path, status = status or 302, headers = { Location = location } }
  end

  local function has_header(entry, wanted)
    for _, name in ipairs(entry.headers) do
      if name:lower() == wanted then
        return true
      end
    end
    return false
  end

  describe("to the client's own origin", function()
    it("carries the credentials", function()
      local response = mic.assert(client:fetch(own.base_url .. "/user"))
      assert.are.equal("demo", response.data.userName)
      assert.are.equal(own.base_url .. "/user", response.url)
      assert.are.equal(ALL, carried(own:log()[1]))
    end)

    it("carries the credentials below another path of that origin", function()
      own:answer { path = "/elsewhere/x", body = "{}" }
      mic.assert(client:fetch(own.origin .. "/elsewhere/x"))
      assert.are.equal(ALL, carried(own:log()[1]))
    end)

    it("knows it in any spelling of scheme and host", function()
      local rest = own.base_url:match "^https://localhost(.*)$"
      client:fetch("HTTPS://LOCALHOST" .. rest .. "/user") -- the sandbox takes no such Host
      assert.are.equal(ALL, carried(own:log()[1]))
    end)

    it("joins a query, and a query of the URL", function()
      own:answer { path = "/x", body = "{}" }
      mic.assert(client:fetch(own.base_url .. "/x?a=1", { query = { b = 2 } }))
      assert.are.equal("/prod/x?a=1&b=2", own:log()[1].path)
    end)

    it("needs a login, and sends nothing without one", function()
      local stranger = own:client()
      local response, err = stranger:fetch(own.base_url .. "/user")
      assert.is_nil(response)
      assert.are.equal("auth", err.kind)
      assert.are.equal("", own:seen())
      stranger:close()
    end)

    it("keeps the credentials back with auth = false", function()
      own:answer { path = "/x", body = "{}" }
      mic.assert(client:fetch(own.base_url .. "/x", { auth = false }))
      assert.are.equal("x-api-key", carried(own:log()[1]))
    end)

    it("refreshes an expired token", function()
      own:expire()
      assert.are.equal(2, mic.assert(client:fetch(own.base_url .. "/user")).attempts)
    end)
  end)

  describe("to another origin", function()
    it("carries no credential and no API key", function()
      other:answer { path = "/x", body = '{"a": 1}' }
      local response = mic.assert(client:fetch(other.base_url .. "/x"))
      assert.are.equal(1, response.data.a)
      assert.are.equal("", carried(other:log()[1]))
    end)

    it("carries none with auth = true, and no identity in the query", function()
      local by_query = own:logged_in { tls = { ca_file = both }, identity = "query" }
      for _, one in ipairs { client, by_query } do
        for _, auth in ipairs { true, false } do
          other:answer { path = "/x", body = "{}" }
          mic.assert(one:fetch(other.base_url .. "/x", { auth = auth }))
        end
      end
      for _, entry in ipairs(other:log()) do
        assert.are.equal("", carried(entry))
        assert.are.equal("/prod/x", entry.path)
      end
      assert.are.equal(4, #other:log())
      by_query:close()
    end)

    it("needs no login, triggers none, and no refresh", function()
      local stranger = own:client {
        tls = { ca_file = both },
        username = own.username,
        password = own.password,
      }
      own:expire()
      for _, one in ipairs { stranger, client } do
        other:answer { path = "/x", body = "{}" }
        mic.assert(one:fetch(other.base_url .. "/x"))
      end
      assert.are.equal("", own:seen())
      assert.is_false(stranger:authenticated())
      stranger:close()
    end)

    it("does not touch the session by a 401", function()
      for _, message in ipairs { "Unauthorized", "The incoming token has expired" } do
        local body = ('{"message":%q}'):format(message)
        other:answer { path = "/x", status = 401, body = body }
        local response, err = client:fetch(other.base_url .. "/x")
        assert.is_nil(response)
        assert.are.equal(401, err.status)
        assert.are.equal(1, err.attempts)
        assert.is_true(client:authenticated())
      end
      mic.assert(client:get "/user")
      assert.are.equal("GET /user", own:seen())
    end)

    it("does not learn the time there", function()
      local stranger = own:client { tls = { ca_file = both } }
      local date = { Date = "Thu, 01 Jan 2015 00:00:00 GMT" }
      other:answer { path = "/x", body = "{}", headers = date }
      mic.assert(stranger:fetch(other.base_url .. "/x"))
      mic.assert(stranger:use_credentials(client:credentials()))
      assert.is_true(stranger:authenticated())
      local expires = stranger:status().expires
      assert.is_true(math.abs(expires - os.time() - 3600) < 60, tostring(expires - os.time()))
      stranger:close()
    end)

    it("sends headers and a body of one's own", function()
      other:answer { path = "/x", body = "{}" }
      mic.assert(client:fetch(other.base_url .. "/x", {
        method = "POST",
        data = { a = 1 },
        headers = { ["X-Mine"] = "1" },
      }))
      local entry = other:log()[1]
      assert.are.equal('{"a":1}', entry.body)
      assert.is_true(has_header(entry, "x-mine"))
    end)
  end)

  describe("with redirects", function()
    it("keeps the credentials on the own origin", function()
      redirect(own, "/a", "/prod/b")
      redirect(own, "/b", own.base_url .. "/user", 307)
      local response = mic.assert(client:fetch(own.base_url .. "/a"))
      assert.are.equal(own.base_url .. "/user", response.url)
      assert.are.equal(3, response.attempts)
      for _, entry in ipairs(own:log()) do
        assert.are.equal(ALL, carried(entry))
      end
    end)

    it("drops them at a redirect to another origin, for good", function()
      redirect(own, "/a", other.base_url .. "/b", 301)
      redirect(other, "/b", own.base_url .. "/c", 308)
      own:answer { path = "/c", body = "{}" }
      mic.assert(client:fetch(own.base_url .. "/a", { headers = { ["X-Mine"] = "1" } }))
      local first, last = own:log()[1], own:log()[2]
      assert.are.equal(ALL, carried(first))
      assert.is_true(has_header(first, "x-mine"))
      for _, entry in ipairs { other:log()[1], last } do
        assert.are.equal("", carried(entry))
        assert.is_false(has_header(entry, "x-mine"))
      end
    end)

    it("adds none at a redirect from another origin", function()
      redirect(other, "/a", own.base_url .. "/b")
      own:answer { path = "/b", body = "{}" }
      mic.assert(client:fetch(other.base_url .. "/a"))
      assert.are.equal("", carried(own:log()[1]))
    end)

    it("needs no login after a redirect from another origin", function()
      local stranger = own:client { tls = { ca_file = both } }
      redirect(other, "/a", own.base_url .. "/b")
      own:answer { path = "/b", body = "{}" }
      mic.assert(stranger:fetch(other.base_url .. "/a"))
      stranger:close()
    end)

    it("follows five, not six, and shows where the last one points", function()
      for count = 5, 6 do
        own:reset()
        client:login(own.username, own.password)
        own:control("DELETE", "/log")
        for index = 1, count do
          redirect(own, "/" .. index, "/prod/" .. index + 1)
        end
        own:answer { path = "/6", body = "{}" }
        local response, err = client:fetch(own.base_url .. "/1")
        assert.are.equal(count == 5, response ~= nil)
        assert.are.equal(6, #own:log())
        if err then
          assert.are.equal("http", err.kind)
          assert.are.equal(302, err.status)
          assert.are.equal(own.base_url .. "/7", err.location)
        end
      end
    end)

    it("follows for HEAD, and for nothing that changes things", function()
      redirect(own, "/a", "/prod/b")
      own:answer { path = "/b", status = 200 }
      mic.assert(client:fetch(own.base_url .. "/a", { method = "HEAD" }))
      assert.are.equal("HEAD /a\nHEAD /b", own:seen())
      for _, method in ipairs { "POST", "PUT", "PATCH", "DELETE" } do
        for _, status in ipairs { 301, 302, 303, 307, 308 } do
          redirect(own, "/a", other.base_url .. "/b", status)
          local response, err = client:fetch(own.base_url .. "/a", { method = method })
          assert.is_nil(response)
          assert.are.equal(status, err.status)
          assert.are.equal(other.base_url .. "/b", err.location)
        end
      end
      assert.are.same({}, other:log())
    end)

    it("does not follow to what fetch would refuse, and sends nothing there", function()
      for _, location in ipairs {
        "http://example.com/x",
        "ftp://localhost/x",
        "file:///etc/passwd",
        "https://user:hunter2@localhost/x",
      } do
        redirect(own, "/a", location)
        local response, err = client:fetch(own.base_url .. "/a")
        assert.is_nil(response, location)
        assert.are.equal("http", err.kind)
        assert.are.equal(302, err.status)
        assert.are.equal(1, err.attempts)
      end
    end)

    it("takes no other origin into a call that is no fetch", function()
      redirect(own, "/a", other.base_url .. "/b")
      local response, err = client:get "/a"
      assert.is_nil(response)
      assert.are.equal(other.base_url .. "/b", err.location)
      assert.are.same({}, other:log())
    end)
  end)

  it("answers with an error for a URL that it may not go to, and sends nothing", function()
    for url, text in pairs {
      ["/users"] = "is not an absolute URL; for a path use client:get",
      ["localhost/users"] = "is not an absolute URL",
      [""] = "is not an absolute URL",
      ["ftp://localhost/x"] = "must begin with https://",
      ["file:///etc/passwd"] = "must begin with https://",
      ["http://example.com/x"] = "must begin with https://: plain http would send",
      ["http://127.0.0.1.example.com/x"] = "must begin with https://",
      ["http://localhost.example.com/x"] = "must begin with https://",
      ["https://user@localhost/x"] = "must not contain a user name",
      ["https://user:hunter2@localhost/x"] = "must not contain a user name",
      ["https://user:hunter2/@localhost/x"] = "is not a valid URL",
      ["https://localhost/a b"] = "has a space, a control byte or a non-ASCII byte: %20 is a space",
      ["https://localhost/a#b"] = 'must not contain "#"',
      ["https://localhost\\@example.com/"] = 'must not contain "#" or "\\"',
      ["https://localhost/\r\nX: y"] = "has a space, a control byte",
      ["https://localhost/\0"] = "has a space, a control byte",
      ["https://localhost/\195\164"] = "has a space, a control byte or a non-ASCII byte",
      ["https://"] = "is not a valid URL",
      ["https://localhost:99999/x"] = "is not a valid URL",
    } do
      local response, err = client:fetch(url)
      assert.is_nil(response)
      assert.are.same({ "network", "CURLE_URL_MALFORMAT", "GET", 0, false },
        { err.kind, err.code, err.method, err.attempts, err.retryable })
      local start = "this URL cannot be fetched: it " .. text
      assert.are.equal(start, err.message:sub(1, #start))
      assert.is_nil(tostring(err):find("hunter2", 1, true))
      assert.is_nil(tostring(err):find "%c")
    end
    local _, err = client:fetch("ftp://localhost/x?token=secret", { method = "post" })
    assert.are.equal("ftp://localhost/x", err.path)
    assert.are.equal("POST", err.method)
    assert.are.equal("", own:seen())
  end)

  it("raises for what is no string, and for options that are not its own", function()
    for _, value in ipairs { 1, true, {} } do
      assert.is_false((pcall(client.fetch, client, value)))
    end
    local ok, message = pcall(client.fetch, client)
    assert.is_false(ok)
    assert.is_truthy(message:find("client:fetch needs a URL, https://", 1, true), message)
    assert.is_false((pcall(client.fetch, client, own.base_url, { path = "/x" })))
    assert.is_false((pcall(client.fetch, client, own.base_url, { params = {} })))
    assert.are.equal("", own:seen())
  end)

  it("does not take the time from another origin", function()
    other:mode { clock_offset = 100000 }
    local stranger = own:client { tls = { ca_file = both } }
    stranger:fetch(other.base_url .. "/metadata/manifest")
    mic.assert(stranger:use_credentials {
      token = "opaque",
      identityId = "i",
      expires_at = os.time() + 1000,
    })
    assert.is_true(stranger:authenticated())
    stranger:close()
  end)

  it("goes to http of a loopback host, without credentials", function()
    local response = mic.assert(client:fetch(own.control_url .. "/counters"))
    assert.is_number(response.data.calls)
  end)

  it("answers closed when the client is closed", function()
    client:close()
    local response, err = client:fetch(own.base_url .. "/user")
    assert.is_nil(response)
    assert.are.equal("closed", err.kind)
  end)
end)
