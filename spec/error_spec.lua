local errors = require "mic.error"
local hints = require "mic.hints"
local json = require "mic.json"

local forbidden_hint = 'check api_key, and the stage ("/prod") at the end of base_url'
local no_route_hint = "there is no such path or method"

--- from_reply for a JSON or other body, as the client calls it.
local function from_body(status, body, context)
  context = context or {}
  context.headers = context.headers or {}
  return errors.from_reply({ status = status, body = body }, nil, context)
end

describe("an error object", function()
  it("is one line with all that is known", function()
    local err = errors.new("http", "User not found", {
      status = 404,
      key = "USER_NOT_FOUND",
      method = "GET",
      path = "/users/anna",
      request_id = "7f3a0000-0000-4000-8000-000000000001",
      hint = "look",
    })
    assert.are.equal(
      "http 404 USER_NOT_FOUND: User not found "
        .. "(GET /users/anna, request 7f3a0000-0000-4000-8000-000000000001) - look",
      tostring(err)
    )
  end)

  it("leaves out of the line what is not known", function()
    local closed = errors.new("closed", "the client was closed")
    assert.are.equal("closed: the client was closed", tostring(closed))
    assert.are.equal(
      "network: odd (GET /users, CURLE_WEIRD_SERVER_REPLY)",
      tostring(errors.new("network", "odd", {
        method = "GET",
        path = "/users",
        code = "CURLE_WEIRD_SERVER_REPLY",
      }))
    )
    assert.are.equal(
      "http 500: x (request r1)",
      tostring(errors.new("http", "x", { status = 500, request_id = "r1" }))
    )
  end)

  it("can be joined with text on both sides", function()
    local err = errors.new("file", "cannot be written")
    assert.are.equal("failed: file: cannot be written", "failed: " .. err)
    assert.are.equal("file: cannot be written!", err .. "!")
    assert.are.equal("file: cannot be writtenfile: cannot be written", err .. err)
  end)

  it("carries the fields that it was given", function()
    local response = {}
    local given = {
      hint = "h",
      status = 400,
      key = "K",
      property = "p",
      message_params = { min = 1 },
      request_id = "r",
      response = response,
      retryable = true,
      attempts = 2,
      location = "/x",
      code = "C",
      method = "GET",
      path = "/a",
    }
    local err = errors.new("http", "m", given)
    for name, value in pairs(given) do
      assert.are.equal(value, err[name], name)
    end
    assert.are.equal("http", err.kind)
    assert.are.equal("m", err.message)
  end)

  it("never shows a query, a fragment or user information of its path", function()
    local function line(path)
      return tostring(errors.new("http", "m", { method = "GET", path = path }))
    end
    assert.are.equal("http: m (GET /a)", line "/a?identityId=eu-west-1:0#x")
    assert.are.equal("http: m (GET https://h/a)", line "https://user:pass@h/a?b")
    assert.are.equal("/a", errors.new("http", "m", { path = "/a?b=1" }).path)
  end)

  it("stays on one line, readable and short", function()
    local err = errors.new("http", " a\r\n\tb\0c\27[31m\127d\194\133e\226\128\174f ")
    assert.are.equal("a b c [31m d e f", err.message)

    local long = errors.new("http", ("x"):rep(301)).message
    assert.are.equal(("x"):rep(297) .. "...", long)
    assert.are.equal(("x"):rep(300), errors.new("http", ("x"):rep(300)).message)
    local late = errors.new("http", ("\n "):rep(1000) .. ("x"):rep(2000)).message
    assert.are.equal(long, late)
    local accents = errors.new("http", ("\195\169"):rep(200)).message
    assert.are.equal(("\195\169"):rep(148) .. "...", accents)

    local id = errors.new("http", "m", { request_id = ("r"):rep(500) })
    assert.are.equal("http: m (request " .. ("r"):rep(61) .. "...)", tostring(id))
    assert.are.equal(500, #id.request_id)
  end)

  it("lets nothing pass that turns the direction of a text", function()
    for _, mark in ipairs {
      "\216\156", "\226\128\142", "\226\128\143", "\226\128\170", "\226\128\174",
      "\226\129\166", "\226\129\167", "\226\129\168", "\226\129\169", "\239\187\191",
      "\226\128\168", "\226\128\169", "\194\128", "\194\155", "\194\159",
    } do
      assert.are.equal("a b", errors.new("http", "a" .. mark .. "b").message)
      local err = errors.new("http", "m", { key = "K" .. mark .. "K" })
      assert.are.equal("http K K: m", tostring(err))
    end
    for _, text in ipairs {
      "\194\160", "\195\169", "\216\155", "\216\157", "\223\191", "\224\160\128", "\226\128\141",
      "\226\128\144", "\226\129\165", "\237\159\191", "\238\128\128", "\239\187\190",
      "\239\191\189",
      "\240\144\128\128", "\240\159\152\128", "\244\143\191\191",
    } do
      assert.are.equal("a" .. text .. "b", errors.new("http", "a" .. text .. "b").message)
    end
  end)

  it("lets nothing pass that is no UTF-8, 8-bit control bytes for example", function()
    local replaced = "a\239\191\189b"
    for byte = 128, 255 do
      assert.are.equal(replaced, errors.new("http", "a" .. string.char(byte) .. "b").message)
    end
    for _, text in ipairs {
      "\155\155", "\192\175", "\193\191", "\224\128\128", "\224\159\191", "\237\160\128",
      "\237\191\191", "\240\128\128\128", "\240\143\191\191", "\244\144\128\128",
      "\245\128\128\128",
      "\226\128", "\240\159\152", "\194\194",
    } do
      assert.are.equal(replaced, errors.new("http", "a" .. text .. "b").message)
    end
    assert.are.equal("x\239\191\18931mred \195\169\239\191\189",
      errors.new("http", "x\15531mred \195\169\226").message)
    local long = errors.new("http", "x" .. ("\195\169"):rep(2000)).message
    assert.are.equal("x" .. ("\195\169"):rep(148) .. "...", long)
  end)

  it("knows which kinds a later try may cure", function()
    for _, kind in ipairs { "network", "timeout" } do
      assert.is_true(errors.new(kind, "m").retryable)
    end
    local others = { "tls", "http", "auth", "decode", "too_large", "store", "file", "config" }
    others[#others + 1] = "phase"
    others[#others + 1] = "cancelled"
    others[#others + 1] = "closed"
    for _, kind in ipairs(others) do
      assert.is_false(errors.new(kind, "m").retryable)
    end
    assert.is_false(errors.new("network", "m", { retryable = false }).retryable)
  end)

  it("has one of the documented kinds", function()
    assert.has_error(function()
      errors.new("missing", "m")
    end, "no such error kind")
  end)
end)

describe("error.is", function()
  it("knows our errors from anything else", function()
    assert.is_true(errors.is(errors.new("auth", "m")))
    for _, value in ipairs { "auth: m", { kind = "auth" }, setmetatable({}, {}), 1, true } do
      assert.is_false(errors.is(value))
    end
    assert.is_false(errors.is(nil))
  end)
end)

describe("error.assert", function()
  it("returns its arguments", function()
    assert.are.same({ 1, nil, 3 }, { errors.assert(1, nil, 3) })
    assert.are.equal(4, select("#", errors.assert(1, nil, nil, nil)))
    assert.are.equal(1, select("#", (errors.assert "x")))
  end)

  it("raises the one line of our errors, without a position", function()
    local err = errors.new("auth", "not logged in")
    assert.are.same({ false, "auth: not logged in" }, { pcall(errors.assert, nil, err) })
    assert.are.same({ false, "auth: not logged in" }, { pcall(errors.assert, false, err) })
  end)

  it("behaves like assert for other values", function()
    local thing = {}
    assert.are.equal("plain", select(2, pcall(errors.assert, nil, "plain")))
    assert.are.equal(thing, select(2, pcall(errors.assert, false, thing)))
    assert.are.equal("assertion failed!", select(2, pcall(errors.assert, nil)))
  end)
end)

describe("error.from_fail", function()
  local context = { method = "GET", path = "/users?x=1", attempts = 1 }

  it("takes over the core's kind, code and sentence", function()
    local kinds = { "network", "tls", "timeout", "too_large", "store", "cancelled", "closed" }
    kinds[#kinds + 1] = "file"
    for _, kind in ipairs(kinds) do
      local err = errors.from_fail(kind, "CODE", "it failed", context)
      assert.are.equal(kind .. ": it failed (GET /users, CODE)", tostring(err))
      assert.are.equal("CODE", err.code)
      assert.are.equal(1, err.attempts)
    end
  end)

  it("makes auth of missing and stale credentials", function()
    local hint = " - call client:login(), or make the client with username and password"
    local cases = {
      { "missing", "not logged in", "auth: not logged in; nothing was sent (GET /users)" .. hint },
      {
        "missing",
        "there is no refresh token",
        "auth: not logged in: there is no refresh token; nothing was sent (GET /users)" .. hint,
      },
      {
        "stale",
        "the token has expired",
        "auth: the token has expired; nothing was sent (GET /users)",
      },
    }
    for _, case in ipairs(cases) do
      local err = errors.from_fail(case[1], nil, case[2], context)
      assert.are.equal("auth", err.kind)
      assert.is_false(err.retryable)
      assert.are.equal(case[3], tostring(err))
    end
  end)

  it("points to tls.ca_file for an unknown authority", function()
    local err = errors.from_fail("tls", "CURLE_PEER_FAILED_VERIFICATION", "not verified")
    assert.are.equal(
      "tls: not verified (CURLE_PEER_FAILED_VERIFICATION) "
        .. "- for your own certificate authority, name its certificate in tls.ca_file",
      tostring(err)
    )
    assert.are.equal(
      "check tls.ca_file and tls.ca_path",
      errors.from_fail("tls", "CURLE_SSL_CACERT_BADFILE", "unreadable").hint
    )
    assert.is_nil(errors.from_fail("network", "CURLE_PEER_FAILED_VERIFICATION", "m").hint)
  end)

  it("has a sentence when the core has none", function()
    assert.are.equal("network: no details", tostring(errors.from_fail("network")))
  end)

  it("masks", function()
    local err = errors.from_fail("network", nil, "got s3cret", {
      path = "/a/s3cret",
      method = "GET",
      mask = function(text)
        return (text:gsub("s3cret", "***"))
      end,
    })
    assert.are.equal("network: got *** (GET /a/***)", tostring(err))
  end)
end)

describe("error.from_reply", function()
  it("reads the application's error, and shows where and which request", function()
    local body = [[{"message":{"message":"User not found","messageKey":"USER_NOT_FOUND",]]
      .. [["messageParams":{"min":1},"property":"userName"}}]]
    local response = {}
    local err = errors.from_reply({ status = 404, body = body }, json.decode(body), {
      method = "GET",
      path = "/users/anna?attributes=email",
      attempts = 2,
      response = response,
      headers = { ["x-amzn-requestid"] = "7f3a", ["x-amz-apigw-id"] = "abc=" },
    })
    assert.are.equal(
      "http 404 USER_NOT_FOUND: User not found: userName: 1 (GET /users/anna, request 7f3a)",
      tostring(err)
    )
    assert.are.equal("userName", err.property)
    assert.are.same({ min = 1 }, err.message_params)
    assert.are.equal("7f3a", err.request_id)
    assert.are.equal(2, err.attempts)
    assert.are.equal(response, err.response)
    assert.is_false(err.retryable)
  end)

  it("reads the body by itself when it was not decoded", function()
    local err = from_body(400, [[ {"message":{"message":"m","messageKey":"INVALID_ARGUMENTS"}}]])
    assert.are.equal("http 400 INVALID_ARGUMENTS: m", tostring(err))
  end)

  it("adds property and parameters to the line where the message does not have them", function()
    local function line(message)
      local err = errors.from_reply(
        { status = 400 },
        { message = message },
        { method = "GET", path = "/things", headers = {} }
      )
      return (tostring(err):gsub(" %(GET /things%)$", ""))
    end
    assert.are.equal(
      "http 400 PROPERTY_REQUIRED: Property is required: thingName",
      line {
        message = "Property is required",
        messageKey = "PROPERTY_REQUIRED",
        property = "thingName",
      }
    )
    assert.are.equal(
      "http 400: Invalid arguments: query: the query must have size, 10, true",
      line {
        message = "Invalid arguments",
        property = "query",
        messageParams = {
          a = "the query must have size",
          b = { 10, json.null, true },
          c = "query",
          d = "",
        },
      }
    )
    assert.are.equal(
      "http 400: age must be over 18",
      line { message = "age must be over 18", property = "age", messageParams = { min = 18 } }
    )
    local added = line { message = "m", property = ("p"):rep(500) }:sub(#"http 400: m" + 1)
    assert.are.equal(200, #added)
    assert.are.equal(": pp", added:sub(1, 4))
    assert.are.equal("...", added:sub(-3))
  end)

  it("adds nothing that a mask hides", function()
    local err = errors.from_reply({ status = 400 }, {
      message = {
        message = "m",
        property = "s3cret",
        messageParams = { s3cret = "a s3cret" },
      },
    }, {
      headers = {},
      mask = function(text)
        return (text:gsub("s3cret", "***"))
      end,
    })
    assert.are.equal("http 400: m: ***: a ***", tostring(err))
  end)

  it("reads the bodies of other services", function()
    local order = {
      { "message", "from message" },
      { "error_description", "from error_description" },
      { "detail", "from detail" },
      { "title", "from title" },
      { "error", { message = "from error" } },
      { "errors", { { message = "from errors" }, { message = "second" } } },
    }
    local body = {}
    for _, member in ipairs(order) do
      body[member[1]] = member[2]
    end
    for _, member in ipairs(order) do
      local err = errors.from_reply({ status = 400 }, body, { headers = {} })
      assert.are.equal("from " .. member[1], err.message)
      body[member[1]] = member[1] == "title" and "" or nil
    end
    local unknown = "an answer of unknown form, see err.response.body"
    local text = json.encode { title = "", code = 7 }
    assert.are.equal(unknown, from_body(400, text).message)
    assert.are.equal("invalid_grant", from_body(400, [[{"error":"invalid_grant"}]]).message)
    assert.are.equal("first", from_body(400, [[{"errors":["first","second"]}]]).message)
    for _, odd in ipairs { [[{"error":{"code":7}}]], "[]", "[1]", [[{"errors":[]}]], "{" } do
      assert.are.equal(unknown, from_body(400, odd).message)
    end
  end)

  it("reads the other shapes of an error", function()
    local cases = {
      { 400, [[{"message":"Could not parse"}]], "http 400: Could not parse" },
      { 403, [[{"Message":"User is not authorized"}]], "http 403: User is not authorized" },
      { 200, [[{"errorMessage":"Task timed out"}]], "http 200: Task timed out" },
      {
        200,
        [[{"errorMessage":{"message":"gone","messageKey":"THING_TYPE_NOT_FOUND"}}]],
        "http 200 THING_TYPE_NOT_FOUND: gone",
      },
      {
        200,
        [[{"errorMessage":"{\"message\":{\"message\":\"gone\",\"messageKey\":\"K\"}}"}]],
        "http 200 K: gone",
      },
      { 200, [[{"errorMessage":"{broken"}]], "http 200: {broken" },
      { 400, [[{"errorMessage":null,"message":"m"}]], "http 400: m" },
      { 400, [[{"data":null,"errors":[{"message":"no field"}]}]], "http 400: no field" },
      { 400, [["just text"]], "http 400: just text" },
      {
        400,
        [[{"message":{"status":"Error"}}]],
        "http 400: an answer of unknown form, see err.response.body",
      },
      { 400, [[{"message":{"messageKey":7,"message":"m"}}]], "http 400: m" },
      { 400, "[1]", "http 400: an answer of unknown form, see err.response.body" },
      { 400, "{}", "http 400: an answer of unknown form, see err.response.body" },
      {
        413,
        "HTTP content length exceeded 10485760 bytes.",
        "http 413: HTTP content length exceeded 10485760 bytes.",
      },
      {
        502,
        "<html>\n<head><title>\n502 Bad Gateway</title>",
        "http 502: 502 Bad Gateway",
      },
      { 502, "<title> </title>", "http 502: the response is an HTML page, not JSON" },
      { 502, "<p>no</p>", "http 502: the response is an HTML page, not JSON" },
      { 502, "", "http 502: the response has no body" },
      { 502, " \n", "http 502: the response has no body" },
      { 502, nil, "http 502: the response has no body" },
    }
    for _, case in ipairs(cases) do
      assert.are.equal(case[3], tostring(from_body(case[1], case[2])))
    end
  end)

  it("does not follow an error that is nested without end", function()
    local body = ('{"message":'):rep(100) .. '"deep"' .. ("}"):rep(100)
    assert.are.equal(
      "http 400: an answer of unknown form, see err.response.body",
      tostring(from_body(400, body))
    )
  end)

  it("shows where a redirect points, its query apart", function()
    local err = errors.from_reply(
      { status = 302, body = "<p>", location = "https://other.example.com/x?token=1" },
      nil,
      { headers = {}, method = "GET", path = "/a" }
    )
    assert.are.equal(
      "http 302: redirect to https://other.example.com/x was not followed (GET /a)",
      tostring(err)
    )
    assert.are.equal("https://other.example.com/x?token=1", err.location)
  end)

  it("is auth for a refused login and for 401 on a fresh token, else http", function()
    local refused = errors.from_reply(
      { status = 401, means = "refused", body = '{"message":{"messageKey":"K","message":"m"}}' },
      nil,
      { headers = {} }
    )
    assert.are.equal("auth 401 K: m", tostring(refused))
    assert.is_false(refused.retryable)

    local body = [[{"message":"Unauthorized"}]]
    local denied = from_body(401, body, { fresh_token = true, profile = "mic" })
    assert.are.equal(
      "auth 401: Unauthorized - this user may not do that, or the token belongs to another stack",
      tostring(denied)
    )
    denied = from_body(401, body, { fresh_token = true, profile = "oauth2" })
    assert.are.equal("this user may not do that, the credentials are for another API, "
      .. "or profile.expired lacks this",
      denied.hint)
    assert.are.equal("http", from_body(401, [[{"message":"Unauthorized"}]]).kind)
    assert.are.equal("http", from_body(403, "{}", { fresh_token = true }).kind)
    assert.are.equal("auth", from_body(500, "{}", { kind = "auth" }).kind)
  end)

  it("knows which statuses a later try may cure", function()
    for _, status in ipairs { 429, 500, 502, 503, 504 } do
      assert.is_true(from_body(status, "{}").retryable)
    end
    for _, status in ipairs { 200, 302, 400, 401, 403, 404, 413, 501 } do
      assert.is_false(from_body(status, "{}").retryable)
    end
  end)

  it("takes the gateway's own request id when there is no other", function()
    local err = from_body(403, "{}", { headers = { ["x-amz-apigw-id"] = "abc=" } })
    assert.are.equal("abc=", err.request_id)
  end)

  it("parses the headers when they were not", function()
    local err = errors.from_reply({
      status = 500,
      head = "HTTP/1.1 500 Internal Server Error\r\nX-Amzn-RequestId: r-1\r\n\r\n",
      body = "",
    }, nil, {})
    assert.are.equal("r-1", err.request_id)
  end)

  it("masks the secrets that a server echoes, before anything is cut", function()
    local secret = ("s3cret"):rep(100)
    local context = {
      method = "GET",
      path = "/x/" .. secret,
      headers = { ["x-amzn-requestid"] = secret },
      mask = function(text)
        return (text:gsub(secret, "***"))
      end,
    }
    local body = json.encode {
      message = { message = "bad " .. secret, messageKey = secret, property = secret },
    }
    local err = from_body(400, body, context)
    assert.are.equal("http 400 ***: bad *** (GET /x/***, request ***)", tostring(err))
    assert.are.equal("***", err.property)
    assert.are.equal("http 400 ***: bad *** (GET /x/***, request ***)", err .. "")
    assert.are.equal("plain ***", from_body(400, "plain " .. secret, context).message)
  end)

  it("hints at the usual causes", function()
    local cases = {
      { 403, [[{"message":"Forbidden"}]], forbidden_hint },
      { 403, [[{"message":"Missing Authentication Token"}]], no_route_hint },
      { 403, [[{"message":"Invalid key=value pair (missing equal-sign) in …"}]], no_route_hint },
      { 403, [[{"message":"'x' not a valid key=value pair (missing …"}]], no_route_hint },
      { 403, [[{"message":{"message":"Forbidden","messageKey":"NOT_AUTHORIZED"}}]], nil },
      { 404, [[{"message":"Forbidden"}]], nil },
      { 403, [[{"message":"Forbidden zone"}]], nil },
      { 401, [[{"message":"Unauthorized"}]], nil },
    }
    for _, case in ipairs(cases) do
      assert.are.equal(case[3], from_body(case[1], case[2], { profile = "mic" }).hint)
      assert.is_nil(from_body(case[1], case[2], { profile = "oauth2" }).hint)
    end
  end)
end)

describe("hints.find", function()
  it("knows an empty manifest, and answers nothing for the rest", function()
    assert.are.equal(
      "unknown stack: check the host name in the option stack",
      hints.find { no_manifest = true }
    )
    assert.is_nil(hints.find {})
    assert.is_nil(hints.find { status = 500, message = "Internal server error", kind = "http" })
  end)

  it("is asked when an error is made", function()
    local err = errors.new("config", "empty manifest", { no_manifest = true })
    assert.are.equal("unknown stack: check the host name in the option stack", err.hint)
  end)
end)

describe("error.raise", function()
  it("names the line of the user's code, not ours", function()
    local ok, message = pcall(function()
      errors.raise "wrong"
    end)
    assert.is_false(ok)
    assert.matches("^%S*error_spec%.lua:%d+: wrong$", message)
  end)

  it("looks through our own files and through C", function()
    local line = debug.getinfo(1, "l").currentline + 1
    local _, message = pcall(function() json.encode(print) end)
    assert.matches("error_spec%.lua:" .. line .. ": data: a function cannot be JSON$", message)
    line = debug.getinfo(1, "l").currentline + 1
    _, message = pcall(json.encode, print)
    assert.matches("error_spec%.lua:" .. line .. ": data: a function cannot be JSON$", message)
  end)

  it("does without a position when there is no debug library", function()
    local real_debug, real_errors = debug, package.loaded["mic.error"]
    package.loaded["mic.error"] = nil
    _G.debug = nil -- luacheck: ignore 122
    local loaded, fresh = pcall(require, "mic.error")
    _G.debug = real_debug -- luacheck: ignore 122
    package.loaded["mic.error"] = real_errors
    assert.is_true(loaded)
    assert.are.equal("wrong", select(2, pcall(fresh.raise, "wrong")))
  end)
end)
