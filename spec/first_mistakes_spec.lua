-- Common first mistakes and the full message for each. A message names the problem and the fix; a
-- raised one begins with the file and line of the caller.

local api = require "spec.support.api"
local mic = require "mic"

local CLIENT_OPTIONS = "known options: allow_insecure, api_key, auth_url, authenticate, base_url, "
  .. "client_id, client_secret, connect_timeout, deadline, debug, endpoints, headers, "
  .. "http_version, identity, manifest_url, max_response_size, max_size, on_event, password, "
  .. "profile, proxy, refresh_margin, retry, secrets, stack, store, timeout, tls, transport, "
  .. "user_agent, username, values"
local CALL_OPTIONS = "known options: auth, body, body_file, data, deadline, decode, headers, "
  .. "idempotent, max_size, method, on_data, params, path, progress, query, retry, save_to, timeout"
local TLS_OPTIONS = "known options: tls.ca_file, tls.ca_path, tls.client_cert, tls.client_key, "
  .. "tls.min_version, tls.pinned_public_key"

--- A name too long for any DNS, so that none is asked.
local NOWHERE = ("x"):rep(64) .. ".example"

--- A title, the program, and what it raises. Programs find `mic`, `client` (logged in), and BASE,
--- KEY, CA, NAME and PASSWORD of the sandbox; `new` is `mic.new` with the first three of these
--- where the options do not say otherwise.
local RAISED = {
  {
    "the base URL by its JavaScript name",
    "mic.new { baseURL = BASE, api_key = KEY }",
    'app.lua:1: unknown option "baseURL"; did you mean "base_url"? ' .. CLIENT_OPTIONS,
  },
  {
    "the API key by its JavaScript name",
    'new { apiKey = KEY }',
    'app.lua:1: unknown option "apiKey"; did you mean "api_key"? ' .. CLIENT_OPTIONS,
  },
  {
    "the user as the API spells it",
    'new { userName = NAME, password = PASSWORD }',
    'app.lua:1: unknown option "userName"; did you mean "username"? ' .. CLIENT_OPTIONS,
  },
  {
    "a token as an option",
    'new { token = "eyJ..." }',
    'app.lua:1: unknown option "token"; pass existing credentials to client:use_credentials; '
      .. CLIENT_OPTIONS,
  },
  {
    "a scope as an option",
    'mic.new { base_url = BASE, profile = "oauth2", scope = "read" }',
    'app.lua:1: unknown option "scope"; write values = { scope = … }; ' .. CLIENT_OPTIONS,
  },
  {
    "the token endpoint by another name",
    'mic.new { base_url = BASE, profile = "oauth2", token_url = BASE }',
    'app.lua:1: unknown option "token_url"; did you mean "auth_url"? ' .. CLIENT_OPTIONS,
  },
  {
    "a header for the whole client that the client sets itself",
    'new { headers = { ["X-API-Key"] = KEY } }',
    'app.lua:1: option "headers": "X-API-Key" is set by the client itself',
  },
  {
    "milliseconds for seconds",
    "new {\n  timeout = 30000,\n}",
    'app.lua:1: option "timeout" is in seconds, at most 3600 (got 30000; did you mean 30?)',
  },
  {
    "variables that are not set",
    'mic.new { base_url = os.getenv "NO_SUCH_URL", api_key = os.getenv "NO_SUCH_KEY" }',
    "app.lua:1: mic.new needs base_url or stack (both are nil)",
  },
  {
    "no API key",
    "mic.new { base_url = BASE }",
    "app.lua:1: mic.new needs api_key: every call carries it (option stack looks it up)",
  },
  {
    "http in the base URL",
    'new { base_url = "http://abc.execute-api.eu-west-1.amazonaws.com/prod" }',
    'app.lua:1: option "base_url" must begin with https://: plain http would send the secrets '
      .. "unencrypted; it is allowed only for loopback hosts, or with allow_insecure = true",
  },
  {
    "a URL for a stack's name",
    'mic.new { stack = "https://demo.mic.telenorconnexion.com/" }',
    'app.lua:1: option "stack" must be a host name, without scheme and path (got another string)',
  },
  {
    "verification turned off",
    "new { tls = { rejectUnauthorized = false } }",
    'app.lua:1: unknown option "tls.rejectUnauthorized": verification cannot be turned off; for '
      .. "your own certificate authority use tls.ca_file",
  },
  {
    "the CA file by its short name",
    "new { tls = { ca = CA } }",
    'app.lua:1: unknown option "tls.ca"; did you mean "tls.ca_file"? ' .. TLS_OPTIONS,
  },
  {
    "a colon for the module's dot",
    "mic:new { base_url = BASE, api_key = KEY }",
    "app.lua:1: call it with a dot: mic.new(…)",
  },
  {
    "a dot for the client's colon",
    'local user = client.get("/user")',
    "app.lua:1: call it with a colon: client:get(…)",
  },
  {
    "params for a query",
    'client:get("/users", { params = { size = 2 } })',
    "app.lua:1: params.size is not in the path; for ?size=… use query",
  },
  {
    "a query without the word",
    'client:get("/users", { size = 2 })',
    'app.lua:1: unknown option "size"; for ?size=… use query = { size = … }; ' .. CALL_OPTIONS,
  },
  {
    "a param written as in Express",
    'client:get("/users/:userName", { params = { userName = "anna" } })',
    "app.lua:1: params.userName is not in the path; for :userName write {userName}",
  },
  {
    "json for data",
    'client:request { method = "POST", path = "/users", json = { userName = "kari" } }',
    'app.lua:1: unknown option "json"; did you mean "data"? ' .. CALL_OPTIONS,
  },
  {
    "url for path",
    'client:request { url = "/users" }',
    'app.lua:1: unknown option "url"; did you mean "path"? ' .. CALL_OPTIONS,
  },
  {
    "the options of post in the place of its data",
    'client:post("/users/{userName}", { params = { userName = "anna" } })',
    "app.lua:1: client:post(path, data, options): params is an option, but is in data",
  },
  {
    "the options of get in the place of post's",
    'client:get("/users", nil, { query = { size = 2 } })',
    "app.lua:1: client:get(path, options) takes no third argument",
  },
  {
    "JSON text as data",
    [[client:post("/users", '{"userName":"kari"}')]],
    "app.lua:1: client:post: data is a string, which would be sent in quotes; for text, or "
      .. "for JSON that is encoded, use body: client:post(path, nil, { body = … })",
  },
  {
    "a text as data",
    [[client:request { method = "PUT", path = "/users", data = "kari" }]],
    "app.lua:1: client:request: data is a string, which would be sent in quotes; for text, or "
      .. "for JSON that is encoded, use body",
  },
  {
    "a file in the place of put's data",
    'client:put("/files/a", { body_file = "a.bin", timeout = 60 })',
    "app.lua:1: client:put(path, data, options): body_file is an option, but is in data: "
      .. "client:put(path, nil, { body_file = … })",
  },
  {
    "bytes for text",
    'client:post("/things", { sensors = { 1, 2, { name = "caf\233" } } })',
    "app.lua:1: data.sensors[3].name: a string that is not UTF-8 (byte 4 of 4) cannot be JSON; "
      .. "use body, or encode it as base64",
  },
  {
    "body and data both",
    'client:post("/users", { userName = "kari" }, { body = "userName=kari" })',
    'app.lua:1: client:post: data and option "body" cannot be combined: a call has one body',
  },
  {
    "a header as one line",
    'client:get("/user", { headers = { "Accept: text/plain" } })',
    'app.lua:1: option "headers" must have header names as keys (got a key of type number)',
  },
  {
    "the Authorization header by hand",
    'local token = client:credentials().token\n'
      .. 'client:get("/user", { headers = { Authorization = token } })',
    'app.lua:2: header "Authorization" is set by the client; with auth = false you may set it '
      .. "yourself",
  },
  {
    "a space in the path",
    'local name = "anna berg"\nclient:get("/users/" .. name)',
    "app.lua:2: path has a space, a control byte or a non-ASCII byte; put {name} there and the "
      .. "value into params.name, which encodes it",
  },
  {
    "dots for a param",
    'client:get("/users/{userName}", { params = { userName = ".." } })',
    'app.lua:1: params.userName must not be "." or ".."',
  },
  {
    "a param that is nil",
    'local config = {}\n'
      .. 'client:get("/users/{userName}", { params = { userName = config.user } })',
    "app.lua:2: params.userName is missing: the path has {userName}",
  },
  {
    "a path without its slash",
    'client:get "user"',
    'app.lua:1: path must begin with "/"',
  },
  {
    "a whole URL for a path",
    'client:get(BASE .. "/user")',
    'app.lua:1: path must begin with "/"; for an absolute URL use client:fetch',
  },
  {
    "a table for user name and password",
    "client:login { username = NAME, password = PASSWORD }",
    "app.lua:1: client:login(username, password): username must be a string (got table)",
  },
  {
    "a login without a password",
    "new {}:login()",
    "app.lua:1: client:login needs username and password, here or as options of mic.new",
  },
  {
    "the whole reply of a login as credentials",
    'local reply = client:post("/auth/login", { userName = NAME, password = PASSWORD })\n'
      .. "new {}:use_credentials(reply.data)",
    "app.lua:2: client:use_credentials takes only the member credentials of a login response",
  },
  {
    "a token with the word Bearer",
    'new {}:use_credentials { identityId = "i", token = "Bearer eyJ..." }',
    'app.lua:1: client:use_credentials: remove "Bearer " from the token',
  },
  {
    "a method that is written almost rightly",
    'client:gett "/user"',
    'app.lua:1: client has no method "gett"; did you mean client:get(…)?',
  },
  {
    "a store of another name",
    'mic.store.sqlite { path = "a" }',
    'app.lua:1: mic.store has no "sqlite"; it has memory, file, shared_dict, redis and '
      .. "conformance, and any table with the functions load, save, lock and unlock is a store",
  },
  {
    "a file store's path alone",
    'mic.store.file "credentials"',
    "app.lua:1: mic.store.file takes a table of options (got string); write mic.store.file "
      .. "{ path = … }",
  },
  {
    "a store's maker for the store",
    "new { store = mic.store.file }",
    'app.lua:1: option "store" must be a store (got function); write store = mic.store.file '
      .. "{ path = … }",
  },
  {
    "a store's name for the store",
    'new { store = "file" }',
    'app.lua:1: option "store" must be a store (got string); write store = mic.store.file '
      .. "{ path = … }",
  },
  {
    "a number for retry",
    "new { retry = 3 }",
    'app.lua:1: option "retry" must be a table or false (got number); write retry = '
      .. "{ attempts = 3 }",
  },
  {
    "attempts without end",
    "new { retry = { attempts = 1000 } }",
    'app.lua:1: option "retry.attempts" must be a whole number from 1 to 100 (got 1000)',
  },
  {
    "method and path for request's table",
    'client:request("GET", "/user")',
    "app.lua:1: client:request takes a table of options (got string); write client:request "
      .. '{ method = "GET", path = … }',
  },
  {
    "request's table for get",
    'client:get { path = "/user" }',
    'app.lua:1: client:get needs a path, such as "/users"; write client:get(path, { … })',
  },
  {
    "one request for a batch",
    'client:batch { path = "/user" }',
    "app.lua:1: client:batch: path is an option of one request; write client:batch "
      .. "{ { path = … }, … }",
  },
  {
    "paths for a batch",
    'client:batch { "/user", "/users" }',
    "app.lua:1: client:batch: request 1 must be a table (got string); write { path = … }",
  },
  {
    "a query as text",
    'client:get("/users", { query = "size=2" })',
    'app.lua:1: option "query" must be a table (got string); write query = { name = value }, or '
      .. "?name=value into the path",
  },
  {
    "another user's login",
    'new { username = "anna", password = "x" }:login("kari", "y")',
    'app.lua:1: client:login: "kari" is not the user of the option username ("anna"); make a '
      .. "client for each user",
  },
  {
    "the module's login without a user",
    "mic.login { base_url = BASE, api_key = KEY }",
    "app.lua:1: mic.login needs the options username and password",
  },
}

