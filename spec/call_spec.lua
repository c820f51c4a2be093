-- What a call sends, to the byte: method, path, query, headers, body. The server echoes the
-- request.

local api = require "spec.support.api"
local cleanup = require "spec.support.cleanup"
local echo = require "spec.support.echo"
local libcurl = require "spec.support.libcurl"
local mic = require "mic"
local scratch = require "spec.support.scratch"

describe("a call sends", function()
  local server = echo.start()
  local client

  before_each(function()
    client = cleanup.close(mic.new { base_url = server.base_url .. "/prod/", api_key = "key" })
    assert(client:use_credentials {
      identityId = "id", token = "token", refreshToken = "more", expires_at = os.time() + 3600,
    })
  end)

  --- The request that client:METHOD(…) sent.
  local function came(method, ...)
    return echo.parse(assert(client[method](client, ...)).body)
  end

  --- The one header of this name, in any case; fails when there are two.
  local function header(request, wanted)
    local found
    for name, value in pairs(request.headers) do
      if name:lower() == wanted then
        assert.is_nil(found, "twice: " .. name)
        found = value
      end
    end
    return found
  end

  it("the method of its verb", function()
    for _, verb in ipairs { "get", "delete", "options", "post", "put", "patch" } do
      assert.equal(verb:upper() .. " /prod/x HTTP/1.1", came(verb, "/x").line)
    end
    local made = assert(client:head "/x")
    assert.equal("", made.body)
    assert.equal(200, made.status)
    assert.is_truthy(made.headers["content-length"])
  end)

  it("the method that request is given, GET when it is given none", function()
    for given, sent in pairs {
      GET = "GET", post = "POST", Put = "PUT", REPORT = "REPORT", ["m-search"] = "M-SEARCH",
    } do
      local request = came("request", { method = given, path = "/x" })
      assert.equal(sent .. " /prod/x HTTP/1.1", request.line)
    end
    assert.equal("GET /prod/x HTTP/1.1", came("request", { path = "/x" }).line)
    assert.equal("", assert(client:request { method = "head", path = "/x" }).body)
  end)

  it("data as JSON", function()
    local list = mic.array {}
    for _, row in ipairs {
      { { b = 1, a = { 1, "x" } }, '{"a":[1,"x"],"b":1}' },
      { {}, "{}" }, { list, "[]" }, { { list = list }, '{"list":[]}' }, { mic.null, "null" },
      { false, "false" }, { { text = "" }, '{"text":""}' }, { 191, "191" },
      { { n = 191.0, t = 123456789012345 }, '{"n":191,"t":123456789012345}' },
      { { half = 0.5 }, '{"half":0.5}' },
    } do
      local request = came("post", "/x", row[1])
      assert.equal(row[2], request.body)
      assert.equal("application/json", header(request, "content-type"))
      assert.equal(tostring(#row[2]), header(request, "content-length"))
      assert.equal(row[2], came("put", "/x", nil, { data = row[1] }).body)
      assert.equal(row[2], came("request", { method = "PATCH", path = "/x", data = row[1] }).body)
    end
  end)

  it("no body and no content type without data, and a length of 0 where a body is usual", function()
    for _, verb in ipairs { "post", "put", "patch" } do
      local request = came(verb, "/x")
      assert.equal("", request.body)
      assert.equal("0", header(request, "content-length"), verb)
      assert.is_nil(header(request, "content-type"))
      assert.is_nil(header(request, "transfer-encoding"))
    end
    for _, verb in ipairs { "get", "delete", "options" } do
      local request = came(verb, "/x")
      assert.is_nil(header(request, "content-length"), verb)
      assert.is_nil(header(request, "content-type"))
      assert.is_nil(header(request, "transfer-encoding"))
    end
  end)

  it("body as it is, with no content type of ours", function()
    for _, body in ipairs { "a=1&b=2", "\0\1\r\n\255", '{"a": 1}', ("x"):rep(5000), "" } do
      local request = came("post", "/x", nil, { body = body })
      assert.equal(body, request.body)
      assert.equal(tostring(#body), header(request, "content-length"))
      assert.is_nil(header(request, "content-type"))
      assert.is_nil(header(request, "expect"))
    end
  end)

  it("a body with any method", function()
    for _, method in ipairs { "GET", "DELETE", "OPTIONS", "PUT", "PATCH", "REPORT" } do
      local request = came("request", { method = method, path = "/x", body = "bytes" })
      assert.equal(method .. " /prod/x HTTP/1.1", request.line)
      assert.equal("bytes", request.body)
      assert.equal("5", header(request, "content-length"))
    end
    assert.equal('{"a":1}', came("get", "/x", { data = { a = 1 } }).body)
    assert.equal('{"a":1}', came("delete", "/x", { data = { a = 1 } }).body)
  end)

  it("the caller's content type rather than ours", function()
    for _, name in ipairs { "Content-Type", "content-type", "CONTENT-TYPE" } do
      local headers = { [name] = "application/merge-patch+json" }
      local request = came("patch", "/x", { a = 1 }, { headers = headers })
      assert.equal("application/merge-patch+json", header(request, "content-type"))
      request = came("post", "/x", nil, { body = "a", headers = headers })
      assert.equal("application/merge-patch+json", header(request, "content-type"))
    end
  end)

  it("headers: texts, numbers, lists", function()
    local request = came("get", "/x", { headers = {
      ["X-Text"] = "a, b; c=\"d\"", ["x-number"] = 191.0, ["X-Half"] = 0.5, ["X-Empty"] = "",
      ["X-List"] = { "one", 2, "three" }, ["X-One"] = { "only" }, X_Under = "u",
    } })
    assert.equal('a, b; c="d"', request.headers["X-Text"])
    assert.equal("191", request.headers["x-number"])
    assert.equal("0.5", request.headers["X-Half"])
    assert.equal("", request.headers["X-Empty"])
    assert.same({ "one", "2", "three" }, request.headers["X-List"])
    assert.equal("only", request.headers["X-One"])
    assert.equal("u", request.headers["X_Under"])
  end)

  it("the caller's Accept and User-Agent rather than its own", function()
    assert.equal("*/*", header(came("get", "/x"), "accept"))
    local request = came("get", "/x", { headers = { accept = "text/csv", ["user-agent"] = "me" } })
    assert.equal("text/csv", header(request, "accept"))
    assert.equal("me", header(request, "user-agent"))
  end)

  it("its own name once, whatever else goes with the call, also where a proxy might be asked",
    function()
      local pieces = {}
      local function to_pieces(piece)
        pieces[#pieces + 1] = piece
      end
      for _, proxy in ipairs { "", "http://127.0.0.1:1" } do -- loopback goes past it
        client:close()
        client = mic.new { base_url = server.base_url, api_key = "key", proxy = proxy }
        local own = { auth = false, headers = { ["accept-encoding"] = "identity" } }
        local name = "lua-mic/" .. mic._VERSION:match "[%d.]+$"
        assert.equal(name, header(came("get", "/x", { auth = false }), "user-agent"))
        assert.equal(name, header(came("post", "/x", {}, { auth = false }), "user-agent"))
        assert.equal(name, header(came("post", "/x", {}, own), "user-agent"))
        assert(client:get("/x", { auth = false, on_data = to_pieces }))
        assert.equal(name, header(echo.parse(table.concat(pieces)), "user-agent"))
        pieces = {}
      end
    end)

  it("which compressions it takes, or the caller's word on that", function()
    local own = { headers = { ["accept-encoding"] = "identity" } }
    assert.is_truthy(header(came("get", "/x"), "accept-encoding"):find "gzip")
    assert.is_truthy(header(came("put", "/x", {}), "accept-encoding"):find "gzip")
    assert.equal("identity", header(came("get", "/x", own), "accept-encoding"))
    assert.equal("identity", header(came("put", "/x", {}, own), "accept-encoding"))
  end)

  it("a large body at once, without asking whether it may", function()
    local body = ("x"):rep(1100000) -- libcurl asks from a megabyte on
    for _, headers in ipairs { {}, { ["Accept-Encoding"] = "identity" } } do
      assert.is_nil(header(came("put", "/x", nil, { body = body, headers = headers }), "expect"))
    end
  end)

  it("params percent-encoded, a slash in a value included", function()
    for value, sent in pairs {
      ["a/b"] = "a%2Fb", ["100%"] = "100%25", ["space man"] = "space%20man", ["+"] = "%2B",
      ["what?is=this&that"] = "what%3Fis%3Dthis%26that", ["\195\165sa"] = "%C3%A5sa",
      ["#"] = "%23", ["..."] = "...", ["a..b"] = "a..b", ["~-._"] = "~-._", ["{a}"] = "%7Ba%7D",
    } do
      assert.equal("GET /prod/users/" .. sent .. "/x HTTP/1.1",
        came("get", "/users/{userName}/x", { params = { userName = value } }).line)
    end
    assert.equal("GET /prod/things/191/2 HTTP/1.1",
      came("get", "/things/{thing}/{part}", { params = { thing = 191.0, part = 2 } }).line)
  end)

  it("query sorted by name, encoded, lists repeated", function()
    assert.equal("GET /prod/x?a=1&b=true&c=x%20%26%3D%2B%2F&d=1&d=two&d=false&e=0.5&f= HTTP/1.1",
      came("get", "/x", { query = {
        b = true, a = 1.0, c = "x &=+/", d = { 1, "two", false }, e = 0.5, f = "",
      } }).line)
    assert.equal("GET /prod/x?%C3%A5%5B%5D=%E2%82%AC HTTP/1.1",
      came("get", "/x", { query = { ["\195\165[]"] = "\226\130\172" } }).line)
    assert.equal("GET /prod/x HTTP/1.1", came("get", "/x", { query = {} }).line)
    assert.equal("GET /prod/x HTTP/1.1", came("get", "/x", { query = { a = {} } }).line)
    assert.equal("POST /prod/x?a=1 HTTP/1.1", came("post", "/x", {}, { query = { a = 1 } }).line)
  end)

  it("the query of its path in front of the other one", function()
    assert.equal("GET /prod/x?z=9&a=1 HTTP/1.1", came("get", "/x?z=9", { query = { a = 1 } }).line)
    assert.equal("GET /prod/x?z=9&z=%2F HTTP/1.1",
      came("get", "/x?z=9&z={z}", { params = { z = "/" } }).line)
    assert.equal("GET /prod/x?a=1&a=2 HTTP/1.1", came("get", "/x?a=1&a=2").line)
  end)

  it("the path as it is, below the base URL", function()
    for _, path in ipairs { "/", "/a//b", "/@a:b", "/a;b=c", "/a%2Fb", "//host/x", "/x/" } do
      assert.equal("GET /prod" .. path .. " HTTP/1.1", came("get", path).line)
    end
    local bare = mic.new { base_url = server.base_url, api_key = "key" }
    assert.equal("GET /auth/x HTTP/1.1", echo.parse(bare:get("/auth/x").body).line)
    bare:close()
  end)

  --- The client's own headers as received, as one text.
  local function own(request)
    return ("%s %s %s"):format(header(request, "authorization") or "-",
      header(request, "identityid") or "-", header(request, "x-api-key") or "-")
  end

  it("the three headers, but to /auth/ and /metadata only the key", function()
    for path, expected in pairs {
      ["/user"] = "token id key", ["/users/auth/x"] = "token id key",
      ["/authors"] = "token id key", ["/auth/login"] = "- - key", ["/auth/x?a"] = "- - key",
      ["/metadata/manifest"] = "- - key", ["/metadata"] = "- - key", ["/metadata?x"] = "- - key",
    } do
      assert.equal(expected, own(came("get", path)), path)
    end
    assert.equal("token id key", own(came("get", "/metadata/x", { auth = true })))
    assert.equal("- - key", own(came("get", "/user", { auth = false })))
  end)

  it("the caller's own credentials with auth = false, and none beside them", function()
    local request = came("get", "/user", { auth = false, headers = {
      authorization = "mine", IDENTITYID = "me", ["X-Api-Key"] = "other",
    } })
    assert.equal("mine me other", own(request))
    assert.equal("mine - key",
      own(came("get", "/user", { auth = false, headers = { Authorization = "mine" } })))
  end)

  it("the same when the same options are used again: they are not touched", function()
    local opts = {
      params = { a = "b" }, query = { list = { 1, 2 } }, headers = { ["X-A"] = "a" },
      data = { n = 1 },
    }
    local first = came("get", "/{a}", opts)
    assert.same(first, came("get", "/{a}", opts))
    assert.same({ ["X-A"] = "a" }, opts.headers)
    assert.same({ a = "b" }, opts.params)
    assert.same({ list = { 1, 2 } }, opts.query)
    assert.same({ n = 1 }, opts.data)
    opts.path = "/{a}"
    assert.same(first, came("request", opts))
    assert.is_nil(opts.method)
  end)
end)

describe("a call over TLS", function()
  local sandbox = api.around()
  local client

  it("keeps one connection, with HTTP/2 and with 1.1", function()
    for http_version, protocol in pairs { ["2"] = "HTTP/2.0", ["1.1"] = "HTTP/1.1" } do
      sandbox:reset()
      client = sandbox:logged_in { http_version = http_version }
      for index = 1, 5 do
        local made = assert(client:get "/user")
        assert.equal(http_version, made.http_version)
        assert.is_false(made.new_connection, index)
      end
      local _, err = client:get "/users/nobody"
      assert.equal(404, err.status)
      assert(client:patch("/users/anna", { city = "Oslo" }))
      sandbox:answer { path = "/user", method = "HEAD", body = "1234567" }
      assert(client:head "/user")
      assert(client:post("/auth/login", { userName = "anna", password = sandbox.password }))
      assert(client:refresh())
      assert(client:get "/user")
      local log = sandbox:log()
      assert.equal(12, #log)
      -- Before 7.80 each request that is not idempotent, as the first here, opens a connection.
      local connections = libcurl.before(7, 80) and 0 or 1
      for _, entry in ipairs(log) do
        if libcurl.before(7, 80) and (entry.method == "POST" or entry.method == "PATCH") then
          connections = connections + 1
        end
        assert.equal(protocol, entry.protocol)
        assert.is_true(entry.connection <= connections)
      end
      assert.equal(connections, sandbox:counters().handshakes)
      client:close()
    end
  end)

  it("speaks HTTP/2 unless it is told otherwise", function()
    client = sandbox:logged_in()
    assert.equal("2", client:get("/user").http_version)
    assert.equal("HTTP/2.0", sandbox:log()[1].protocol)
  end)

  it("sends a large body whole", function()
    client = sandbox:logged_in()
    sandbox:seen()
    local body = ("0123456789"):rep(200000)
    for _, method in ipairs { "POST", "GET" } do
      sandbox:answer { path = "/user", method = method, body = "{}" }
      assert(client:request { method = method, path = "/user", body = body })
    end
    for _, entry in ipairs(sandbox:log()) do
      assert.equal(2000000, entry.body_size)
    end
  end)

  it("sends the body of a HEAD, whose answer has none whatever it announces", function()
    local path = scratch.file '{"a":1}'
    for http_version in pairs { ["2"] = true, ["1.1"] = true } do
      client = sandbox:logged_in { http_version = http_version, timeout = 5 }
      sandbox:seen()
      for _, opts in ipairs { { data = { a = 1 } }, { body = '{"a":1}' }, { body_file = path } } do
        sandbox:answer { path = "/user", method = "HEAD", headers = { ["X-A"] = "a" },
          body = "1234567" }
        local made = assert(client:head("/user", opts))
        assert.same({ "a", "7", "" },
          { made.headers["x-a"], made.headers["content-length"], made.body })
        local entry = sandbox:log()[1]
        assert.same({ "HEAD", '{"a":1}' }, { entry.method, entry.body })
        sandbox:seen()
      end
      assert(client:get "/user")
      client:close()
    end
  end)

  it("follows the redirect of a HEAD with a body, and shows one that it does not follow", function()
    client = sandbox:logged_in()
    sandbox:seen()
    sandbox:answer { path = "/a/b", method = "HEAD", status = 307, headers = { Location = "../c" } }
    sandbox:answer { path = "/c", method = "HEAD", headers = { ["X-A"] = "a" } }
    assert.equal("a", assert(client:head("/a/b", { body = "x" })).headers["x-a"])
    assert.equal("HEAD /a/b\nHEAD /c", sandbox:seen())
    sandbox:answer { path = "/a", method = "HEAD", status = 302,
      headers = { Location = "https://elsewhere.example/b?c" } }
    local _, err = client:head("/a", { body = "x" })
    assert.same({ 302, "https://elsewhere.example/b?c" }, { err.status, err.location })
  end)

  it("gets what was compressed as it was before", function()
    client = sandbox:logged_in()
    sandbox:answer { path = "/user", headers = { ["Content-Encoding"] = "gzip",
      ["Content-Type"] = "application/json" },
      -- {"userName":"packed"}
      body_base64 = "H4sIAAAAAAACA6tWKi1OLfJLzE1VslIqSEzOTk1RqgUAqrpRtBUAAAA=" }
    assert.equal("packed", client:get("/user").data.userName)
  end)

  it("changes a user and reads that again", function()
    client = sandbox:logged_in()
    local path, opts = "/users/{userName}", { params = { userName = "a/b" } }
    assert.equal("Alpha", assert(client:get(path, opts)).data.firstName)
    assert(client:patch(path, { firstName = "\195\165\"\\\n" }, opts))
    assert.equal("\195\165\"\\\n", client:get(path, opts).data.firstName)
    assert(client:delete(path, opts))
    local _, err = client:get(path, opts)
    assert.equal("USER_NOT_FOUND", err.key)
  end)
end)
