-- What holds for every profile: where secrets go, when a token ends, what an answer means, which
-- calls need a login, which headers go along, which saved credentials are adopted.

local cleanup = require "spec.support.cleanup"
local inside_of = require("mic.client").inside_of
local json = require "mic.json"
local mic = require "mic"
local records = require "spec.support.records"
local scratch = require "spec.support.scratch"
local written_api = require "spec.support.written_api"

--- Several ways to log in, by path. A call with a token that begins with "good" succeeds; that of
--- /login does not, that of its refresh does.
local ANSWER = [==[
  local token = (headers.authorization or ""):match "^Bearer (.*)$"
  if path == "/login" or path == "/token" then
    local refreshes = body:find("refresh", 1, true)
    return 200, ('{"access_token":"%s","refresh_token":"R-%s","expires_in":%s,"more":[1]}'):format(
      refreshes and "good-second" or "first-token", refreshes and "two" or "one-secret",
      refreshes and "1000" or '"3600"')
  elseif path == "/same" then
    return 200, '{"access_token":"good-same","expires_in":' .. (token and 900 or 100) .. '}'
  elseif path == "/long" then
    return 200, '{"access_token":"good-jwt.eyJleHAiOjR9.x","expires_in":60}'
  elseif path == "/moved" then
    return 307, "", { Location = "/login" }
  elseif path == "/reply" then
    return tonumber(args.status or 200), args.body
  elseif path == "/things/find" then
    return 503, "{}"
  elseif path == "/typed" then
    return 200, '{"a":1}', { ["Content-Type"] = args.type }
  elseif path:find "^/open" then
    return 200, '{"open":true}'
  elseif path == "/terminated" then
    return 200, '{"message":"Session TERMINATED"}'
  elseif token and token:find "^good" then
    return 200, '{"ok":true}'
  end
  return 401, '{"error":"no"}', { ["WWW-Authenticate"] = 'Bearer error="invalid_token"' }
]==]

local function client_of(options)
  options.retry = false
  return cleanup.close(mic.new(options))
end

local function count(text, part)
  local found, at = 0, 1
  while true do
    local first, last = text:find(part, at, true)
    if not first then
      return found
    end
    found, at = found + 1, last + 1
  end
end

describe("MIC's profile", function()
  it("is written down as it is made", function()
    local written = require("mic.profile.mic").facts
    assert.same(require("mic.profile.facts").make {}, written)
    assert.equal(written, require("mic.profile.profile").make { profile = "mic" })
  end)
end)

