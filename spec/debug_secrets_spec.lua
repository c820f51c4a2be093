-- No line of the debug channel has a secret, at its highest level, whatever a server echoes and in
-- whatever spelling. The same client's events are searched as well.

local cleanup = require "spec.support.cleanup"
local core = require "mic.core"
local mic = require "mic"
local written_api = require "spec.support.written_api"

local SECRETS = {
  password = 'p4ss "w\195\182rd"/%41&+x\\y=',
  api_key = "k3y+of/the=client&app",
  client_secret = "cl13nt:s3cret/with%odd+signs",
  own = "0wn-secret-of-the-values",
  token = "t0ken.of-the/login+reply==",
  refresh_token = "r3fresh.of-the/login+reply==",
  identity = "eu-west-1:1dent1ty-0f-the-user",
  by_hand = "n0t-known-to-the-client",
}
local USER = "someone@example.com"

--- Answers with all that it got and the secrets that the first part of the path names, as they are,
--- percent-encoded, in base64 and in headers; "/quiet" answers with these secrets alone. To a login
--- or refresh it gives credentials, in every form.
local ANSWER = [[
  local cjson = require "cjson"
  local secrets = { SECRETS }
  local names, rest = path:match "^/([%l_,]*)(.*)$"
  local known = {}
  for name in names:gmatch "[%l_]+" do known[#known + 1] = secrets[name] end
  known = table.concat(known, " ")
  local everything = ngx.req.raw_header() .. body
    .. " " .. ngx.unescape_uri(ngx.var.request_uri) .. " " .. ngx.unescape_uri(body) .. " " .. known
  if rest == "/quiet" then everything = known end
  local reply = { [known] = 1, echo = { everything, ngx.escape_uri(everything),
    ngx.encode_base64(everything), known, ngx.encode_base64(known), ngx.escape_uri(known),
    cjson.encode(known) } }
  if #rest < 2 or rest:find "login" or rest:find "refresh" or rest:find "token" then
    local token, refresh = secrets.token, secrets.refresh_token
    reply.user, reply.permissions = { userName = "x", echo = everything }, { echo = everything }
    reply.credentials = { identityId = secrets.identity, token = token, refreshToken = refresh }
    reply.access_token, reply.refresh_token, reply.expires_in = token, refresh, 3600
    reply.token, reply.refreshToken = token, refresh
    reply.AuthenticationResult = { IdToken = token, AccessToken = token, RefreshToken = refresh,
      ExpiresIn = 3600 }
    reply.data = { access_token = token, refresh_token = refresh, expires = 900000 }
  end
  local fields = { ["X-Echo"] = known, ["X-Echo-64"] = ngx.encode_base64(known, true),
    ["Set-Cookie"] = "session=" .. secrets.by_hand, ["x-amzn-RequestId"] = known,
    ["X-New-Token"] = secrets.by_hand }
  local status = tonumber(args.status) or 200
  if status == 302 then
    fields.Location = "https://elsewhere.example/" .. ngx.escape_uri(known) .. "?code="
      .. secrets.by_hand
  end
  local text = cjson.encode(reply)
  if args.as == "text" then text = everything end
  if args.as == "broken" then text = text:sub(1, -2) end
  return status, text, fields
]]

local function quoted(text)
  return (("%q"):format(text):gsub("\\\n", "\\n"))
end

local function base64(text)
  local alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
  local parts = {}
  for at = 1, #text, 3 do
    local a, b, c = text:byte(at, at + 2)
    local bits = a * 65536 + (b or 0) * 256 + (c or 0)
    for place = 3, 4 - math.min(3, #text - at + 1), -1 do
      local index = math.floor(bits / 64 ^ place) % 64
      parts[#parts + 1] = alphabet:sub(index + 1, index + 1)
    end
  end
  return table.concat(parts)
end

local function percent(text)
  return (text:gsub("[^%w._~-]", function(byte)
    return ("%%%02X"):format(byte:byte())
  end))
end

local spellings = {
  function(text) return text end,
  function(text) return (text:gsub('["\\]', "\\%0")) end,
  function(text) return (text:gsub('["\\/]', "\\%0")) end,
  percent,
  function(text) return percent(text):lower() end,
  function(text) return (percent(text):gsub("%%20", "+")) end,
  function(text) return (base64(text):sub(1, -3)) end, -- the last letters may hold further bits
  function(text) return (base64(text):sub(1, -3):gsub("%+", "-"):gsub("/", "_")) end,
}

--- Raises if a text has one of these secrets, or one that no client knows.
local function assert_clean(texts, names)
  local all = table.concat(texts, "\n")
  for name in (names .. ",by_hand"):gmatch "[%l_]+" do
    for _, text in ipairs { SECRETS[name], USER .. ":" .. SECRETS[name] } do
      for _, spell in ipairs(spellings) do
        local at, ends = all:find(spell(text), 1, true)
        if at then
          error(("%s is shown: %s"):format(name, all:sub(math.max(1, at - 300), ends + 20)), 0)
        end
      end
    end
  end
end

describe("no secret is in a debug line of", function()
  local secrets = {}
  for name, secret in pairs(SECRETS) do
    secrets[#secrets + 1] = ("%s = %s,"):format(name, quoted(secret))
  end
  local server = written_api.start((ANSWER:gsub("SECRETS", function()
    return table.concat(secrets, " ")
  end)))
  local lines, events

  before_each(function()
    lines, events = cleanup.stderr(), {}
  end)

  local function event_texts(event)
    for name, value in pairs(event) do
      events[#events + 1] = name .. " " .. tostring(value)
    end
  end

  --- Options of a client; the server has heard of the secrets that it knows.
  local function options(names, more)
    local base_url = server.base_url .. "/" .. names
    local all = {
      base_url = base_url, api_key = SECRETS.api_key, username = USER,
      password = SECRETS.password, client_secret = SECRETS.client_secret, client_id = "the-client",
      secrets = { own = SECRETS.own }, retry = false, on_event = event_texts,
      debug = "bodies",
    }
    for name, value in pairs(more) do
      all[name] = value or nil
    end
    all.auth_url = all.auth_url and all.auth_url:gsub("^AUTH", base_url)
    return all
  end

  local bodies = { "", "&as=text", "&as=broken" }

  --- All that a client can do where the server echoes it.
  local function flood(client)
    client:login()
    local given = client:credentials() or {}
    for _, status in ipairs { 200, 302, 400, 401, 403, 429, 500, 503 } do
      for _, as in ipairs(bodies) do
        client:get("/echo?status=" .. status .. as)
      end
      client:post("/quiet?status=" .. status, { [SECRETS.password] = SECRETS.api_key,
        password = SECRETS.by_hand, code = SECRETS.by_hand, list = { SECRETS.client_secret,
          { token = { SECRETS.by_hand } }, given.token or "-", given.refresh_token or "-" } })
    end
    client:get("/echo", { query = { a = SECRETS.password, [SECRETS.api_key] = given.token,
      b = given.refresh_token, c = SECRETS.identity } })
    client:get("/echo/{x}", { params = { x = SECRETS.password } })
    client:get("/quiet", { headers = { ["X-Mine"] = SECRETS.api_key .. (given.token or ""),
      ["X-Mine-Token"] = SECRETS.by_hand, Cookie = "x=" .. SECRETS.by_hand } })
    client:post("/echo", nil, { body = "raw " .. SECRETS.api_key })
    client:get("/echo", { save_to = os.tmpname() })
    client:get("/echo", { on_data = function() end })
    client:batch { { path = "/echo" }, { method = "POST", path = "/echo?status=400",
      data = { x = SECRETS.own } } }
    client:post("/auth/login", { userName = USER, password = SECRETS.by_hand }, { auth = false })
    client:fetch(server.base_url:gsub("127.0.0.1", "localhost") .. "/token?code=x", {
      method = "POST", headers = { ["Content-Type"] = "application/x-www-form-urlencoded" },
      body = "password=" .. SECRETS.by_hand })
    client:refresh()
    client:logout()
    pcall(client.login, client, nil, SECRETS.password) -- raises where no password is sent
    client:get "/echo"
    client:close()
  end

  local MIC = "password,api_key,token,refresh_token,identity"
  local CLIENT = "password,client_secret,own,token,refresh_token"
  local profiles = {
    mic = { MIC, { secrets = false, client_secret = false, client_id = false } },
    ["mic in the query"] = { MIC, { secrets = false, client_secret = false, client_id = false,
      identity = "query" } },
    oauth2 = { CLIENT, { profile = "oauth2", auth_url = "AUTH/token", api_key = false } },
    ["oauth2 without a user"] = { "client_secret,own,token,refresh_token", { profile = "oauth2",
      auth_url = "AUTH/token", username = false, password = false, api_key = false } },
    basic = { "password,own", { profile = "basic", api_key = false, client_id = false,
      client_secret = false } },
    thingsboard = { CLIENT, { profile = "thingsboard" } },
    directus = { CLIENT .. ",api_key", { profile = "directus" } },
    cognito = { CLIENT .. ",api_key", { profile = "cognito", auth_url = "AUTH" } },
    ["a row of one's own"] = { CLIENT .. ",api_key", { profile = {
      name = "own", login = "POST /login?key={own}",
      login_body = '{"a":{"u":{username},"p":{password}},"k":{api_key},"o":{own}}',
      login_headers = { "X-Own: {own}", "X-Client: {client_basic}" },
      refresh = "GET /refresh/{own}?r={refresh_token}", token = "access_token",
      refresh_token = "refresh_token",
      headers = { "X-Odd: {token} for you", "X-App: {api_key}", "X-Own: {own}" },
    } } },
  }

  for name, profile in pairs(profiles) do
    it(name, function()
      local client = mic.new(options(profile[1], profile[2]))
      flood(client)
      assert.is_true(#lines > 200)
      assert.is_true(#events > 100)
      assert_clean(lines, profile[1])
      assert_clean(events, profile[1])
    end)
  end

  it("the core, whose transcripts are masked before Lua sees them", function()
    local client = cleanup.close(core.client {
      base_url = server.base_url .. "/" .. MIC, api_key = SECRETS.api_key, transcripts = "bodies",
      profile = require "mic.profile.mic", password = SECRETS.password,
    })
    local parts = {}
    local function add(exchange)
      while exchange:run(5) ~= "done" do -- luacheck: ignore 542
      end
      exchange:result()
      local read = { exchange:transcript() }
      assert.is_truthy(read[1] and read[3])
      for index = 1, 4 do
        parts[#parts + 1] = read[index]
      end
      assert.is_nil((exchange:transcript())) -- once
    end
    add(client:start("login", USER, SECRETS.password))
    assert(client:adopt { token = SECRETS.token, identity = SECRETS.identity,
      refresh_token = SECRETS.refresh_token })
    for _, status in ipairs { 200, 302, 400, 500 } do
      for _, as in ipairs(bodies) do
        local path = ("/echo?status=%d&x=%s%s"):format(status, percent(SECRETS.token), as)
        add(client:start("call", "POST", path, 5, true, '["' .. SECRETS.api_key .. '"]', {
          headers = { ["X-Mine"] = SECRETS.api_key } }))
      end
    end
    add(client:start "refresh")
    assert.is_true(#parts > 40)
    assert_clean(parts, MIC)
  end)

  it("a function of one's own that logs in", function()
    local client = mic.new(options("none", { profile = "bearer", client_id = false,
      client_secret = false, secrets = false, username = false, password = false, api_key = false,
      authenticate = function(http)
        local response = http:post("/token", { user = USER, key = SECRETS.by_hand }, {
          headers = { ["X-Key"] = SECRETS.by_hand },
        })
        return { token = response.data.access_token, refresh_token = response.data.refresh_token }
      end }))
    assert(client:login())
    assert(client:get "/echo")
    client:close()
    assert.is_true(#lines > 20)
    assert_clean(lines, "token,refresh_token")
  end)
end)
