-- APIs other than MIC: each a row of data, against a sandbox that answers as that API does.

local api = require "spec.support.api"
local mic = require "mic"

--- The rows of docs/other-apis.md, for the sandbox's modes.
local rows = {
  directus = { profile = "directus" },
  vault = {
    profile = {
      name = "vault",
      login = "POST /v1/auth/userpass/login/{username}",
      login_body = '{"password":{password}}',
      refresh = "POST /v1/auth/token/renew-self",
      refresh_headers = { "X-Vault-Token: {token}" },
      token = "auth.client_token",
      identity = "auth.entity_id",
      expires = "auth.lease_duration",
      headers = { "X-Vault-Token: {token}" },
      expired = { { 403, "permission denied" } },
      refused = { { 400, "invalid username or password" }, { 403 } },
    },
  },
  iso = {
    profile = {
      name = "iso",
      login = "POST /session",
      login_body = '{"user":{username},"password":{password}}',
      token = "token",
      expires = "expires_at",
      expires_as = "iso",
      headers = { "Authorization: token {token}" },
      expired = { { 401, "Bad credentials" } },
      refused = { { 401, "Bad login" } },
    },
  },
  idle = {
    profile = {
      name = "etcd",
      login = "POST /v3/auth/authenticate",
      login_body = '{"name":{username},"password":{password}}',
      token = "token",
      expires = false,
      headers = { "Authorization: {token}" },
      expired = { { 401, "invalid auth token" } },
      refused = { { 400, "authentication failed" } },
    },
  },
  challenge = {
    profile = {
      name = "node-red",
      login = "POST /auth/token",
      login_body = "client_id=node-red-admin&grant_type=password&scope=*"
        .. "&username={username}&password={password}",
      expired = { { 401, "invalid_token" } },
      refused = { { 403, "invalid_grant" } },
    },
  },
  status200 = {
    profile = {
      name = "zabbix",
      login = "POST /login",
      login_body = '{"username":{username},"password":{password}}',
      token = "result",
      expires = false,
      expired = { { 200, "Session terminated" } },
      refused = { { 200, "Incorrect user name or password" } },
    },
  },
  supabase = {
    api_key = true,
    profile = {
      name = "supabase",
      login = "POST /auth/v1/token?grant_type=password",
      login_body = '{"email":{username},"password":{password}}',
      login_headers = { "apikey: {api_key}" },
      refresh = "POST /auth/v1/token?grant_type=refresh_token",
      refresh_body = '{"refresh_token":{refresh_token}}',
      identity = "user.id",
      expires = "expires_at",
      expires_as = "epoch",
      headers = { "apikey: {api_key}", "Authorization: Bearer {token}" },
      expired = { { 401, "JWT expired" } },
      refused = { { 400, "invalid_grant" } },
    },
  },
  text = {
    profile = {
      name = "balena",
      login = "POST /login_",
      login_body = '{"username":{username},"password":{password}}',
      refresh = "GET /user/v1/refresh-token",
      refresh_headers = { "Authorization: Bearer {token}" },
      token = "",
      expired = { { 401 } },
    },
  },
  query = {
    profile = {
      name = "parse",
      login = "GET /parse/login?username={username}&password={password}",
      token = "sessionToken",
      identity = "objectId",
      expires = false,
      headers = { "X-Parse-Session-Token: {token}" },
      expired = { { 400, "209" } },
      refused = { { 404, "101" } },
    },
  },
}