--- What comes back as an error, printed.
local RETURNED = {
  {
    "no stage at the end of the base URL",
    'print(select(2, new { base_url = BASE:gsub("/prod$", "") }:login(NAME, PASSWORD)))',
    "http 403: Forbidden (POST /auth/login, request ID) - check api_key, and the stage "
      .. '("/prod") at the end of base_url',
  },
  {
    "a wrong API key",
    'print(select(2, new { api_key = "abc" }:login(NAME, PASSWORD)))',
    "http 403: Forbidden (POST /auth/login, request ID) - check api_key, and the stage "
      .. '("/prod") at the end of base_url',
  },
  {
    "a stage that is there twice",
    'print(select(2, client:get "/prod/user"))',
    "http 403: Invalid key=value pair (missing equal-sign) in Authorization header "
      .. "(GET /prod/user, request ID) - there is no such path or method",
  },
  {
    "no login",
    'print(select(2, new {}:get "/user"))',
    "auth: not logged in; nothing was sent (GET /user) - call client:login(), or make the client "
      .. "with username and password",
  },
  {
    "a wrong password",
    'print(select(2, new {}:login(NAME, "letmein")))',
    "auth 401 INVALID_LOGIN: Invalid login (POST /auth/login, request ID) - check username and "
      .. "password",
  },
  {
    "a wrong password that is tried again",
    'local client = new { username = NAME, password = "letmein" }\n'
      .. 'client:get "/user"\nprint(select(2, client:get "/user"))',
    "auth: the API has refused this password; it is not tried again for 15 min (GET /user) - "
      .. "a new password is sent at once, client:login() too",
  },
  {
    "an expired copy of a token",
    "local copy = client:credentials()\nexpire()\nlocal other = new {}\n"
      .. "other:use_credentials { identityId = copy.identityId, token = copy.token }\n"
      .. 'print(select(2, other:get "/user"))',
    "auth: the token has expired, and there is no refresh token (GET /user) - pass "
      .. "a refreshToken to use_credentials too, or call client:login()",
  },
  {
    "a token of another stack",
    "local copy = client:credentials()\nreset()\nlocal other = new {}\n"
      .. "other:use_credentials(copy)\n"
      .. 'print(select(2, other:get "/user"))',
    "auth 401: Unauthorized (GET /user, request ID) - this user may not do that, or the token "
      .. "belongs to another stack",
  },
  {
    "more than the user may do",
    'local reader = new {}\nreader:login("per@example.com", PASSWORD)\n'
      .. 'print(select(2, reader:post("/users", { userName = "kari" })))',
    "http 403 NOT_AUTHORIZED: Not authorized: Users, CREATE (POST /users, request ID)",
  },
  {
    "an authority that this machine does not know",
    "print(select(2, new { tls = {} }:login(NAME, PASSWORD)))",
    "tls: the server's certificate could not be verified (POST /auth/login, "
      .. "CURLE_PEER_FAILED_VERIFICATION) - for your own certificate authority, name its "
      .. "certificate in tls.ca_file",
  },
  {
    "a CA file that is not there",
    'print(select(2, new { tls = { ca_file = "no/such.pem" } }:login(NAME, PASSWORD)))',
    'tls: tls.ca_file "no/such.pem": no such file or folder (ENOENT) (POST /auth/login, '
      .. "CURLE_SSL_CACERT_BADFILE) - check tls.ca_file and tls.ca_path",
  },
  {
    "a host that does not exist",
    'print(select(2, new { base_url = "https://" .. NOWHERE .. "/prod" }:login(NAME, PASSWORD)))',
    "network: the host name could not be resolved: " .. NOWHERE .. " (POST /auth/login, "
      .. "CURLE_COULDNT_RESOLVE_HOST) - check the URL's host name, and this machine's DNS",
  },
  {
    "a closed port",
    'print(select(2, new { base_url = "https://localhost:1/prod" }:login(NAME, PASSWORD)))',
    "network: could not connect to localhost:1 (POST /auth/login, "
      .. "CURLE_COULDNT_CONNECT) - check the URL's host and port, and the proxy if there is one",
  },
  {
    "a port that speaks no TLS",
    'print(select(2, new { base_url = PLAIN }:login(NAME, PASSWORD)))',
    "tls: the TLS handshake failed (POST /auth/login, CURLE_SSL_CONNECT_ERROR) - check the URL's "
      .. "host and port; the server must use TLS",
  },
  {
    "a folder that is not there",
    'print(select(2, client:get("/user", { save_to = "no/such/folder/user.json" })))',
    'file: save_to "no/such/folder/user.json": no such file or folder (GET /user, ENOENT)',
  },
  {
    "a path for client:fetch",
    'print(select(2, client:fetch "/user"))',
    "network: this URL cannot be fetched: it is not an absolute URL; for a path use "
      .. "client:get (GET /user, CURLE_URL_MALFORMAT)",
  },
  {
    "a user who is not there, shown by hand",
    'local user, err = client:get "/users/nobody"\nprint(user, "failed: " .. err)',
    "nil\tfailed: http 404 USER_NOT_FOUND: User not found: userName "
      .. "(GET /users/nobody, request ID)",
  },
}

