-- Secrets echoed by a server are masked in every spelling, in time that the server cannot inflate.

local api = require "spec.support.api"
local core = require "mic.core"
local errors = require "mic.error"
local json = require "mic.json"
local loops = require "spec.support.loops"
local nginx = require "spec.support.nginx"

local KEY = "K+ey/with=odd&chars=="
local PASSWORD = 'p@ss "w\195\182rd"/%41&amp;\\n 2'
local TOKEN = "AAAABBBB"
local REFRESH = "AAAABBBB.CCCCDDDD-the-rest-of-the-refresh-token"

local ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

local function base64(text)
  local parts = {}
  for at = 1, #text, 3 do
    local a, b, c = text:byte(at, at + 2)
    local bits = a * 65536 + (b or 0) * 256 + (c or 0)
    local letters = {}
    for place = 3, 0, -1 do
      local index = math.floor(bits / 64 ^ place) % 64
      letters[#letters + 1] = ALPHABET:sub(index + 1, index + 1)
    end
    local group = table.concat(letters)
    parts[#parts + 1] = c and group or group:sub(1, b and 3 or 2) .. (b and "=" or "==")
  end
  return table.concat(parts)
end

local function each_byte(format)
  return function(text)
    return (text:gsub(".", function(byte)
      return format:format(byte:byte())
    end))
  end
end

local function some_bytes(format)
  return function(text)
    return (text:gsub("[^%w.%-]", function(byte)
      return format:format(byte:byte())
    end))
  end
end

local function escaped(text)
  return (text:gsub('["\\/]', "\\%0"))
end

--- Every character but letters and digits by the number that it is.
local function as_units(format)
  return function(text)
    return (text:gsub("[%z\1-\127\194-\244][\128-\191]*", function(character)
      local code = #character == 1 and character:byte() or 0xf6
      return not character:find "^%w" and format:format(code) or nil
    end))
  end
end

local function html(text)
  local names = { ["&"] = "amp", ["<"] = "lt", [">"] = "gt", ['"'] = "quot", ["'"] = "#39" }
  return (text:gsub("[&<>\"']", function(character)
    return "&" .. names[character] .. ";"
  end))
end

local percent = some_bytes "%%%02X"

local spellings = {
  ["as it is"] = function(text) return text end,
  ["percent-encoded"] = percent,
  ["percent-encoded in lower case"] = some_bytes "%%%02x",
  ["percent-encoded in every byte"] = each_byte "%%%02X",
  ["percent-encoded twice"] = function(text) return percent(percent(text)) end,
  ["as a form has it"] = function(text) return (percent(text):gsub("%%20", "+")) end,
  ["escaped as in JSON"] = escaped,
  ["escaped by \\u"] = as_units "\\u%04x",
  ["escaped by \\u in upper case"] = as_units "\\u%04X",
  ["escaped as in JSON twice"] = function(text) return escaped(escaped(text)) end,
  ["escaped as in HTML"] = html,
  ["escaped by numbers of HTML"] = as_units "&#%d;",
  ["escaped by hexadecimal numbers of HTML"] = as_units "&#x%X;",
  ["escaped as in HTML, and that as in JSON"] = function(text)
    return (escaped(html(text)):gsub("&", "\\u0026"))
  end,
}

local encodings = {
  ["base64"] = base64,
  ["base64 with what stands before"] = function(text) return base64("u:" .. text) end,
  ["base64 with what stands around"] = function(text) return base64("xyz u:" .. text .. "!") end,
  ["base64url"] = function(text)
    return (base64(text):gsub("[+/=]", { ["+"] = "-", ["/"] = "_", ["="] = "" }))
  end,
  ["base64, escaped as in JSON"] = function(text) return escaped(base64("anna:" .. text)) end,
  ["base64, percent-encoded"] = function(text) return percent(base64("ab" .. text)) end,
  ["base64 on two lines"] = function(text)
    return (base64(text):gsub("^........", "%0\r\n"))
  end,
}

describe("masking", function()
  local sandbox = api.around()
  local client, events

  local function make(options)
    local all = { api_key = KEY, username = "u", password = PASSWORD,
      on_event = function(event) events[#events + 1] = event end }
    for name, value in pairs(options or {}) do
      all[name] = value or nil
    end
    return (sandbox:client(all))
  end

  local function answer(path, status, body, headers)
    headers = headers or {}
    headers["Content-Type"] = headers["Content-Type"] or "application/json"
    sandbox:answer { path = path, status = status, body = body, headers = headers }
  end

  local function script_login(more)
    local user = { userName = "u", echo = more }
    answer("/auth/login", 200, json.encode { user = user,
      credentials = { token = TOKEN, identityId = "eu:1", refreshToken = REFRESH } })
  end

  local function fails(body, headers)
    answer("/user", 500, body, headers)
    local _, err = client:get "/user"
    return err
  end

  before_each(function()
    events = {}
    client = make()
    script_login()
    assert(client:login())
  end)

  for name, spell in pairs(spellings) do
    it("hides secrets that are " .. name, function()
      for _, secret in ipairs { KEY, PASSWORD, REFRESH, TOKEN } do
        local text = ("[%s] [%s]"):format(spell(secret), spell(secret))
        assert.equal("[***] [***]", fails(json.encode { message = text }).message)
        assert.equal("x [***] [***]",
          fails("x " .. text, { ["Content-Type"] = "text/plain" }).message)
        assert.equal("[***] [***]", fails(json.encode { message = { message = "m",
          property = text } }).property)
      end
    end)
  end

  for name, encode in pairs(encodings) do
    it("hides secrets in " .. name, function()
      for _, secret in ipairs { KEY, PASSWORD, REFRESH, TOKEN } do
        local message = fails(json.encode { message = ("[%s]"):format(encode(secret)) }).message
        local piece = encode(secret):gsub("%s", " "):sub(-8, -4)
        assert.is_truthy(message:find("***", 1, true), message)
        assert.is_nil(message:find(piece, 1, true), message)
      end
    end)
  end

  it("hides the longest of several that begin alike, and all of those that overlap", function()
    assert.equal("was ***, is ***", fails(json.encode {
      message = ("was %s, is %s"):format(REFRESH, TOKEN) }).message)
    assert.equal("***", fails(json.encode { message = "xx" .. REFRESH .. TOKEN }).message
      :gsub("^xx", ""):gsub("^%*%*%*%*%*%*$", "***"))
  end)

  it("hides long secrets in any case, and short words only as they are", function()
    assert.equal("*** ***", fails(json.encode { message = KEY:upper() .. " " .. KEY:lower() })
      .message)
    assert.equal("aaaabbbb ***", fails(json.encode { message = "aaaabbbb AAAABBBB" }).message)
  end)

  it("hides what stands in a redirect's target", function()
    for _, spell in pairs { percent, spellings["percent-encoded in every byte"] } do
      answer("/user", 302, "", { Location = "https://evil.example/" .. spell(PASSWORD) .. "/"
        .. spell(KEY) .. "?k=" .. spell(KEY) })
      local _, err = client:get "/user"
      assert.equal("https://evil.example/***/***?k=***", err.location)
      assert.is_truthy(err.message:find("https://evil.example/***/*** was not", 1, true))
    end
  end)

  it("hides what the caller puts into path and query", function()
    local _, err = client:get("/things/{x}", { params = { x = PASSWORD } })
    assert.equal("/things/***", err.path)
    assert.is_truthy(tostring(err):find("(GET /things/***", 1, true))
    assert.equal("/things/***", events[#events].path)
    client:get("/things", { query = { key = KEY, filter = PASSWORD } })
    assert.equal("filter=***&key=***", events[#events].query)
  end)

  it("hides numbers and keys in the API's parameters", function()
    client = make { password = "12345678" }
    script_login()
    assert(client:login())
    local err = fails [[{"message":{"message":"m","messageKey":"K","messageParams":
      {"a":12345678,"b":[12345678.0,1234567,912345678],"12345678":true,"c":12345678.5,"d":1}}}]]
    assert.equal("***", err.message_params.a)
    assert.same({ "***", 1234567, "***" }, err.message_params.b)
    assert.is_true(err.message_params["***"])
    assert.equal("***", err.message_params.c)
    assert.equal(1, err.message_params.d)
    assert.is_nil(tostring(err):find("12345678", 1, true))
  end)

  it("knows the password of a function, and those given to login()", function()
    client = make { password = function() return "of-a-function" end }
    script_login()
    assert(client:login())
    assert.equal("got ***", fails(json.encode { message = "got of-a-function" }).message)

    client = make { username = false, password = false }
    for _, password in ipairs { "given-first", "given-second" } do
      script_login()
      assert(client:login("u", password))
    end
    local text = json.encode { message = "given-first given-second" }
    assert.equal("*** ***", fails(text).message)
    client:logout()
    answer("/metadata", 500, text)
    local _, err = client:get "/metadata"
    assert.equal("*** ***", err.message)
  end)

  it("masks the replies of login and refresh, and leaves them JSON", function()
    client = make { password = "12345678" }
    script_login { 12345678, "12345678", "a 12345678", { ["12345678"] = "%31%32345678" },
      base64("u:12345678"), KEY:gsub("=", "\\u003d"), 1.5 }
    local session = assert(client:login())
    assert.equal("u", session.user.userName)
    local echo = session.user.echo
    assert.same({ "******", "********", "a ********" }, { echo[1], echo[2], echo[3] })
    assert.same({ ["********"] = "************" }, echo[4])
    assert.equal("MT***", (echo[5]:gsub("^dT%*+=*$", "MT***")))
    assert.equal(1.5, echo[7])
    assert.is_nil(json.encode(session):find(KEY, 1, true))

    local text = json.encode { message = "12345678 " .. percent(KEY), extra = REFRESH, id = "eu:1" }
    answer("/auth/refresh", 500, text, { ["X-Echo"] = percent(KEY) .. " " .. base64("u:12345678") })
    local _, err = client:refresh()
    assert.equal("******** " .. ("*"):rep(#percent(KEY)), err.message)
    assert.equal(("*"):rep(#REFRESH), err.response.data.extra)
    assert.equal("****", err.response.data.id)
    assert.equal(tostring(err), client:status().last_error)
    assert.equal(err.message, events[#events].err.message)
    assert.equal(("*"):rep(#percent(KEY)), err.response.headers["x-echo"]:match "^%S+")
    assert.is_nil(err.response.headers["x-echo"]:find("Njc4", 1, true))
  end)

  it("hides short secrets only where they are the whole text", function()
    client = make { password = "abc" }
    script_login { "abc", "abcabc", "\97bc" }
    local session = assert(client:login())
    assert.same({ "***", "abcabc", "***" }, session.user.echo)
    local err = fails(json.encode { message = { message = "abc is abc", property = "abc",
      messageParams = { abc = "abc", other = "abcd" } } })
    assert.equal("abc is abc", err.message)
    assert.equal("***", err.property)
    assert.same({ abc = "***", other = "abcd" }, err.message_params)
  end)

  it("hides the whole text for a client that no longer knows its secrets", function()
    local inner = sandbox:core { password = PASSWORD }
    assert.equal("a *** b", inner:mask("a " .. PASSWORD .. " b"))
    inner:close()
    assert.equal("***", inner:mask("a " .. PASSWORD .. " b"))
  end)

  --- What an answer to a call and one to a refresh may show, by a client whose login is scripted.
  local function script_echoes()
    local text = json.encode { message = ("%s %s %s"):format(percent(KEY), base64("u:" .. PASSWORD),
      escaped(REFRESH)) }
    script_login()
    answer("/user", 500, text)
    answer("/auth/refresh", 500, text)
  end

  --- How they look.
  local function assert_hidden(of_call, of_refresh)
    assert.equal("*** dT*** ***", of_call)
    assert.equal(("*"):rep(#percent(KEY)) .. " dT", of_refresh:sub(1, #percent(KEY) + 3))
    assert.is_nil(of_refresh:find("[^dT* ]"))
  end

  it("is the same in every event loop", function()
    for _, loop in ipairs(loops.all) do
      script_echoes()
      local of_call, of_refresh
      loop.run(function()
        local inside = make { transport = loop.transport or false }
        assert(inside:login())
        of_call = select(2, inside:get "/user").message
        of_refresh = select(2, inside:refresh()).message
      end)
      assert_hidden(of_call, of_refresh)
    end
  end)

  it("is the same in nginx", function()
    script_echoes()
    local server = nginx.start {
      files = { ["client.lua"] = ([[
        return require("mic").new { base_url = %q, api_key = %q, username = "u", password = %q,
          tls = { ca_file = %q }, retry = false }
      ]]):format(sandbox.base_url, KEY, PASSWORD, sandbox.ca_file) },
      server = [[ location = /echo { content_by_lua_block {
        local client = require "client"
        assert(client:login())
        ngx.print(select(2, client:get "/user").message, "\n",
          select(2, client:refresh()).message)
      } } ]],
    }
    local shown, status = server:get "/echo"
    local log = server:errors()
    server:stop()
    assert.equal(200, status, log)
    assert_hidden(shown:match "^(.*)\n(.*)$")
  end)

  it("does not hide that the client was closed", function()
    client = make { on_event = function(event)
      if event.type == "request" then
        client:close()
      end
    end }
    local _, err = client:get("/user", { auth = false })
    assert.equal("closed: the client was closed (GET ***)", tostring(err))
  end)

  it("hides the password of the proxy", function()
    local inner = sandbox:core { proxy = "http://me:pr%40xy-secret@proxy.example:3128" }
    assert.equal("got ***, *** and bWU6***",
      (inner:mask("got pr@xy-secret, pr%40xy-secret and bWU6cHJAeHktc2VjcmV0")))
  end)
end)

describe("the time that masking takes", function()
  local LIMIT = 0.5 -- seconds

  local function client_with(key, password)
    return core.client {
      base_url = "https://api.example", api_key = key, password = password,
      profile = require "mic.profile.mic",
    }
  end

  local function measure(run)
    local began = os.clock()
    local result = run()
    assert.is_true(os.clock() - began < LIMIT, ("%.2f s"):format(os.clock() - began))
    return result
  end

  it("does not grow with a body that is longer than what is shown", function()
    local client = client_with(KEY, PASSWORD)
    client:adopt { identity = "eu:1", token = TOKEN, refresh_token = REFRESH } -- not in it
    local reply = { status = 500, body = (KEY .. " "):rep(3 * 1024 * 1024) }
    local err = measure(function()
      return errors.from_reply(reply, nil, {
        headers = {},
        mask = function(text, limit) return client:mask(text, nil, limit) end,
      })
    end)
    assert.is_true(#reply.body > 63 * 1024 * 1024)
    assert.is_truthy(err.message:find "^%*%*%* %*%*%* ")
    assert.is_nil(err.message:find("K+", 1, true))
  end)

  it("does not grow with unused parameters", function()
    local client = client_with(KEY, PASSWORD)
    local params = {}
    for index = 1, 300000 do
      params[index] = index % 2 == 0 and index or "text that is longer"
    end
    local data = { message = { message = "m", messageParams = params } }
    local err = measure(function()
      local made = errors.from_reply({ status = 500, body = "{}" }, data, {
        headers = {},
        mask = function(text, limit) return client:mask(text, nil, limit) end,
      })
      return tostring(made) and made
    end)
    assert.equal(1000, #err.message_params)
    assert.same({ "text that is longer", 2 }, { err.message_params[1], err.message_params[2] })
  end)

  it("is linear where a secret nearly repeats itself", function()
    local key = ("a"):rep(5000) .. "b" .. ("a"):rep(5000)
    local client = client_with(key, ("a"):rep(9999))
    local shown = measure(function()
      return client:mask(("a"):rep(9998) .. "%61%61%20+\\u0061\\/&#x61;" .. ("a"):rep(50000))
    end)
    assert.is_true(#shown < 9998 + 2000)
    measure(function()
      return client:mask(("%61\\u0061&#97;+"):rep(4000))
    end)
  end)

  it("hides what is cut at the end of what is shown", function()
    local client = client_with("a-secret-of-some-length", "another-secret")
    local text = "x a-secret-of-some-length and more of it, then more, then more, then still more"
      .. (" and more"):rep(10)
    for limit = 0, #text do
      local shown = client:mask(text, nil, limit)
      assert.is_nil(shown:find("a-se", 1, true), shown)
      assert.is_true(#shown <= limit + 3)
    end
    assert.equal("x ***", client:mask(text, nil, 10))
    assert.equal("x *** and", client:mask(text, nil, 29))
    local whole = client:mask(("b"):rep(65536) .. "a-secret-of-some-length")
    assert.equal(("b"):rep(65536) .. "...", whole)
    local spelled = "x a%2dsecret%2dof" .. ("%2d"):rep(40)
    assert.equal("x a%2dsecret%2dof%2d%2", client:mask(spelled, nil, 22))
    local long = client_with(("0123456789"):rep(30), "another-secret")
    for limit = 2, 60 do
      local beginning = ("%30%31%32%33456789"):rep(30)
      assert.equal("x ***", (long:mask("x " .. beginning, nil, limit + 1)))
    end
  end)
end)
