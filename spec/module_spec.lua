-- The module `mic`: module-wide calls and their client, JSON values, assert; and clients as
-- objects.

local api = require "spec.support.api"
local cleanup = require "spec.support.cleanup"
local core = require "mic.core"
local json = require "mic.json"

local VERBS = { "request", "get", "head", "delete", "options", "post", "put", "patch" }
local CLIENT_METHODS = {
  "request", "get", "head", "delete", "options", "post", "put", "patch", "login", "refresh",
  "fetch", "batch", "logout", "authenticated", "credentials", "use_credentials", "auth_headers",
  "status", "close",
}

--- Loads the module again: without the client of an earlier test.
local function fresh()
  package.loaded.mic = nil
  return require "mic"
end

local function raised(call, ...)
  local ok, message = pcall(call, ...)
  assert.is_false(ok)
  return message
end

describe("the module", function()
  local mic = fresh()

  it("knows its version", function()
    assert.equal(core.version, mic._VERSION)
    assert.is_truthy(mic._VERSION:find "^%d+%.%d+%.%d+")
  end)

  it("has versions and features of the build", function()
    local features = mic.features()
    for _, name in ipairs { "version", "lua", "libcurl", "tls" } do
      assert.equal("string", type(features[name]), name)
    end
    assert.equal("boolean", type(features.http2))
    assert.equal(mic._VERSION, features.version)
    local jit = rawget(_G, "jit")
    assert.equal(jit and jit.version or _VERSION, features.lua)
    features.version = nil
    assert.equal(mic._VERSION, mic.features().version)
  end)

  it("has a null that is true and equal only to itself", function()
    assert.is_truthy(mic.null)
    assert.equal(mic.null, mic.json.decode "null")
    assert.equal(mic.null, mic.json.decode('{"a":[null]}').a[1])
    assert.equal('{"a":null}', mic.json.encode { a = mic.null })
    assert.are_not.equal(mic.null, false)
  end)

  it("marks arrays", function()
    assert.equal("[]", mic.json.encode(mic.array()))
    assert.equal("[]", mic.json.encode(mic.array {}))
    assert.equal("{}", mic.json.encode {})
    local list = mic.array { 1, 2 }
    list[3] = "x"
    assert.equal('[1,2,"x"]', mic.json.encode(list))
  end)

  it("encodes and decodes as data does", function()
    local text = '{"big":9007199254740992,"list":[1,2.5,"x",true,null],"name":"\195\165"}'
    assert.equal(text, mic.json.encode(mic.json.decode(text)))
    local value, problem = mic.json.decode "{"
    assert.is_nil(value)
    assert.equal("incomplete JSON (ends after 1 bytes)", problem)
    assert.has_error(function()
      mic.json.encode { 0 / 0 }
    end)
  end)

  it("raises when mic.nginx is loaded outside nginx", function()
    local ok, problem = pcall(require, "mic.nginx")
    assert.is_false(ok)
    local expected = "mic.nginx works only in nginx's *_by_lua blocks: there is no ngx"
    assert.is_truthy(tostring(problem):find(expected, 1, true), problem)
  end)

  it("has an assert for results that works on every Lua", function()
    local first, second, third = mic.assert("value", nil, 3)
    assert.same({ "value", nil, 3 }, { first, second, third })
    assert.equal(0, (mic.assert(0)))
    local client = mic.new { base_url = "https://localhost:1/prod", api_key = "key" }
    local _, err = client:get "/user"
    local message = raised(mic.assert, nil, err)
    assert.equal(tostring(err), message)
    assert.is_truthy(message:find "^auth: not logged in")
    assert.equal("plain", raised(mic.assert, nil, "plain"))
    assert.equal("assertion failed!", raised(mic.assert, false))
    client:close()
  end)
end)