--- What the assert of Lua 5.1 and 5.2 makes of an error object.
local ASSERTED = "bad argument #2 to 'assert' (string expected, got table)"
local NOT_FOUND = "http 404 USER_NOT_FOUND: User not found: userName "
  .. "(GET /users/nobody, request ID)"

describe("the first mistake:", function()
  local box = api.around()
  local client, printed

  before_each(function()
    client, printed = box:logged_in(), {}
  end)

  local function words()
    return {
      mic = mic,
      client = client,
      os = os,
      select = select,
      BASE = box.base_url,
      KEY = box.api_key,
      CA = box.ca_file,
      NAME = box.username,
      PASSWORD = box.password,
      NOWHERE = NOWHERE,
      PLAIN = box.control_url:gsub("^http:", "https:"),
      new = function(options)
        options.base_url = options.base_url or box.base_url
        options.api_key = options.api_key or box.api_key
        options.tls = options.tls or { ca_file = box.ca_file }
        return mic.new(options) -- a tail call: the position is that of the program
      end,
      expire = function()
        box:expire()
      end,
      reset = function()
        box:reset()
      end,
      print = function(...)
        local texts = {}
        for index = 1, select("#", ...) do
          texts[index] = tostring((select(index, ...)))
        end
        printed[#printed + 1] = table.concat(texts, "\t")
      end,
    }
  end

  --- Runs a program as the file app.lua. Whether it ended well, and what it raised.
  local function run(text)
    local setfenv = rawget(_G, "setfenv")
    if not setfenv then
      return pcall(assert(load(text, "@app.lua", "t", words())))
    end
    return pcall(setfenv(assert(rawget(_G, "loadstring")(text, "@app.lua")), words()))
  end

  local function plain(text)
    return (text:gsub("request %x+%-[%x-]+", "request ID"))
  end

  for _, case in ipairs(RAISED) do
    it(case[1], function()
      local ok, message = run(case[2])
      assert.is_false(ok)
      assert.are.equal(case[3], message)
    end)
  end

  for _, case in ipairs(RETURNED) do
    it(case[1], function()
      assert.are.same({ true }, { run(case[2]) })
      assert.are.equal(case[3], plain(printed[1]))
    end)
  end

  it("reads a field that a client does not have: it is nil", function()
    for _, name in ipairs {
      "devices", "path", "data", "name", "id", "", "x", "set", "host",
    } do
      assert.is_nil(client[name])
    end
    client:close()
    assert.is_nil(client.devices)
  end)

  it("Lua's own assert, which wants a text on 5.1 and 5.2; mic.assert does not", function()
    local text = box:run [[
      local mic = require "mic"
      local client = mic.from_env()
      print(select(2, pcall(function() assert(client:get "/users/nobody") end)))
      print(select(2, pcall(function() mic.assert(client:get "/users/nobody") end)))
    ]]
    local first, second = text:match "^(.-)\n(.-)\n$"
    local old = not rawget(_G, "jit") and (_VERSION == "Lua 5.1" or _VERSION == "Lua 5.2")
    assert.are.equal(old and ASSERTED or NOT_FOUND, plain(first:gsub("^%S+:%d+: ", "")))
    assert.are.equal(NOT_FOUND, plain(second))
  end)

  it("a module-wide call without an environment", function()
    local text = box:run [[
      package.loaded["mic.environment"] = nil
      local getenv = os.getenv
      os.getenv = function(name) return not name:find "^MIC_" and getenv(name) or nil end
      local mic = require "mic"
      print(select(2, mic.get "/user"))
    ]]
    assert.are.equal("config: MIC_BASE_URL is missing (or MIC_STACK, a stack's host name) - set "
      .. "it, or make a client with mic.login or mic.new\n", text)
  end)
end)
