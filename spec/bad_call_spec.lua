-- Misuse of a call raises and sends nothing; a path cannot leave the host.

local api = require "spec.support.api"

local MEND = "; put {name} there and the value into params.name, which encodes it"

describe("a call that is made wrongly", function()
  local sandbox = api.start()
  local client = sandbox:logged_in()

  before_each(function()
    sandbox:seen()
  end)

  --- The call raises at a line of this file and sends nothing; the client stays usable. Returns the
  --- message.
  local function raised(method, ...)
    local ok, message = pcall(function(...)
      return client[method](client, ...)
    end, ...)
    assert.is_false(ok)
    local position, rest = message:match "^(%S-bad_call_spec%.lua:%d+): (.*)$"
    assert.is_truthy(position, message)
    assert.equal("", sandbox:seen())
    return rest
  end

  local function assert_usable()
    assert.equal(200, client:get("/user").status)
  end

  local function path_problem(path)
    return raised("get", path)
  end

  it("has no path, or one that is none", function()
    for _, path in ipairs { 1, {}, "" } do
      assert.equal('client:get needs a path, such as "/users"', path_problem(path))
    end
    assert.equal('client:get needs a path, such as "/users"', raised "get")
    assert.equal('client:request needs a path, such as "/users"', raised "request")
    assert.equal('client:request needs a path, such as "/users"', raised("request", {}))
    local way = '; write client:request { method = "GET", path = … }'
    assert.equal("client:request takes a table of options (got string)" .. way,
      raised("request", "/user"))
    assert.equal("client:request takes a table of options (got string)" .. way,
      raised("request", "GET", "/user"))
    local problem = ' needs a path, such as "/users"; write '
    assert.equal("client:get" .. problem .. "client:get(path, { … })",
      raised("get", { path = "/user" }))
    assert.equal("client:put" .. problem .. "client:put(path, data, { … })",
      raised("put", { path = "/user" }))
    assert.equal("client:get takes a table of options (got string)", raised("get", "/user", "x"))
    assert_usable()
  end)

  it("has a path that tries to leave the host or the stage", function()
    local begin = 'path must begin with "/"'
    local dots = 'path must not have "." or ".." as a segment'
    local backslash = 'path must not contain "\\"' .. MEND
    for path, problem in pairs {
      ["@evil.example/"] = begin, [".evil.example"] = begin,
      [":80/"] = begin, ["users"] = begin, ["?x"] = begin,
      ["/.."] = dots, ["/../x"] = dots, ["/a/../../x"] = dots, ["/%2e%2E/"] = dots,
      ["/.%2e"] = dots, ["/%2E/x"] = dots, ["/./x"] = dots, ["/..?x"] = dots,
      ["/a%2F../b"] = dots, ["/a/..%2fb"] = dots, ["/..%5Cb"] = dots, ["/a%5c.."] = dots,
      ["/..;/b"] = dots, ["/..;x=1/b"] = dots, ["/.%3Ba"] = dots, ["/..%3f"] = dots,
      ["/a/..%23"] = dots, ["/..%00"] = dots, ["/%252e%252E/x"] = dots, ["/..%252Fx"] = dots,
      ["/..%255Cx"] = dots, ["/%2e.%253Bx"] = dots, ["/a%25252F..%25252Fb"] = dots,
      ["/%25%32%65./x"] = dots,
      ["/\\evil.example"] = backslash, ["/a\\..\\b"] = backslash, ["\\\\evil.example"] = begin,
    } do
      assert.equal(problem, path_problem(path))
    end
    assert.equal(begin .. "; for an absolute URL use client:fetch",
      path_problem "https://evil.example/")
    assert.equal('params.a must not be "." or ".."', raised("get", "/users/{a}",
      { params = { a = ".." } }))
    assert.equal('params.a must not be "." or ".."', raised("get", "/users/{a}",
      { params = { a = "%2e." } }))
    for _, value in ipairs {
      "../admin", "../../other/x", "a/../../admin", "..\\admin", "..%2fadmin", "x/..", "x\\.",
      "/./", "..;/x", ".;", "a/..;b=c/d", "..?x", "..#x", "..\0", "a%2F..%2Fb", "..%252fadmin",
      "%252e%252e/x", "x%5C..", "..%3Bx", "%2e%2e%255Cx",
    } do
      assert.equal('params.a must not have a part that is "." or ".."',
        raised("get", "/users/{a}", { params = { a = value } }), value)
    end
    assert.equal(dots, raised("get", "/{a}.{b}/x", { params = { a = "a/", b = "/b" } }))
    assert_usable()
  end)

  it("has a text as data, which would be sent in quotes", function()
    local problem = ": data is a string, which would be sent in quotes; for text, or for JSON "
      .. "that is encoded, use body"
    for _, text in ipairs { '{"a":1}', "text", "" } do
      for _, verb in ipairs { "post", "put", "patch" } do
        local shown = ("client:%s"):format(verb)
        assert.equal(("%s%s: %s(path, nil, { body = … })"):format(shown, problem, shown),
          raised(verb, "/users", text))
        assert.equal(raised(verb, "/users", text), raised(verb, "/users", text, { timeout = 1 }))
        assert.equal(raised(verb, "/users", text), raised(verb, "/users", text, { auth = true }))
        assert.equal(shown .. problem, raised(verb, "/users", nil, { data = text }))
      end
      assert.equal("client:request" .. problem,
        raised("request", { method = "POST", path = "/users", data = text }))
      assert.equal("client:fetch" .. problem,
        raised("fetch", sandbox.base_url, { method = "POST", data = text }))
      assert.equal("client:batch: request 2" .. problem,
        raised("batch", { { path = "/user" }, { method = "POST", path = "/users", data = text } }))
    end
    assert_usable()
  end)

  it("has options in the place of a verb's data", function()
    local values = { body = "x", body_file = "x", save_to = "x", on_data = print, progress = print }
    for name, value in pairs(values) do
      for _, verb in ipairs { "post", "put", "patch" } do
        local data = { [name] = value }
        local problem = ("client:%s(path, data, options): %s is an option, but is in data: "
          .. "client:%s(path, nil, { %s = … })"):format(verb, name, verb, name)
        assert.equal(problem, raised(verb, "/users", data))
        data.timeout, data.headers = 5, {}
        assert.equal(problem, raised(verb, "/users", data))
        assert.equal(problem, raised(verb, "/users", data, { retry = false }))
      end
    end
    for _, data in ipairs { { body = "x", title = "y" }, { timeout = 1 }, { query = "x" } } do
      assert.is_truthy(select(2, client:put("/users/nobody", data)).status)
    end
    local options = { data = { body = "x" } } -- there it is an object of the API
    assert.is_truthy(select(2, client:put("/users/nobody", nil, options)).status)
    sandbox:seen()
    assert_usable()
  end)

  it("keeps what looks like another host in the path", function()
    for _, path in ipairs {
      "//evil.example/x", "/@evil.example/", "/:80", "/https://evil.example",
    } do
      local _, err = client:get(path)
      assert.equal(403, err.status)
      assert.equal("GET " .. path, sandbox:seen())
    end
    client:get("/users/{a}", { params = { a = "//evil.example/@x" } })
    assert.equal("GET /users/%2F%2Fevil.example%2F%40x", sandbox:seen())
  end)

  it("has dots that are no part of their own", function()
    for _, value in ipairs {
      "anna.smith", ".hidden", "a..b", "...", "x/.../y", "..a", "a;..", "1.5", "%", "%2", "%zz.",
      "a%2eb", "..%", ". .",
    } do
      local _, err = client:get("/users/{a}", { params = { a = value } })
      assert.equal(404, err.status, value)
    end
    for _, path in ipairs { "/.hidden", "/a..b/...", "/a/..b", "/%2e%2ea", "/a?x=/../y" } do
      local _, err = client:get(path)
      assert.equal(403, err.status, path)
    end
    sandbox:seen()
  end)

  it("has bytes in the path that no path may hold", function()
    local odd = "path has a space, a control byte or a non-ASCII byte" .. MEND
    for _, path in ipairs {
      "/a b", "/a\r\nX-Evil: 1", "/a\n", "/a\0b", "/a\tb", "/a\127", "/\195\165", "/a?b c",
      "/a?b=\r\nc",
    } do
      assert.equal(odd, path_problem(path))
    end
    assert.equal('path must not contain "#"' .. MEND, path_problem "/a#b")
    assert_usable()
  end)

  it("sends CR, LF and NUL of params and query percent-encoded", function()
    client:get("/user", { query = { ["a\r\nb"] = "x\r\ny: z\0" } })
    assert.equal("GET /user?a%0D%0Ab=x%0D%0Ay%3A%20z%00", sandbox:seen())
    client:get("/users/{a}", { params = { a = "x\r\ny: z" } })
    assert.equal("GET /users/x%0D%0Ay%3A%20z", sandbox:seen())
  end)

  it("has params that do not fit", function()
    local function problem(path, params)
      return raised("get", path, { params = params })
    end
    assert.equal("params.a is missing: the path has {a}", problem("/users/{a}", nil))
    assert.equal("params.size is not in the path; for ?size=… use query",
      problem("/users", { size = 1 }))
    assert.equal("params must have names (got a key of type number)", problem("/users", { "x" }))
    assert.equal("params.a is empty", problem("/users/{a}", { a = "" }))
    assert.equal("params.a must be a string or a number (got boolean)",
      problem("/users/{a}", { a = true }))
    assert.equal('option "params" must be a table (got number)', problem("/users", 1))
    assert.equal(
      "the path has an unbalanced brace; write a parameter as {name}, a brace as %7B or %7D",
      problem("/users/{a", { a = "x" }))
  end)

  it("has a query that does not fit", function()
    local function problem(query)
      return raised("get", "/users", { query = query })
    end
    assert.equal('option "query" must be a table (got string); write query = { name = value }, '
      .. "or ?name=value into the path", problem "size=1")
    assert.equal("query must have names (got a key of type number)", problem { "x" })
    assert.equal("query must have names (got an empty one)", problem { [""] = 1 })
    assert.equal(
      "query.a must be a string, a number, a boolean or a list of these (got function)",
      problem { a = print })
    assert.equal("query.a must be a finite number", problem { a = 0 / 0 })
    assert.equal("query.a must be a list, not a table with names", problem { a = { b = 1 } })
    assert.equal("query.a must be a list without holes", problem { a = { [2] = 1 } })
  end)

  it("has a header that cannot be sent: the header is named, its value is not", function()
    local function problem(name, value)
      return raised("get", "/user", { headers = { [name] = value } })
    end
    local characters = "has a character in its name other than letters, digits and "
      .. "!#$%&'*+-.^_`|~"
    assert.equal('header "a b" ' .. characters, problem("a b", "x"))
    assert.equal('header "a:" ' .. characters, problem("a:", "x"))
    assert.equal('header "a??X-Evil: 1" ' .. characters, problem("a\r\nX-Evil: 1", "x"))
    assert.equal('header "a?b" ' .. characters, problem("a\0b", "x"))
    assert.equal('header "" is an empty name', problem("", "x"))
    assert.equal('header "X-A" has a line break in its value', problem("X-A", "v\r\nX-Evil: 1"))
    assert.equal('header "X-A" has a line break in its value', problem("X-A", "v\n"))
    assert.equal('header "X-A" has a NUL byte in its value', problem("X-A", "v\0w"))
    assert.equal('header "X-A" has a control character in its value', problem("X-A", "v\127"))
    assert.equal('header "X-A" has a line break in its value', problem("X-A", { "v", "w\rx" }))
    assert.equal(
      'option "headers" must contain strings, numbers or lists of these ("X-A" is a boolean)',
      problem("X-A", true))
    assert.is_truthy(problem("X-A", 0 / 0):find "finite")
    assert.equal('option "headers" must have header names as keys (got a key of type number)',
      problem(1, "x"))
    assert_usable()
  end)

  it("has a header that belongs to the connection or to the client", function()
    for _, name in ipairs {
      "Host", "content-length", "Transfer-Encoding", "CONNECTION", "Upgrade", "te", "TRAILER",
      "Expect", "Keep-Alive", "Proxy-Connection", "proxy-authorization", "HTTP2-Settings",
      "Content_Length", "transfer_ENCODING", "Proxy_Connection",
    } do
      assert.equal(('header "%s" is a connection header and cannot be set'):format(name),
        raised("get", "/user", { headers = { [name] = "1" } }))
      raised("get", "/user", { headers = { [name] = "1" }, auth = false })
    end
    for _, name in ipairs { "Authorization", "IDENTITYID", "X-API-Key" } do
      local message = 'header "%s" is set by the client; with auth = false you may set it yourself'
      assert.equal(message:format(name),
        raised("get", "/user", { headers = { [name] = "1" } }))
    end
    local _, err = client:get("/user",
      { headers = { authorization = "own", ["X-API-KEY"] = "own" }, auth = false })
    assert.equal(401, err.status)
    assert_usable()
  end)

  it("has a method that is none", function()
    for _, method in ipairs { "", "G ET", "GET /\r\n", "G\0T", "GET/", "\195\156" } do
      assert.is_truthy(
        raised("request", { method = method, path = "/user" })
          :find '^option "method" must be an HTTP method')
    end
    assert.is_truthy(raised("request", { method = ("A"):rep(30), path = "/user" })
      :find "must be an HTTP method")
    assert.equal('option "method" must be an HTTP method (got number)',
      raised("request", { method = 1, path = "/user" }))
  end)

  it("has an option of another name, of a wrong type, or one that is not for it", function()
    for given, meant in pairs {
      url = "path", json = "data", Query = "query", header = "headers", param = "params",
    } do
      local message = raised("get", "/user", { [given] = {} })
      assert.equal(('unknown option "%s"; did you mean "%s"? known options: auth, body, '
        .. "body_file, data, deadline, decode, headers, idempotent, max_size, method, on_data, "
        .. "params, "
        .. "path, progress, query, retry, save_to, timeout"):format(given, meant),
        message)
    end
    assert.equal('option "auth" must be true or false (got number)',
      raised("get", "/user", { auth = 1 }))
    assert.equal('option "deadline" is in seconds, at most 3600 (got 9999)',
      raised("get", "/user", { deadline = 9999 }))
    assert.equal('option "method" is not allowed in client:get',
      raised("get", "/user", { method = "POST" }))
    assert.equal('options "data" and "body" cannot be combined: a call has one body',
      raised("get", "/user", { data = 1, body = "x" }))
    assert.equal('client:post: data and option "body" cannot be combined: a call has one body',
      raised("post", "/users", {}, { body = "x" }))
    assert.equal('option "body" must be a string (got table)',
      raised("put", "/user", nil, { body = {} }))
    for _, name in ipairs { "save_to", "body_file" } do
      local message = ('option "%s" must not contain a NUL byte'):format(name)
      assert.equal(message, raised("put", "/user", nil, { [name] = "a\0b" }))
      assert.equal("client:batch: request 2: " .. message,
        raised("batch", { { path = "/user" }, { path = "/user", [name] = "a\0b" } }))
    end
  end)

  it("has data that JSON cannot hold", function()
    local function problem(data)
      return raised("post", "/users", data)
    end
    local cycle = {}
    cycle.own = cycle
    assert.equal("data: a function cannot be JSON", problem(print))
    assert.equal("data: NaN and infinite numbers cannot be JSON", problem(0 / 0))
    assert.is_truthy(problem({ a = { b = 1 / 0 } }):find "data%.a%.b: NaN and infinite numbers")
    assert.is_truthy(problem({ 1, a = 1 }):find "both indexes and names")
    assert.is_truthy(problem(cycle):find "^data%.own")
  end)

  it("is no method call", function()
    assert.has_error(function()
      client.get "/user"
    end)
    assert.is_truthy(select(2, pcall(client.get, "/user"))
      :find("call it with a colon: client:get(…)", 1, true))
    assert.equal("", sandbox:seen())
  end)

  it("hands over credentials or names that cannot be any", function()
    local login = "client:login(username, password): "
    assert.equal(login .. "username must be a string (got number)", raised("login", 1, "x"))
    assert.equal(login .. "password must be a string (got an empty string)",
      raised("login", "demo", ""))
    assert.equal(login .. "password must not be longer than 10240 bytes",
      raised("login", "demo", ("x"):rep(10241)))
    assert.equal("client:login needs username and password, here or as options of mic.new",
      raised "login")
    assert.equal("client:login needs a password, here or as an option of mic.new",
      raised("login", "demo"))
    assert.equal("client:use_credentials takes a table (got string)",
      raised("use_credentials", "token"))
    assert.equal("client:use_credentials: token is required: a string",
      raised("use_credentials", { identityId = "i" }))
    assert.equal("client:use_credentials: token has characters that are not allowed in a header",
      raised("use_credentials", { identityId = "i", token = "a\r\nb: c" }))
    assert_usable()
  end)

  it("sends a user name and a password with CR, LF and NUL as JSON, and nothing else", function()
    local other = sandbox:client()
    local session, err = other:login("de\r\nmo\0\"", "a\r\nb\0\"\\")
    assert.is_nil(session)
    assert.equal("auth: Invalid login", api.line(err))
    assert.equal("POST /auth/login", sandbox:seen())
    assert(other:login(sandbox.username, sandbox.password))
    other:close()
  end)
end)