describe("the module-wide calls", function()
  local sandbox = api.around()
  local mic

  before_each(function()
    mic = fresh()
  end)

  local function options(changes)
    local all = {
      base_url = sandbox.base_url, api_key = sandbox.api_key, tls = { ca_file = sandbox.ca_file },
      username = sandbox.username, password = sandbox.password,
    }
    for name, value in pairs(changes or {}) do
      all[name] = value
    end
    return all
  end

  local function login(changes)
    local client, err = mic.login(options(changes))
    cleanup.close(client)
    return client, err
  end

  it("use the client that mic.login made", function()
    local client = assert(login())
    assert.is_true(client:authenticated())
    assert.equal("POST /auth/login", sandbox:seen())
    assert.equal("demo", assert(mic.get "/user").data.userName)
    assert.equal("anna", assert(mic.request {
      path = "/users/{name}", params = { name = "anna" },
    }).data.userName)
    local user = { userName = "new", roleName = "Read", domainName = "root" }
    assert.equal("new", assert(mic.post("/users", user)).data.userName)
    assert(mic.patch("/users/{n}", { city = "Oslo" }, { params = { n = "new" } }))
    assert(mic.delete("/users/{n}", { params = { n = "new" } }))
    for _, verb in ipairs { "head", "options", "put" } do
      local _, err = mic[verb] "/user" -- which the API does not know
      assert.equal(403, err.status)
    end
    assert.equal("GET /user\nGET /users/anna\nPOST /users\nPATCH /users/new\nDELETE /users/new\n"
      .. "HEAD /user\nOPTIONS /user\nPUT /user", sandbox:seen())
    assert.equal(8, client:status().counters.calls)
  end)

  it("use the client of the last login that worked", function()
    assert(login())
    assert(login { username = "anna" })
    assert.equal("anna", assert(mic.get "/user").data.userName)
    local client, err = login { password = "wrong" }
    assert.is_nil(client)
    assert.same({ "auth", 401, "INVALID_LOGIN" }, { err.kind, err.status, err.key })
    assert.equal("anna", assert(mic.get "/user").data.userName)
  end)

  it("answer closed once their client is closed", function()
    assert(login()):close()
    local _, err = mic.get "/user"
    assert.equal("closed", err.kind)
  end)

  it("return what went wrong with the login", function()
    local client, err = login { base_url = "https://localhost:1/prod" }
    assert.is_nil(client)
    assert.equal("network", err.kind)
    client, err = login { api_key = "wrong" }
    assert.is_nil(client)
    assert.same({ "http", 403 }, { err.kind, err.status })
  end)

  it("raise for misuse, with the place in the user's file", function()
    local here = "^spec/module_spec%.lua:%d+: "
    assert.is_truthy(raised(mic.login):find(here))
    assert.is_truthy(raised(mic.login, { base_url = "https://h", api_key = "k" })
      :find(here .. "mic.login needs the options username and password"))
    assert.is_truthy(raised(mic.login, options { passwort = "x" })
      :find(here .. 'unknown option "passwort"; did you mean "password"%?'))
    assert(login())
    sandbox:seen()
    assert.is_truthy(raised(mic.get):find(here .. "client:get needs a path"))
    assert.is_truthy(raised(mic.get, "user"):find(here))
    assert.is_truthy(raised(mic.get, "/user", { json = {} }):find(here .. 'unknown option "json"'))
    assert.equal("", sandbox:seen())
  end)

  it("raise in nginx, where one hidden login for all would be a leak", function()
    assert(login())
    sandbox:seen()
    cleanup.replace(_G, "ngx", {
      get_phase = function()
        return "content"
      end,
    })
    local call = { login = options(), request = { path = "/user" } }
    for index = 0, #VERBS do
      local name = VERBS[index] or "login"
      local message = raised(mic[name], call[name] or "/user")
      local expected = ("mic.%s is not available in nginx"):format(name)
      assert.is_truthy(message:find(expected, 1, true), message)
    end
    assert.equal("", sandbox:seen())
    local client = mic.new(options())
    assert.equal("demo", assert(client:get "/user").data.userName)
    client:close()
    rawset(_G, "ngx", nil)
    assert.equal("demo", assert(mic.get "/user").data.userName)
  end)
end)