local names = {}
for name in pairs(rows) do
  names[#names + 1] = name
end
table.sort(names)

for _, name in ipairs(names) do
  describe("an API like " .. name, function()
    local sandbox = api.around()
    local row, clients = rows[name], {}

    local function make(options)
      local all = {
        base_url = sandbox.base_url,
        tls = { ca_file = sandbox.ca_file },
        username = "demo",
        password = sandbox.password,
        api_key = row.api_key and sandbox.api_key or nil,
        profile = row.profile,
        retry = false,
      }
      for option, value in pairs(options or {}) do
        all[option] = value
      end
      clients[#clients + 1] = mic.new(all)
      return clients[#clients]
    end

    after_each(function()
      for _, client in ipairs(clients) do
        client:close()
      end
      clients = {}
    end)

    before_each(function()
      sandbox:mode { profile = name }
    end)

    it("logs in and calls", function()
      local client = make()
      local res, err = client:get "/thing"
      assert(res, tostring(err))
      assert.is_true(res.data.ok)
      assert.equal(1, client:status().counters.logins)
      assert.equal(type(row.profile) == "string" and row.profile or row.profile.name,
        client:status().profile)
    end)

    it("renews an expired token and sends the call again", function()
      local client = make()
      assert(client:get "/thing")
      sandbox:expire()
      local res, err = client:get "/thing"
      assert(res, tostring(err))
      local counters = client:status().counters
      assert.equal(2, counters.logins + counters.refreshes)
    end)

    it("does not send a refused password again", function()
      local client = make { password = "wrong" }
      local _, err = client:get "/thing"
      assert.equal("auth", err.kind)
      sandbox:seen()
      _, err = client:get "/thing"
      assert.equal("auth", err.kind)
      assert.is_truthy(tostring(err):find "refused this password")
      assert.equal("", sandbox:seen())
    end)

    it("shows no secret", function()
      local client = make()
      local session = assert(client:login())
      local shown = mic.pretty(session) .. mic.pretty(client:status())
      assert.is_nil(shown:find(sandbox.password, 1, true))
      assert.is_nil(shown:find(client:credentials().token, 1, true))
      for _, entry in ipairs(sandbox:log()) do
        assert.is_nil(entry.path:find(sandbox.password, 1, true))
      end
    end)
  end)
end

describe("an answer to a login", function()
  local sandbox = api.around()

  local function make(options)
    local all = {
      username = "demo",
      password = "password-of-ours",
      api_key = nil,
      profile = {
        name = "own",
        login = "POST /login",
        login_body = '{"username":{username},"password":{password}}',
        token = "data.token",
        refresh = "POST /refresh",
        refresh_body = '{"refresh_token":{refresh_token}}',
      },
    }
    for name, value in pairs(options or {}) do
      all[name] = value
    end
    return (sandbox:client(all))
  end

  --- The errors of two calls after this answer, and what was sent.
  local function answered(answer, options)
    local client = make(options)
    answer.path = "/login"
    sandbox:answer(answer)
    local _, first = client:get "/thing"
    local sent = sandbox:seen()
    local _, second = client:get "/thing"
    assert.equal("", sandbox:seen())
    return first, second, sent
  end

  for _, body in ipairs { '{"step":2}', '{"data":{"token":5}}', '{"data":{"token":""}}',
    '{"data":{"token":"a\\u0001"}}' } do
    it("without a token is remembered like a refusal: " .. body, function()
      local first, second = answered { status = 200, body = body }
      assert.same({ "auth", 200, false }, { first.kind, first.status, first.retryable })
      assert.is_truthy(first.message:find("data.token", 1, true))
      assert.is_truthy(second.message:find "not tried again for 15 min")
    end)
  end

  it("is a failure with an error beside a token", function()
    local first = answered { status = 200, body = '{"error":"no","data":{"token":"a-good-one"}}' }
    assert.same({ 200, "no", false }, { first.status, first.message, first.retryable })
  end)

  it("is a success with an error that is empty, and with an errorMessage", function()
    for _, member in ipairs { '"error":""', '"error":null', '"errorMessage":"x"' } do
      sandbox:answer { path = "/login", status = 200,
        body = ('{%s,"data":{"token":"a-good-one"}}'):format(member) }
      assert(make():login())
    end
  end)

  for _, status in ipairs { 409, 412 } do
    it(("is tried again when it is %d"):format(status), function()
      sandbox:answer { path = "/login", status = status, body = "{}" }
      sandbox:answer { path = "/login", status = 200, body = '{"data":{"token":"a-good-one"}}' }
      local client = make { retry = { base = 0.01 } }
      assert(client:login())
      assert.equal("POST /login\nPOST /login", sandbox:seen())
    end)
  end

  it("has the client's secret masked as a header carries it", function()
    local client = sandbox:client { profile = "oauth2", auth_url = sandbox.base_url .. "/token",
      client_id = "lua", client_secret = "client secret: 100% & more" }
    for _, text in ipairs {
      "bHVhOmNsaWVudCtzZWNyZXQlM0ErMTAwJTI1KyUyNittb3Jl", -- of both, form-encoded first
      "bHVhOmNsaWVudCBzZWNyZXQ6IDEwMCUgJiBtb3Jl",
      "client+secret%3A+100%25+%26+more",
    } do
      sandbox:answer { path = "/token", status = 400,
        body = ('{"message":"got %s"}'):format(text) }
      local _, err = client:login()
      assert.is_truthy(err.message:find "^got %w?%w?%w?%w?%w?%*+%w?%w?%w?$", err.message)
    end
  end)

  it("has up to 16 secrets of the user's masked", function()
    local secrets, texts = {}, {}
    for index = 1, 16 do
      texts[index] = ("secret-number-%d-"):format(index)
      secrets["s" .. index] = texts[index]
    end
    local client = make { secrets = secrets }
    assert(client:use_credentials { token = "a-token", refresh_token = "a-refresh-token" })
    sandbox:answer { path = "/login", status = 400,
      body = ('{"message":"%s"}'):format(table.concat(texts, " ")) }
    assert.is_truthy(select(2, client:login()).message:find "^[*% ]+$")
    secrets.s17 = "x"
    local ok, problem = pcall(make, { secrets = secrets })
    assert.is_false(ok)
    assert.is_truthy(problem:find 'option "secrets" must not contain more than 16 values$')
  end)

  it("is understood as it came, before it is masked", function()
    local body = '{"errors":{"password":"wrong, sorry"}}'
    local client = make { profile = {
      name = "own",
      login = "POST /login",
      login_body = '{"username":{username},"password":{password}}',
      refused = { { 422, "wrong, sorry" } },
    } }
    sandbox:answer { path = "/login", status = 422, body = body }
    local _, err = client:get "/thing"
    assert.same({ "auth", 422, false }, { err.kind, err.status, err.retryable })
    assert.equal('{"errors":{"password":"************"}}', err.response.body)
    assert.is_truthy(select(2, client:get "/thing").message:find "not tried again for 15 min")
  end)

  it("has its secrets masked by their names, whatever the status", function()
    local body = '{"id_token":"the-id-token","more":{"Session":"the-session"},"message":"no"}'
    for _, status in ipairs { 400, 200 } do
      local first = answered { status = status, body = body }
      assert.equal('{"id_token":"************","more":{"Session":"***********"},"message":"no"}',
        first.response.body)
    end
  end)
end)

describe("a password function of the profile basic", function()
  local sandbox = api.around()

  local function sent()
    local lines = {}
    for _, entry in ipairs(sandbox:log()) do
      lines[#lines + 1] = entry.path:match "/thing"
    end
    sandbox:seen()
    return #lines
  end

  it("is asked at the first call, and again after a 401", function()
    local asked = 0
    local client = sandbox:client { profile = "basic", username = "anna", password = function()
      asked = asked + 1
      return "password-" .. asked
    end }
    assert.is_false(client:status().logged_in)
    for _ = 1, 2 do
      sandbox:answer { path = "/thing", status = 200, body = "{}" }
      assert(client:get "/thing")
    end
    assert.same({ 1, true, 2 }, { asked, client:status().logged_in, sent() })
    assert.equal("Basic YW5uYTpwYXNzd29yZC0x", client:auth_headers().Authorization)
    sandbox:answer { path = "/thing", status = 401, body = '{"message":"no YW5uYTpwYXNzd29yZC0x"}' }
    local _, err = client:get "/thing"
    assert.same({ "auth", 401, 1, "no YW5uYT***" },
      { err.kind, err.status, err.attempts, err.message })
    sandbox:answer { path = "/thing", status = 200, body = "{}" }
    assert(client:get "/thing")
    assert.same({ 2, 2 }, { asked, sent() })
    assert.equal("Basic YW5uYTpwYXNzd29yZC0y", client:auth_headers().Authorization)
  end)

  it("may give none", function()
    local client = sandbox:client { profile = "basic", username = "anna", password = function()
      return nil, "the vault is closed"
    end }
    local _, err = client:get "/thing"
    assert.equal("auth: the password function returned no string (got nil): the vault is closed",
      api.line(err))
    assert.equal(0, sent())
  end)
end)

describe("a profile without login", function()
  local sandbox = api.around()

  it("logs in to nothing, and refreshes nothing", function()
    for _, options in ipairs { { profile = "bearer" },
      { profile = "basic", username = "anna", password = "password-of-ours" } } do
      local client = sandbox:client(options)
      for method, message in pairs { login = "this API has no login",
        refresh = "this API has no login and no refresh" } do
        local res, err = client[method](client)
        assert.is_nil(res)
        assert.equal("auth: " .. message, api.line(err))
      end
      assert.equal("", sandbox:seen())
    end
  end)

  it("neither sends again nor remembers what a 401 refuses", function()
    local client = sandbox:client {
      username = "anna",
      password = "password-of-ours",
      profile = { name = "own", headers = { "X-Login: {basic}" } },
    }
    for _ = 1, 2 do
      sandbox:answer { path = "/thing", status = 401, body = '{"message":"expired"}' }
      local _, err = client:get "/thing"
      assert.same({ "auth", 401, 1, "expired" },
        { err.kind, err.status, err.attempts, err.message })
      assert.equal("GET /thing", sandbox:seen())
    end
  end)

  it("says where a token comes from", function()
    local client = sandbox:client { profile = "bearer" }
    local hint = "pass a token to client:use_credentials"
    assert.equal(hint, select(2, client:get "/thing").hint)
    assert.equal(hint, select(2, client:auth_headers()).hint)
    client = sandbox:client { profile = "basic" }
    assert.equal("make the client with username and password",
      select(2, client:get "/thing").hint)
  end)
end)

describe("the path / of a login", function()
  local sandbox = api.around()

  it("is the auth URL as it is written, also with a query", function()
    for query, sent in pairs { [""] = "", ["?grant={username}"] = "?grant=a%26b" } do
      local client = sandbox:client {
        auth_url = sandbox.base_url .. "/token",
        username = "a&b",
        profile = { name = "own", login = "POST /" .. query },
      }
      local _, err = client:login()
      assert.equal("POST /token" .. sent, sandbox:seen())
      assert.equal("/prod/token", err.path)
      assert.is_truthy(tostring(err):find("(POST /prod/token", 1, true))
    end
  end)
end)

describe("the hint of a login", function()
  local sandbox = api.around()

  --- The error of a login that is refused.
  local function refused(profile, options)
    options.profile, options.auth_url = profile, sandbox.base_url .. "/token"
    local client = sandbox:client(options)
    sandbox:answer { path = "/token", status = 401, body = '{"error":"invalid_client"}' }
    return select(2, client:get "/thing"), client
  end

  it("names what the profile's login needs", function()
    local id = { client_id = "id-1", client_secret = "s3cret-2" }
    local err, client = refused("oauth2", id)
    assert.equal("check client_id and client_secret", err.hint)
    err = select(2, client:get "/thing") -- not sent again
    assert.is_truthy(err.message:find("refused this login", 1, true))
    assert.equal("other credentials are sent at once, client:login() too", err.hint)
    assert.equal("check client_id; there is no client_secret",
      refused("oauth2", { client_id = "id" }).hint)
    id.username, id.password = "anna", "word"
    assert.equal("check username, password, client_id and client_secret",
      refused("oauth2", id).hint)
    local own = { name = "own", login = "POST /", login_body = "pin={pin}&a={{b}" }
    assert.equal("check secrets", refused(own, { secrets = { pin = "1234-5" } }).hint)
    assert.equal("check what the profile's login sends",
      refused({ name = "own", login = "POST /" }, {}).hint)
    client = sandbox:client { profile = "cognito", auth_url = sandbox.base_url, client_id = "x" }
    assert.equal("call client:login(), or make the client with username, password and client_id",
      select(2, client:get "/thing").hint)
  end)

  it("asks for another refresh token where there is no login", function()
    local client = sandbox:client { profile = { name = "own", extends = "bearer",
      refresh = "POST /token", refresh_body = "t={refresh_token}" } }
    assert(client:use_credentials { token = "t", refresh_token = "r-1", expires_at = 5 })
    sandbox:answer { path = "/token", status = 401, body = "{}" }
    local _, err = client:get "/thing"
    assert.equal("pass a new refresh_token to client:use_credentials", err.hint)
  end)
end)

describe("a profile that is wrong", function()
  local function problem(profile, options)
    local all = { base_url = "https://localhost", username = "demo", password = "x" }
    for name, value in pairs(options or {}) do
      all[name] = value
    end
    all.profile = profile
    local ok, message = pcall(mic.new, all)
    assert.is_false(ok)
    return (tostring(message):gsub("^.-:%d+: ", ""))
  end

  it("has an unknown field", function()
    assert.is_truthy(problem({ name = "x", logn = "POST /" }):find 'profile%.logn')
  end)

  it("has no name", function()
    assert.equal('option "profile.name" is required: a string', problem {})
  end)

  it("has a placeholder without a value", function()
    local known = "known: username, password, client_id, client_secret, api_key, token, "
      .. "refresh_token, identity, basic, client_basic, and the names in values and secrets"
    assert.equal('option "profile.login_body" (character 9): unknown placeholder {foo}; ' .. known,
      problem { name = "x", login = "POST /login", login_body = '{"user":{foo}}' })
    for wrong, meant in pairs {
      user_name = "username", clientId = "client_id", tokn = "token", Password = "password",
    } do
      assert.equal(('option "profile.headers[1]" (character 4): unknown placeholder {%s}; '
        .. "did you mean {%s}? %s"):format(wrong, meant, known),
        problem { name = "x", headers = { "A: {" .. wrong .. "}" } })
    end
    assert.equal('option "profile.headers[2]" (character 7): {api_key} has no value',
      problem { name = "x", headers = { "A: {token}", "X-K: k{api_key}" } })
  end)

  it("is built in and lacks what its login needs", function()
    local auth_url = "https://id.example.com/token"
    assert.equal('option "auth_url" is required by the profile "oauth2": the URL that gives tokens',
      problem("oauth2", { client_id = "x" }))
    assert.is_truthy(problem("cognito", { client_id = "x" })
      :find('option "auth_url" is required by the profile "cognito"', 1, true))
    assert.is_truthy(problem("cognito", { auth_url = auth_url })
      :find('option "profile.login_body" %(character %d+%): {client_id} has no value$'))
    assert.equal('option "profile.login_headers[1]" (character 22): {client_basic} has no value: '
      .. "it needs client_id and client_secret",
      problem("oauth2", { auth_url = auth_url, client_secret = "x" }))
    local ok, message = pcall(mic.new,
      { base_url = "https://localhost", profile = "oauth2", auth_url = auth_url })
    assert.is_false(ok)
    assert.is_truthy(message:find('option "profile.login_body" %(character %d+%): {client_id} has'))
  end)

  it("is built in, and gets later what may come later", function()
    local auth_url = "https://id.example.com/token"
    for name, options in pairs {
      basic = {}, bearer = {}, thingsboard = {}, directus = {},
      cognito = { auth_url = auth_url, client_id = "x" },
      oauth2 = { auth_url = auth_url, client_id = "x" },
    } do
      options.base_url, options.profile = "https://localhost", name
      mic.new(options):close()
      options.username = "anna"
      mic.new(options):close()
      options.password = function() end
      mic.new(options):close()
    end
    mic.new({ base_url = "https://localhost", profile = "oauth2", auth_url = auth_url,
      username = "anna" }):close()
    mic.new({ base_url = "https://localhost", profile = "oauth2", authenticate = function() end })
      :close()
    mic.new({ base_url = "https://localhost", profile = { name = "x", extends = "oauth2",
      login = "POST /token" }, client_id = "x", username = "anna" }):close()
  end)

  it("takes no user where its login sends none", function()
    local client = mic.new { base_url = "https://localhost", profile = "oauth2",
      auth_url = "https://localhost/token", client_id = "x", client_secret = "y" }
    local ok, message = pcall(client.login, client, "anna", "word")
    client:close()
    assert.is_false(ok)
    assert.is_truthy(message:find(
      'client:login: the login of the profile "oauth2" sends no user name and no password', 1, true
    ))
  end)

  it("has a body that is no JSON", function()
    for body, place in pairs {
      ['{"user":}'] = 9,
      ['{"user":{username}'] = 19,
      ['{"user":{username},}'] = 20,
      ['{"user":{username},"word":{password?} "c":1}'] = 39,
      ['{"user":{username}}}'] = 20,
      ["{'user':{username}}"] = 2,
      ['{"user":{{"name":{username}}'] = 29,
      ['{"user":"a\nb"}'] = 1, -- which the decoder of Lua takes
    } do
      assert.equal(('option "profile.login_body" (character %d): it begins with "{" '
        .. "and is not valid JSON"):format(place),
        problem { name = "x", login = "POST /login", login_body = body })
    end
    assert.is_truthy(problem({ name = "x", refresh = "POST /r", refresh_body = "{'a':1}" })
      :find('"profile.refresh_body" (character 2)', 1, true))
  end)

  it("has a request without a method, or a body without a request", function()
    for _, request in ipairs { "login", "refresh" } do
      for _, text in ipairs { "/login", "POST", "POST  /login", " POST /login" } do
        assert.equal(('option "profile.%s" must be a method and a path, such as "POST /%s" '
          .. "(got another string)"):format(request, request),
          problem { name = "x", [request] = text })
      end
      assert.equal(('option "profile.%s_body" needs profile.%s'):format(request, request),
        problem { name = "x", [request .. "_body"] = "a=b" })
    end
    assert.equal('option "profile.refresh_body" needs profile.refresh',
      problem { name = "x", extends = "thingsboard", login = "POST /l", refresh_body = "a=b" })
  end)

  it("has answers in no list", function()
    for _, field in ipairs { "expired", "refused" } do
      assert.equal(('option "profile.%s" must be a list of { status, text }, '
        .. 'such as { { 401, "expired" } } ([1] is not)'):format(field),
        problem { name = "x", [field] = { 401, "wilted" } })
    end
  end)

  it("has a placeholder inside a text", function()
    assert.equal('option "profile.login_body" (character 10): '
      .. "a placeholder must be a whole JSON value, not a part of a string",
      problem { name = "x", login = "POST /login", login_body = '{"user":"{username}"}' })
  end)

  it("has a header twice", function()
    assert.equal('option "profile.headers[2]" is a duplicate',
      problem { name = "x", headers = { "A: {token}", "a: b" } })
  end)

  it("has a path with dots or an empty segment", function()
    assert.is_truthy(problem({ name = "x", login = "POST /a/../b" }):find "profile%.login")
    assert.is_truthy(problem({ name = "x", login = "POST /a//b" }):find "profile%.login")
  end)

  it("sends a login's secret to the API, or a token to the login", function()
    local options = { auth_url = "https://id.example.com" }
    assert.equal('option "profile.headers" must not contain {password}, '
      .. "because auth_url is another origin",
      problem({ name = "x", headers = { "A: {password}" } }, options))
    assert.equal('option "profile.refresh" must not contain {token}, '
      .. "because auth_url is another origin",
      problem({ name = "x", refresh = "POST /r", refresh_headers = { "A: {token}" } }, options))
  end)

  it("has a lifetime that is no positive number", function()
    assert.is_truthy(problem({ name = "x", lifetime = 0 }):find "profile%.lifetime")
  end)

  it("is not built in", function()
    assert.is_truthy(problem("nope"):find 'there is no profile "nope"; built in: "basic"', 1, true)
  end)
end)
