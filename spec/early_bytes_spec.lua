-- Response splitting: bytes received on a kept connection before the next request, or after the end
-- of a response, are never taken for the next response.

local cleanup = require "spec.support.cleanup"
local faults = require "spec.support.faults"
local libcurl = require "spec.support.libcurl"
local mic = require "mic"
local scratch = require "spec.support.scratch"

local function answer(body)
  return ("HTTP/1.1 200 OK\\r\\nContent-Length: %d\\r\\n\\r\\n%s"):format(#body, body)
end

local FIRST = "read\nsend " .. answer '{"n":1}'
local SECOND = "read\nsend " .. answer '{"n":2}' .. "\nagain"
local STALE = answer '{"stale":true}'
local FAREWELL = "HTTP/1.1 408 Request Timeout\\r\\nConnection: close\\r\\n"
  .. "Content-Length: 0\\r\\n\\r\\n"

--- Before 7.80 libcurl has no callback before sending: each request that is not idempotent opens a
--- connection, and bytes that libcurl has read behind an answer do not end one.
local NEW_FOR_POST = libcurl.before(7, 80)

local folder = scratch.folder()
local server, client

--- A client of a server whose connections play these scripts.
local function serve(...)
  server = faults.start(...)
  client = cleanup.close(mic.new {
    base_url = server.url,
    api_key = "k",
    username = "anna",
    password = "p",
    retry = false,
  })
end

local function get(options)
  options = options or {}
  options.auth = false
  return client:get("/x", options)
end

--- Sends something behind an answer, without a request, and says so.
local function behind(bytes)
  return "\nsend " .. bytes .. "\nsay sent\nhold"
end

--- The first call is answered, and what the script sends behind that has come.
local function get_first()
  assert.equal(1, mic.assert(get()).data.n)
  server.await_said(1)
end

--- It is the answer to this request, which went out once, over another connection.
local function assert_fresh(response)
  assert.equal(2, response.data.n)
  assert.equal(1, response.attempts)
  assert.is_true(response.new_connection)
  assert.equal(2, #server.requests())
end

describe("a kept connection with unexpected bytes", function()
  for what, bytes in pairs {
    ["another answer"] = STALE,
    ["a farewell"] = FAREWELL,
    ["a byte"] = "x",
    ["half an answer"] = "HTTP/1.1 200 OK\\r\\nContent-Le",
    ["an answer to nothing"] = "HTTP/1.1 100 Continue\\r\\n\\r\\n",
  } do
    it(("is left, %s, and a POST takes a new one"):format(what), function()
      serve(FIRST .. behind(bytes), SECOND)
      get_first()
      assert_fresh(mic.assert(client:post("/x", { a = 1 }, { auth = false })))
    end)
  end

  it("is left for a GET, and the calls after it are in step", function()
    serve(FIRST .. behind(STALE), SECOND)
    get_first()
    assert_fresh(mic.assert(get()))
    assert.is_false(mic.assert(get()).new_connection)
  end)

  it("is left for an upload, a download and a stream", function()
    serve(FIRST .. behind(STALE), FIRST .. behind(STALE),
      FIRST .. behind(STALE), SECOND)
    local file, pieces = folder:write("upload", ("x"):rep(30000)), {}
    get_first()
    local response = mic.assert(client:put("/x", nil, { auth = false, body_file = file }))
    assert.equal(1, response.data.n)
    server.await_said(2)
    mic.assert(get { save_to = folder:at "download" })
    assert.equal('{"n":1}', folder:read "download")
    server.await_said(3)
    mic.assert(get { on_data = function(piece)
      pieces[#pieces + 1] = piece
    end })
    assert.equal('{"n":2}', table.concat(pieces))
    assert.equal(4, #server.requests())
  end)

  it("is left for each call of a batch", function()
    serve(FIRST .. behind(STALE), SECOND)
    get_first()
    local list = {}
    for index = 1, 8 do
      list[index] = { path = "/x", auth = false }
    end
    for _, result in ipairs(client:batch(list)) do
      assert.equal(2, mic.assert(result.response, result.err).data.n)
    end
  end)

  it("is left for a login and a refresh", function()
    local token = "eyJhbGciOiJSUzI1NiJ9."
      .. "eyJzdWIiOiJhbm5hIiwibiI6IkEiLCJpYXQiOjE3MDAwMDAwMDAsImV4cCI6MjcwMDAwMDAwMH0.c2lnbmF0dXJl"
    local reply = answer(('{"user":{},"credentials":{"identityId":"eu-west-1:4c3b","token":"%s",'
      .. '"refreshToken":"r"}}'):format(token))
    serve(FIRST .. behind(STALE), "read\nsend " .. reply .. behind(STALE),
      "read\nsend " .. reply .. "\nhold")
    get_first()
    mic.assert(client:login())
    server.await_said(2)
    mic.assert(client:refresh())
    assert.same({ "GET /prod/x HTTP/1.1", "POST /prod/auth/login HTTP/1.1",
      "POST /prod/auth/refresh HTTP/1.1" }, server.requests())
  end)
end)

describe("an answer with bytes after its end", function()
  for what, head in pairs {
    ["a length"] = answer '{"n":1}',
    chunks = "HTTP/1.1 200 OK\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n7\\r\\n{\"n\":1}\\r\\n"
      .. "0\\r\\n\\r\\n",
    ["chunks and trailers"] = "HTTP/1.1 200 OK\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n"
      .. "7\\r\\n{\"n\":1}\\r\\n0\\r\\nA: b\\r\\n\\r\\n",
    ["no body"] = "HTTP/1.1 204 No Content\\r\\n\\r\\n",
    ["an empty body"] = "HTTP/1.1 200 OK\\r\\nContent-Length: 0\\r\\n\\r\\n",
    ["no chunks"] = "HTTP/1.1 200 OK\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n0\\r\\n\\r\\n",
  } do
    it("ends its connection, " .. what, function()
      serve("read\nsend " .. head .. STALE .. "\nhold", SECOND)
      mic.assert(get())
      assert_fresh(mic.assert(client:post("/x", { a = 1 }, { auth = false })))
    end)
  end

  it("ends its connection, of a HEAD", function()
    serve("read\nsend " .. answer '{"n":1}' .. "\nhold", SECOND)
    mic.assert(client:head("/x", { auth = false }))
    if NEW_FOR_POST then -- it takes these bytes for the begin of the answer
      local _, err = get { timeout = 1 }
      assert.equal("timeout", err.kind)
    else
      assert_fresh(mic.assert(get()))
    end
  end)

  it("keeps it when nothing follows", function()
    for _, head in ipairs {
      "HTTP/1.1 200 OK\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n"
        .. "7\\r\\n{\"n\":1}\\r\\n0\\r\\n\\r\\n",
      "HTTP/1.1 204 No Content\\r\\n\\r\\n",
    } do
      serve("read\nsend " .. head .. "\nagain", "read\nreset")
      for _ = 1, 3 do
        mic.assert(get())
      end
      client:close()
      server.stop()
    end
    serve "hold"
  end)
end)

describe("a 408", function()
  for what, head in pairs {
    ["says that it closes"] = FAREWELL,
    ["is of HTTP/1.0"] = "HTTP/1.0 408 Request Timeout\\r\\n\\r\\n",
  } do
    it("is no answer to what went out over a kept connection, when it " .. what, function()
      serve(FIRST .. "\nread\nsend " .. head, SECOND)
      mic.assert(get())
      local response = mic.assert(client:post("/x", { a = 1 }, { auth = false }))
      assert.equal(2, response.data.n)
      assert.equal(1, response.attempts)
      assert.is_true(response.new_connection)
      assert.equal(NEW_FOR_POST and 2 or 3, #server.requests())
    end)
  end

  it("has an upload sent again from its beginning", function()
    local file = folder:write("upload", ("x"):rep(30000))
    serve(FIRST .. "\nread\nsend " .. FAREWELL, SECOND)
    mic.assert(get())
    local response = mic.assert(client:post("/x", nil, { auth = false, body_file = file }))
    assert.equal(2, response.data.n)
  end)

  it("is one on a new connection", function()
    serve("read\nsend " .. FAREWELL, SECOND)
    local _, err = client:post("/x", { a = 1 }, { auth = false })
    assert.equal(408, err.status)
    assert.equal(1, #server.requests())
  end)

  it("is one when the connection stays", function()
    serve(FIRST .. "\nread\nsend HTTP/1.1 408 Request Timeout\\r\\nContent-Length: 0\\r\\n\\r\\n"
      .. "\nhold", SECOND)
    mic.assert(get())
    local send = NEW_FOR_POST and client.put or client.post
    local _, err = send(client, "/x", { a = 1 }, { auth = false })
    assert.equal(408, err.status)
    assert.equal(2, #server.requests())
  end)
end)