describe("a client", function()
  local sandbox, mic = api.around(), fresh()

  it("shows where it calls as text, and no secret", function()
    local client = sandbox:automatic()
    assert.equal("mic.client (" .. sandbox.base_url .. ")", tostring(client))
    assert(client:login())
    assert.equal("mic.client (" .. sandbox.base_url .. ")", tostring(client))
    assert.is_nil(next(client)) -- nothing to be dumped
    client:close()
    assert.equal("mic.client (closed)", tostring(client))
  end)

  it("says what is wrong when it is called with a dot", function()
    local client = sandbox:client()
    for _, name in ipairs(CLIENT_METHODS) do
      for _, argument in ipairs { "/user", {}, 5, client.get } do
        local message = raised(client[name], argument)
        assert.equal(("call it with a colon: client:%s(…)"):format(name),
          (message:gsub("^spec/module_spec%.lua:%d+: ", "")))
      end
      assert.is_truthy(raised(client[name]):find("call it with a colon", 1, true))
    end
    client:close()
    assert.equal("", sandbox:seen())
  end)

  it("is closed by <close> where Lua has that", function()
    local client = sandbox:logged_in()
    assert.equal("function", type(getmetatable(client).__close))
    local chunk = (rawget(_G, "loadstring") or load)[[
      local client = ...
      local mine <close> = client
      return mine:authenticated()
    ]]
    if chunk then
      assert.is_true(chunk(client))
    else
      getmetatable(client).__close(client)
    end
    assert.equal("mic.client (closed)", tostring(client))
    assert.equal("closed", select(2, client:get "/user").kind)
    client:close()
  end)

  it("is collected when unreferenced, with all it owns", function()
    local kept = setmetatable({}, { __mode = "v" })
    local function use()
      local client, inner = sandbox:logged_in { on_event = function() end }
      assert(client:get "/user")
      local other = assert(mic.new { stack = sandbox.stack })
      kept[1], kept[2], kept[3] = client, inner, other
      assert.is_truthy(kept[1] and kept[2] and kept[3])
    end
    use()
    local jit = rawget(_G, "jit")
    if jit then
      jit.flush() -- compiled code keeps the objects that it was compiled for
    end
    collectgarbage()
    collectgarbage()
    assert.same({}, kept)
  end)

  it("shares its login with another one by a store in memory", function()
    local store = mic.store.memory()
    local first = sandbox:automatic { store = store }
    local second = sandbox:client { store = store, username = "demo" }
    assert.is_false(second:authenticated())
    assert(first:get "/user")
    assert.equal("POST /auth/login\nGET /user", sandbox:seen())
    assert.equal("demo", assert(second:get "/user").data.userName)
    assert.equal("GET /user", sandbox:seen())
    assert.same(first:credentials(), second:credentials())
    sandbox:expire()
    assert(first:get "/user")
    assert.equal("GET /user\nPOST /auth/refresh\nGET /user", sandbox:seen())
    assert(second:get "/user") -- finds what the first one has saved
    assert.equal("GET /user\nGET /user", sandbox:seen())
    first:close()
    assert(second:get "/user")
    second:close()
    assert.equal("mic.store.memory", tostring(store))
  end)

  it("does not share its login with one of another user, key or place in the store", function()
    local store = mic.store.memory()
    local first = sandbox:automatic { store = store }
    assert(first:login())
    for _, changes in ipairs { { username = "anna" },
      { username = "demo", base_url = sandbox.origin .. "/other" },
      { username = "demo", base_url = sandbox.base_url:gsub("localhost", "127.0.0.1") },
    } do
      changes.store = store
      local second = sandbox:client(changes)
      assert.is_false(second:authenticated())
      second:close()
    end
    local same = sandbox:client { store = store, username = "demo",
      base_url = sandbox.base_url .. "/" }
    assert.is_true(same:authenticated())
    same:close()
    first:close()
  end)

  it("keeps to its own store when it is given none", function()
    local first, second = sandbox:logged_in(), sandbox:client()
    assert.is_true(first:authenticated())
    assert.is_false(second:authenticated())
    first:close()
    second:close()
  end)

  it("has no other methods than the documented ones", function()
    local names = {}
    for name in pairs(require("mic.client").methods) do
      names[#names + 1] = name
    end
    table.sort(names)
    local expected = {}
    for index, name in ipairs(CLIENT_METHODS) do
      expected[index] = name
    end
    table.sort(expected)
    assert.same(expected, names)
    assert.equal(json.null, mic.null)
  end)
end)
