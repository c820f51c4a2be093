-- Requests that the server has certainly not processed are sent again; others are not.

local cleanup = require "spec.support.cleanup"
local libcurl = require "spec.support.libcurl"
local loops = require "spec.support.loops"
local mic = require "mic"
local tls_server = require "spec.support.tls_server"

local folder = tls_server.folder()
local server, client

--- A client of a server that does this to the requests.
local function serve(words, options)
  server = tls_server.play(folder, words)
  options = options or {}
  options.base_url, options.api_key = server.url, "k"
  options.tls = { ca_file = folder:at "ca.pem" }
  options.retry = options.retry or false
  options.timeout = options.timeout or 20
  client = cleanup.close(mic.new(options))
end

local function post(options)
  options = options or {}
  options.auth = false
  return client:post("/x", not options.body_file and { a = 1 } or nil, options)
end

--- Before 7.88 libcurl does not tell of a GOAWAY.
local TELLS_OF_GOAWAY = not libcurl.before(7, 88)

if not TELLS_OF_GOAWAY then
  describe("a GOAWAY with an earlier stream", function()
    it("is an error, and a POST is not sent again", function()
      serve("leave ok", { retry = { attempts = 3, base = 0.01 } })
      local _, err = post()
      assert.same({ "network", "CURLE_HTTP2", 1 }, { err.kind, err.code, err.attempts })
      assert.equal("leave ", server.acts())
    end)
  end)
end

-- Before 7.80 the client does not learn of a refused stream either. libcurl itself sends such a
-- request again, but only over the same connection.
if libcurl.before(7, 80) then
  describe("a stream that is refused", function()
    it("is sent again by libcurl", function()
      serve "refuse ok"
      assert.equal(1, mic.assert(post()).attempts)
      assert.equal("refuse ok ", server.acts())
    end)
  end)
  return
end

local UNPROCESSED = {
  refuse = "a stream that is refused",
  leave = TELLS_OF_GOAWAY and "a GOAWAY with an earlier stream" or nil,
}

for word, what in pairs(UNPROCESSED) do
  describe(what, function()
    it("sends a POST again at once, which is no other attempt", function()
      serve(("ok %s ok"):format(word))
      mic.assert(post())
      assert.equal(1, mic.assert(post()).attempts)
      assert.equal(("ok %s ok "):format(word), server.acts())
    end)

    it("does so on a connection that is new", function()
      serve(word .. " ok")
      assert.equal(1, mic.assert(post()).attempts)
      assert.equal(word .. " ok ", server.acts())
    end)

    it("sends a body from a file again from its beginning", function()
      serve(("ok %s ok"):format(word))
      mic.assert(post())
      local file = folder:write("upload", ("x"):rep(20000))
      assert.equal(1, mic.assert(post { body_file = file }).attempts)
      assert.equal(("ok %s ok "):format(word), server.acts())
    end)

    it("sends a login again", function()
      serve(word .. " ok", { username = "anna", password = "p" })
      mic.assert(client:login())
      assert.equal(word .. " ok ", server.acts())
    end)
  end)
end

for _, kind in ipairs(loops.all) do
  local define = kind.name:find "found" and function() end or it
  describe("the transport " .. kind.name, function()
    define("sends again what was refused and what was left, and nothing else", function()
      serve("ok refuse ok leave ok reset", { transport = kind.transport })
      local results = {}
      kind.run(function()
        for index = 1, 4 do
          local response, err = post()
          results[index] = response and response.attempts or err.code
        end
      end)
      if TELLS_OF_GOAWAY then
        assert.same({ 1, 1, 1, "CURLE_HTTP2_STREAM" }, results)
        assert.equal("ok refuse ok leave ok reset ", server.acts())
      else
        assert.same({ 1, 1, "CURLE_HTTP2", 1 }, results)
        assert.equal("ok refuse ok leave ok ", server.acts())
      end
    end)
  end)
end

describe("a GET that was left or refused", function()
  it("is sent again at once, also where nothing is retried", function()
    local words = TELLS_OF_GOAWAY and "ok leave ok refuse ok" or "ok refuse ok"
    serve(words)
    for _ = 1, TELLS_OF_GOAWAY and 3 or 2 do
      assert.equal(1, mic.assert(client:get("/x", { auth = false })).attempts)
    end
    assert.equal(words .. " ", server.acts())
  end)

  it("is not sent again for ever", function()
    serve "refuse"
    local _, err = client:get("/x", { auth = false })
    assert.equal("CURLE_HTTP2_STREAM", err.code)
    assert.equal("refuse refuse ", server.acts())
  end)
end)

describe("a server that refuses again and again", function()
  it("is asked as often as the retries allow, each of them twice at most", function()
    serve("refuse", { retry = { attempts = 2, base = 0.01 } })
    local _, err = post()
    assert.equal("network", err.kind)
    assert.equal("CURLE_HTTP2_STREAM", err.code)
    assert.equal(2, err.attempts)
    assert.truthy(err.message:find("the request was not processed", 1, true))
    assert.equal("refuse refuse refuse refuse ", server.acts())
  end)
end)

describe("a POST that may have been processed", function()
  for word, what in pairs {
    reset = "its stream was reset",
    take = "the GOAWAY names its stream",
    ["end"] = "the connection was closed",
  } do
    it("is not sent again, as " .. what, function()
      serve(("ok %s ok"):format(word), { retry = { attempts = 3, base = 0.01 },
        timeout = word == "take" and 2 or nil })
      mic.assert(post())
      local _, err = post()
      assert.equal(word == "take" and "timeout" or "network", err.kind)
      assert.truthy(err.message:find("the request may have been processed", 1, true))
      assert.equal(("ok %s "):format(word), server.acts())
    end)
  end
end)

describe("a POST for which there was no connection", function()
  it("is sent again", function()
    serve "ok"
    local nowhere = mic.new {
      base_url = "https://localhost:1",
      api_key = "k",
      retry = { attempts = 3, base = 0.01 },
    }
    local _, err = nowhere:post("/x", {}, { auth = false })
    nowhere:close()
    assert.equal("CURLE_COULDNT_CONNECT", err.code)
    assert.equal(3, err.attempts)
    assert.is_nil(err.message:find("may have been processed", 1, true))
  end)
end)