describe("a profile", function()
  local server = written_api.start(ANSWER)
  local other = written_api.start(ANSWER)

  before_each(function()
    server.received()
    other.received()
  end)

  --- A client of a row with JSON login at /login, its fields changed.
  local function make(fields, options)
    local profile = {
      name = "row",
      login = "POST /login",
      login_body = '{"user":{username},"password":{password}}',
    }
    for name, value in pairs(fields or {}) do
      profile[name] = value
    end
    local all = { base_url = server.base_url, username = "anna", password = "pass-word-1" }
    for name, value in pairs(options or {}) do
      all[name] = value
    end
    all.profile = profile
    return client_of(all)
  end

  describe("with two origins", function()
    local function oauth2()
      return client_of {
        profile = "oauth2", base_url = server.base_url, auth_url = other.base_url .. "/token",
        username = "anna", password = "pass-word-1",
        client_id = "id", client_secret = "client-s3cret",
      }
    end

    it("sends password, client secret and refresh token to one, the token to the other", function()
      local client = oauth2()
      assert(client:get "/thing") -- the first token is refused, so it is refreshed
      assert.equal("good-second", client:credentials().token)
      local login, api = other.received(), server.received()
      assert.equal(2, count(login, "POST /token HTTP"))
      assert.equal(1, count(login, "grant_type=password&username=anna&password=pass-word-1"))
      assert.equal(1, count(login, "grant_type=refresh_token&refresh_token=R-one-secret"))
      assert.equal(2, count(login, "Authorization: Basic aWQ6Y2xpZW50LXMzY3JldA=="))
      assert.equal(0, count(login, "first-token") + count(login, "good-second"))
      assert.equal(1, count(api, "Authorization: Bearer first-token"))
      assert.equal(1, count(api, "Authorization: Bearer good-second"))
      for _, secret in ipairs { "pass-word-1", "client-s3cret", "Y2xpZW50LXMzY3JldA", "R-one",
        "R-two", "anna" } do
        assert.equal(0, count(api, secret), secret)
      end
    end)

    it("sends no token to the login's origin by fetch", function()
      local client = oauth2()
      assert(client:get "/thing")
      other.received()
      client:fetch(other.base_url .. "/thing")
      assert.equal(0, count(other.received(), "good-second"))
    end)

    it("needs the token for the login's path below base_url, which is another place", function()
      local client = oauth2()
      client:post("/token", {})
      assert.equal(1, count(server.received(), "Authorization: Bearer first-token"))
    end)

    it("follows no redirect of a login", function()
      local client = make({ login = "POST /moved" }, { auth_url = other.base_url })
      local _, err = client:get "/thing"
      assert.equal("http", err.kind)
      assert.equal(307, err.status)
      assert.equal(0, count(other.received(), "/login"))
    end)
  end)

  describe("tells when a token ends", function()
    it("by the reply's member, a text too, before what a JWT says", function()
      local client = make { login = "POST /long" }
      assert(client:get "/thing")
      local status = client:status()
      assert.equal(60, status.expires - status.issued)
      assert(make():login())
    end)

    it("not at all if only the API knows, whatever reply and JWT say", function()
      local client = make { login = "POST /long", expires = false }
      assert(client:get "/thing")
      assert.is_nil(client:status().expires)
      assert.is_nil(client:credentials().expires_at)
      assert.is_true(client:authenticated())
    end)

    it("by the lifetime of the profile if nothing else does", function()
      local client = make { login = "POST /login", expires = "nothing", lifetime = 77 }
      assert(client:login())
      local status = client:status()
      assert.equal(77, status.expires - status.issued)
    end)

    it("anew when a refresh brings the same token", function()
      local client = make {
        login = "POST /same", refresh = "POST /same",
        refresh_headers = { "Authorization: Bearer {token}" },
      }
      assert(client:get "/thing")
      local core = inside_of(client).core
      assert.equal(100, (select(4, core:freshness())))
      core:shift_clock(99)
      assert(client:get "/thing")
      local state, generation, _, lifetime = core:freshness()
      assert.same({ "fresh", 2, 900 }, { state, generation, lifetime })
      assert.equal("good-same", client:credentials().token)
      assert.equal(1, client:status().counters.refreshes)
    end)
  end)

  describe("knows a reply without a token:", function()
    local function message(body, fields)
      fields = fields or {}
      fields.login = "POST /reply?body={body}"
      local _, err = make(fields, { values = { body = body } }):login()
      return err.kind .. ": " .. err.message
    end

    it("the member that is missing, by its whole path", function()
      assert.equal("auth: login: the response has no access_token", message "{}")
      assert.equal("auth: login: the response has no data.deep.token",
        message('{"data":{"token":"x"}}', { token = "data.deep.token" }))
      assert.equal("auth: login: the response has no access_token", message '{"access_token":""}')
      assert.equal("auth: login: the response has no access_token", message '{"access_token":null}')
    end)

    it("what came instead is in the response", function()
      local _, err = make({ login = "POST /reply?body={body}" },
        { values = { body = '{"challenge":"code"}' } }):login()
      assert.equal("check err.response.data: the token may be another member, or the API "
        .. "requires another step", err.hint)
      assert.equal("code", err.response.data.challenge)
    end)

    it("a text whose status is refused, without the text", function()
      local _, err = make({
        login = "POST /reply?status=401&body={body}", refused = { { 401, "wrong word" } },
      }, { values = { body = "Wrong word: pass-word-1" } }):login()
      assert.equal("auth: the response is not JSON; its text is not shown",
        err.kind .. ": " .. err.message)
      assert.equal("", err.response.body)
    end)

    it("one that is no text, or that no header can carry", function()
      assert.equal("auth: login: access_token is not a string", message '{"access_token":1}')
      assert.equal("auth: login: access_token has characters that are not allowed in a header",
        message '{"access_token":"a\\nb"}')
    end)

    it("an error under status 200, beside a token too", function()
      assert.is_truthy(message('{"access_token":"t","error":"oh dear"}'):find "oh dear")
      assert.is_truthy(message('{"access_token":"t","error":{"message":"oh dear"}}'):find "oh dear")
    end)

    it("but no error that is empty or null", function()
      for _, text in ipairs { '""', "null", "false", "0" } do
        local client = make({ login = "POST /reply?body={body}" },
          { values = { body = '{"access_token":"t","error":' .. text .. "}" } })
        assert(client:login())
      end
    end)
  end)

  it("says that its login needs a token", function()
    local client = make { login = "POST /login", login_body = "a={username}&b={token}",
      login_headers = { "C: {identity?}" } }
    local _, err = client:get "/thing"
    assert.equal("call client:login(), or make the client with username; "
      .. "its login needs {token} too", err.hint)
    _, err = make({ login = "POST /nothing" }):login()
    assert.equal("check username and password", err.hint) -- and not what its calls carry
    assert.equal(0, count(server.received(), "/thing"))
  end)

  it("may have blanks before the brace of a body with JSON", function()
    local client = make { login = "POST /login", login_body = '\n  {"user":{username},\n "a":1}\n' }
    client:login()
    local text = server.received()
    assert.equal(1, count(text, '{"user":"anna","a":1}'), text)
    assert.equal(1, count(text:lower(), "content-type: application/json"), text)
  end)

  describe("with a meaning of status 200", function()
    local function terminated(options)
      local client = make({
        login = "POST /same", expired = { { 200, "session terminated" } },
      }, options)
      assert(client:get "/thing")
      server.received()
      return client
    end

    it("renews the token once, and then says that it did not help", function()
      local client = terminated()
      local res, err = client:get "/terminated"
      assert.is_nil(res)
      assert.equal("auth", err.kind)
      assert.equal(200, err.status)
      local text = server.received()
      assert.equal(1, count(text, "POST /same"))
      assert.equal(2, count(text, "GET /terminated"))
      assert.is_nil((client:get "/terminated")) -- and not again within the minute
      assert.equal(0, count(server.received(), "POST /same"))
    end)

    it("does not look at bodies that are not decoded, or go elsewhere", function()
      local client = terminated()
      local res = assert(client:get("/terminated", { decode = false }))
      assert.equal('{"message":"Session TERMINATED"}', res.body)
      local path = scratch.folder():at "file"
      assert(client:get("/terminated", { save_to = path }))
      local pieces = {}
      assert(client:get("/terminated", { on_data = function(piece)
        pieces[#pieces + 1] = piece
      end }))
      assert.equal('{"message":"Session TERMINATED"}', table.concat(pieces))
      assert.equal(0, count(server.received(), "POST /same"))
    end)
  end)

  describe("has calls that need no login:", function()
    local function keyed()
      return make({
        headers = { "Authorization: Bearer {token}", "X-Key: {api_key}" },
        open = { "/open/", "/open-too" },
      }, { api_key = "the-key" })
    end

    it("those below a path of `open`, with the headers that need none", function()
      local client = keyed()
      for _, path in ipairs { "/open/x", "/open-too", "/open-too?a=1" } do
        assert(client:get(path))
        local text = server.received()
        assert.equal(1, count(text, "X-Key: the-key"))
        assert.equal(0, count(text, "Authorization") + count(text, "POST"))
      end
      client:get "/open-tool"
      assert.equal(1, count(server.received(), "POST /login"))
    end)

    it("the login itself, by method and path", function()
      local client = keyed()
      local res = assert(client:post("/login", { by = "hand" }))
      assert.equal("first-token", res.data.access_token)
      assert.is_false(client:authenticated())
      assert.equal(1, count(server.received(), "POST"))
      client:get "/login"
      assert.equal(1, count(server.received(), "GET /login"))
    end)

    it("the login by hand below an auth URL of the same origin", function()
      for auth_url, calls in pairs {
        [""] = { "/login", "/login?a=b" },
        ["/"] = { "/login" },
        ["/open"] = { "/open/login" },
      } do
        local client = make({ headers = { "X-Token: {token}" }, expired = {} },
          { auth_url = server.base_url .. auth_url })
        assert(client:use_credentials { token = "t0ken" })
        for _, path in ipairs(calls) do
          client:post(path, {})
          local text = server.received()
          assert.equal(1, count(text, "POST " .. path))
          assert.equal(0, count(text, "t0ken"), path)
          client:fetch(server.base_url .. path, { method = "post" })
          assert.equal(0, count(server.received(), "t0ken"), path)
        end
        for _, path in ipairs { "/login/", "/log", "/open", "/open/login/x" } do
          client:post(path, {})
          assert.equal(1, count(server.received(), "t0ken"), path)
        end
        client:get "/login"
        assert.equal(1, count(server.received(), "t0ken"))
      end
    end)

    it("the login by hand at an auth URL as it is written", function()
      local client = make({ login = "POST /?kind={kind}", headers = { "X-Token: {token}" } },
        { auth_url = server.base_url .. "/open/token", values = { kind = "x" } })
      assert(client:use_credentials { token = "t0ken" })
      assert(client:post("/open/token?kind=y", {}))
      assert(client:fetch(server.base_url .. "/open/token", { method = "POST" }))
      assert.equal(0, count(server.received(), "t0ken"))
      assert(client:post("/open/tokens", {}))
      assert.equal(1, count(server.received(), "t0ken"))
    end)

    it("the login by hand with placeholders in its path, of any user", function()
      local client = make({
        login = "POST /open/{tenant}/{username}.json?p={password}",
        refresh = "PUT /open/{refresh_token}", headers = { "X-Token: {token}" },
      }, { values = { tenant = "a b" } })
      assert(client:use_credentials { token = "t0ken" })
      for _, name in ipairs { "anna", "bert", "a/b", "x.json" } do
        assert(client:post("/open/{tenant}/{name}.json", {},
          { params = { tenant = "a b", name = name } }))
        assert.equal(0, count(server.received(), "t0ken"), name)
      end
      assert(client:put("/open/any", {}))
      assert.equal(0, count(server.received(), "t0ken"))
      for _, path in ipairs { "/open/a%20b/.json", "/open/a%20b/x/y.json", "/open/other/anna.json",
        "/open/a%20b/anna", "/open/a%20b/anna.json/" } do
        assert(client:post(path, {}))
        assert.equal(1, count(server.received(), "t0ken"), path)
      end
    end)

    it("unless the call says otherwise", function()
      local client = keyed()
      assert(client:get("/open/x", { auth = true }))
      local text = server.received()
      assert.equal(1, count(text, "POST /login"))
      assert.equal(1, count(text, "Authorization: Bearer first-token"))
      client:get("/thing", { auth = false })
      text = server.received()
      assert.equal(1, count(text, "X-Key: the-key"))
      assert.equal(0, count(text, "Authorization"))
      client:get("/thing", {
        auth = false, headers = { ["x-key"] = "mine", Authorization = "Basic x" },
      })
      text = server.received()
      assert.equal(0, count(text, "the-key"))
      assert.equal(1, count(text, "x-key: mine"))
      assert.equal(1, count(text, "Authorization: Basic x"))
    end)

    it("and all others send nothing without a login", function()
      local client = client_of { base_url = server.base_url, profile = "bearer" }
      local _, err = client:get "/thing"
      assert.equal("auth", err.kind)
      _, err = client:login()
      assert.equal("auth", err.kind)
      assert.equal("", server.received())
      assert(client:use_credentials { token = "good-mine" })
      assert(client:get "/thing")
    end)
  end)

  describe("with the option headers", function()
    it("sends them with calls to the API, not with a login, and nowhere else", function()
      local asked = 0
      local client = make({ login = "POST /same" }, { headers = {
        ["X-Tenant"] = "t1", ["X-Number"] = 5, ["X-Never"] = function() end,
        Traceparent = function()
          asked = asked + 1
          return "trace-" .. asked
        end,
      } })
      assert(client:get "/thing")
      assert(client:get "/thing")
      local text = server.received()
      assert.equal(2, count(text, "X-Tenant: t1\r\n"))
      assert.equal(2, count(text, "X-Number: 5\r\n"))
      assert.equal(1, count(text, "Traceparent: trace-1"))
      assert.equal(1, count(text, "Traceparent: trace-2"))
      assert.equal(0, count(text, "X-Never"))
      local login = text:match "POST /same.-%-%-%-%-"
      assert.equal(0, count(login, "X-Tenant") + count(login, "Traceparent"))
      client:fetch(other.base_url .. "/thing")
      assert.equal(0, count(other.received(), "X-Tenant"))
      assert(client:fetch(server.base_url .. "/open"))
      assert.equal(1, count(server.received(), "X-Tenant: t1"))
    end)

    it("lets the call's own win, in any case", function()
      local client = make({ login = "POST /same" }, { headers = { ["X-Tenant"] = "t1" } })
      assert(client:get("/thing", { headers = { ["x-tenant"] = "t2" } }))
      local text = server.received()
      assert.equal(1, count(text, "x-tenant: t2"))
      assert.equal(0, count(text, "t1"))
    end)

    it("passes on what a function raises, and refuses what is no header", function()
      local cause = {}
      local client = make({ login = "POST /same" }, { headers = { ["X-Bad"] = function()
        error(cause)
      end } })
      local ok, raised = pcall(client.get, client, "/thing")
      assert.is_false(ok)
      assert.equal(cause, raised)
      client = make({ login = "POST /same" }, { headers = { ["X-Bad"] = function()
        return "a\r\nb: c"
      end } })
      ok, raised = pcall(client.get, client, "/thing")
      assert.is_false(ok)
      assert.is_truthy(tostring(raised):find("has a line break in its value", 1, true))
      for name, value in pairs { ["X-Bad"] = "a\nb", Host = "x", [""] = "x", ["a b"] = print,
        ["X-Number"] = 0 / 0 } do
        assert.is_false((pcall(make, {}, { headers = { [name] = value } })), name)
      end
      ok, raised = pcall(make, {}, { headers = { ["X-Bad"] = "a\nb" } })
      assert.is_false(ok)
      assert.is_truthy(raised:find(
        'option "headers" has an invalid header: header "X-Bad" has a line break in its value',
        1, true
      ))
      ok, raised = pcall(make, {}, { headers = { authorization = "x" } })
      assert.is_false(ok)
      assert.is_truthy(raised:find('"authorization" is set by the client itself', 1, true))
    end)
  end)

  describe("has records of its own", function()
    --- One slot, whatever the key is.
    local function slot(bytes)
      local kept = {}
      local store = records.store(kept)
      local one = {}
      for name, run in pairs(store) do
        one[name] = function(_, ...)
          return run("key", ...)
        end
      end
      kept.key = bytes
      return one, kept
    end

    it("which say its name, and are read again", function()
      local store, kept = slot()
      assert(make({ login = "POST /same" }, { store = store }):get "/thing")
      assert.equal(4, kept.key:byte(11))
      assert.is_truthy(kept.key:find("row", 1, true))
      server.received()
      assert(make({ login = "POST /same" }, { store = store }):get "/thing")
      assert.equal(0, count(server.received(), "POST"))
    end)

    it("and adopts none of another profile", function()
      local store = slot()
      assert(make({ login = "POST /same" }, { store = store }):get "/thing")
      server.received()
      assert(make({ login = "POST /same", name = "rowing" }, { store = store }):get "/thing")
      assert.equal(1, count(server.received(), "POST /same"))
    end)

    it("while the default's have the form of version 0.1, and adopt those", function()
      local bytes = records.made { root = server.base_url, token = "good-old", expires = nil }
      local store, kept = slot(bytes)
      local client = client_of { base_url = server.base_url, api_key = "k", store = store }
      assert.equal("good-old", client:credentials().token)
      assert(client:use_credentials { token = "good-new", identityId = "i" })
      assert.equal(2, kept.key:byte(11))
      store = slot(bytes)
      client = make({ login = "POST /same" }, { store = store })
      assert.is_nil(client:credentials())
    end)

    it("under keys that differ by what the login needs", function()
      local keys = {}
      local function key_of(options)
        options.base_url = server.base_url
        local store = records.store {}
        local load = store.load
        local seen
        store.load = function(key)
          seen = key
          return load(key)
        end
        options.store = store
        client_of(options):credentials()
        assert.is_nil(keys[seen], seen)
        keys[seen] = true
        return seen
      end
      assert.equal(server.base_url .. " anna",
        key_of { api_key = "k", username = "anna", password = "p" })
      local function row(more)
        more.profile = more.profile or { name = "row" }
        return key_of(more)
      end
      row {}
      row { profile = { name = "row2" } }
      row { username = "anna" }
      row { client_id = "id" }
      local secret = row { values = { a = "b" }, secrets = { c = "s3cret-value" } }
      assert.is_nil(secret:find("s3cret", 1, true))
      row { values = { a = "c" } }
      row { values = { a = "b", d = "e" } }
    end)
  end)

  it("takes none of the options that only MIC has, and no name that has a value already", function()
    local function message(options)
      local ok, problem = pcall(make, {}, options)
      assert.is_false(ok)
      return problem
    end
    for name, value in pairs { identity = "query", manifest_url = "https://x.example" } do
      assert.is_truthy(message({ [name] = value }):find(
        ('option "%s" is only for the profile mic'):format(name), 1, true))
    end
    for _, option in ipairs { "values", "secrets" } do
      local problem = message { [option] = { token = "x" } }
      assert.is_truthy(problem:find('must not set "token", which is already set', 1, true))
      problem = message { [option] = { ["a-b"] = "x" } }
      assert.is_truthy(problem:find("letters, digits and _", 1, true))
      for _, value in ipairs { { 1 }, { a = 1 }, { a = true } } do
        problem = message { [option] = value }
        assert.is_truthy(problem:find(
          ('option "%s" must map names to strings'):format(option), 1, true))
      end
      problem = message { [option] = { a = ("x"):rep(10241) } }
      assert.is_truthy(problem:find(
        ('option "%s" must not contain a value longer than 10240 bytes ("a")'):format(option),
        1, true))
    end
    local problem = message { values = { twice = "x" }, secrets = { twice = "y" } }
    assert.is_truthy(problem:find('must not set "twice", which is already set', 1, true))
    assert.is_nil(problem:find('"y"', 1, true))
  end)

  it("masks what it sends as a secret, in a reply's echo, an error and at a prompt", function()
    local client = make({
      login = "POST /reply?status=400&body={body}",
      login_headers = { "X-Extra: {extra}" },
    }, {
      values = { body = '{"error":"no extra-s3cret, no pass-word-1, no Y2xpZW50LXMzY3JldA=="}' },
      secrets = { extra = "extra-s3cret" },
      client_secret = "client-s3cret",
    })
    local _, err = client:login()
    assert.equal("http", err.kind)
    for _, text in ipairs { tostring(err), err.response.body, mic.pretty(err),
      client:status().last_error } do
      for _, secret in ipairs { "extra-s3cret", "pass-word-1", "Y2xpZW50LXMzY3JldA" } do
        assert.is_nil(text:find(secret, 1, true), text)
      end
    end
    assert.is_nil(err.response.url:find("?", 1, true))
  end)

  it("sends a header of a login whose value is empty, and none that lacks a value", function()
    local client = make({
      login_headers = { "X-Empty: {empty}", "X-Maybe: {empty?}", "X-None: {nothing?}", "X-Fixed:" },
    }, { values = { empty = "" } })
    assert(client:login())
    local received = server.received()
    assert.equal(1, count(received, "POST /login HTTP"))
    for _, name in ipairs { "X-Empty", "X-Maybe", "X-Fixed" } do
      assert.is_truthy(received:find("\r?\n" .. name:gsub("%-", "%%-") .. ": *\r?\n"), received)
    end
    assert.equal(0, count(received, "X-None"))
  end)

  it("is copied with its lists, so that a later change changes nothing", function()
    local fields = {
      name = "row",
      headers = { "Authorization: Bearer {token}" },
      expired = { { 401, "nothing of this" } },
      refused = { { 401 } },
      login_headers = { "X-One: 1" },
      open = { "/open" },
    }
    local row = require("mic.profile.row").make { profile = fields }
    local function lists()
      return json.encode { row.headers, row.expired, row.refused, row.login_headers, row.open }
    end
    local before = lists()
    fields.headers[1], fields.login_headers[1], fields.open[2] = "A: b", "X-Two: 2", "/thing"
    fields.expired[1][1], fields.expired[1][2], fields.refused[1][2] = 500, "x", "y"
    fields.refused[2] = { 500 }
    assert.equal(before, lists())
  end)

  it("has a method in any case", function()
    local client = make { login = "post /same", refresh = "Post /same" }
    assert(client:get "/thing")
    assert.equal(1, count(server.received(), "POST /same HTTP"))
    assert(client:request { method = "get", path = "/thing" })
    assert.equal(1, count(server.received(), "GET /thing HTTP"))
  end)

  it("knows no POST that may be sent twice, as MIC's searches may", function()
    local path = "/things/find"
    local function attempts(options)
      options.base_url, options.retry = server.base_url, { attempts = 2, base = 0.001 }
      local client = cleanup.close(mic.new(options))
      assert(client:use_credentials { token = "x", identity = "y" })
      local _, err = client:post(path, {}, { auth = false })
      assert.equal(503, err.status)
      _, err = client:request { method = "POST", path = path, auth = false, data = {} }
      server.received()
      return err.attempts
    end
    assert.equal(2, attempts { api_key = "k" })
    assert.equal(1, attempts { profile = "bearer" })
  end)

  it("decodes what is JSON by another name", function()
    local client = client_of { base_url = server.base_url, profile = "bearer" }
    for kind, is_json in pairs {
      ["application/x-amz-json-1.1"] = true, ["application/x-amz-json-1.0; charset=x"] = true,
      ["application/problem+json"] = true, ["Application/X-JSON"] = true, ["text/x-json"] = true,
      ["application/json-rpc"] = true,
      ["application/x-ndjson"] = false, ["application/json-seq"] = false,
      ["application/x-json-stream"] = false, ["text/plain"] = false,
    } do
      local res = assert(client:get("/typed", { query = { type = kind }, auth = false }))
      assert.equal(is_json and 1 or nil, res.data and res.data.a, kind)
    end
  end)

  it("shows what a login's reply has besides the credentials", function()
    local session = assert(make():login())
    assert.equal('{"expires_in":"3600","more":[1]}', json.encode(session))
  end)
end)
