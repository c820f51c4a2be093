local faults = require "spec.support.faults"
local libcurl = require "spec.support.libcurl"
local mic = require "mic"
local shell = require "spec.support.shell"

local unpack = rawget(table, "unpack") or rawget(_G, "unpack")
local OK = "send HTTP/1.1 200 OK\\r\\n"
local EIGHT = "Content-Length: 8\\r\\n"
local WHOLE = OK .. EIGHT .. 'Content-Type: application/json\\r\\n\\r\\n{"a": 1}'
local KEPT = "read\n" .. WHOLE .. "\nagain"

--- What a client gets from these scripts: the result of one GET, and of one after it.
local function get_twice(options, ...)
  local server = faults.start(...)
  options = options or {}
  options.base_url, options.api_key = server.url, "k"
  local client = mic.new(options)
  local first, err = client:get("/x", { auth = false })
  local second, second_err = client:get("/x", { auth = false })
  local requests = server.requests()
  client:close()
  server.stop()
  return first, err, second or second_err, requests
end

--- The first call ends with this kind, without a retry, and the next one works.
local function assert_fails(kind, script)
  local options = { retry = false, timeout = kind == "timeout" and 1 or 20 }
  local response, err, after = get_twice(options, "read\n" .. script, KEPT)
  assert.is_nil(response, script)
  assert.are.equal(kind, err.kind, script)
  assert.are.equal(1, err.attempts)
  assert.are.equal(200, after.status, tostring(after))
  return err
end

describe("a network that fails", function()
  it("breaks off after every byte of a head and body with a length", function()
    local answer = "HTTP/1.1 200 OK\\r\\nContent-Length: 8\\r\\n\\r\\n{\"a\": 1}"
    local scripts, units = {}, {}
    for unit in answer:gmatch "\\?." do
      units[#units + 1] = unit
    end
    for cut = 0, #units - 1 do
      scripts[#scripts + 1] = "read\nsend " .. table.concat(units, "", 1, cut)
    end
    local count = #scripts
    scripts[#scripts + 1] = KEPT
    local server = faults.start(unpack(scripts))
    local client = mic.new { base_url = server.url, api_key = "k", retry = false, timeout = 20 }
    for cut = 0, count - 1 do
      local response, err = client:get("/x", { auth = false })
      assert.is_nil(response, "cut after " .. cut)
      assert.are.equal("network", err.kind, "cut after " .. cut)
    end
    assert.are.equal(1, mic.assert(client:get("/x", { auth = false })).data.a)
    server.stop()
  end)

  it("breaks off in the middle of chunks", function()
    local head = "send HTTP/1.1 200 OK\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n"
    local whole = "4\\r\\nabcd\\r\\n"
    for _, rest in ipairs { "", "4", "4\\r\\n", "4\\r\\nab", whole, whole .. "0" } do
      assert_fails("network", head .. rest)
    end
  end)

  it("never answers, or stops in the middle", function()
    assert_fails("timeout", "hold")
    assert_fails("timeout", "send HTTP/1.1 200 OK\\r\\nContent-Length: 8\\r\\n\\r\\n{\nhold")
  end)

  it("drips slower than the timeout allows", function()
    assert_fails("timeout", "drip 200 HTTP/1.1 200 OK\\r\\nContent-Length: 8\\r\\n\\r\\n12345678")
  end)

  it("resets the connection, before and in the middle of an answer", function()
    assert_fails("network", "reset")
    assert_fails("network", OK .. EIGHT .. "\\r\\n{\nwait 50\nreset")
  end)

  it("sends what is no HTTP", function()
    assert_fails("network", "send garbage\\r\\n\\r\\n")
    assert_fails("network", "send \\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\r\\n")
  end)

  it("sends headers without end", function()
    local err = assert_fails("too_large", OK .. "\nrepeat 100000 x-filler: 0123456789\\r\\n")
    assert.is_truthy(tostring(err))
  end)

  it("sends a gzip bomb: refused by what it unpacks to", function()
    local client_options = { retry = false, max_response_size = 100000 }
    local zip = "head -c 10000000 /dev/zero | gzip -9 | od -An -v -tx1 | tr -d '\\n'"
    local bytes = shell.run(zip)
    local length = select(2, bytes:gsub(" ", ""))
    local script = OK .. "Content-Encoding: gzip\\r\\n"
      .. ("Content-Length: %d\\r\\n\\r\\n%s"):format(length, (bytes:gsub(" ", "\\x")))
    local response, err, after = get_twice(client_options, "read\n" .. script, KEPT)
    assert.is_nil(response)
    assert.are.equal("too_large", err.kind)
    assert.are.equal(200, after.status)
  end)

  it("sends 1xx answers first: they are passed over", function()
    local response = get_twice(nil, "read\nsend HTTP/1.1 100 Continue\\r\\n\\r\\n\n"
      .. "send HTTP/1.1 103 Early Hints\\r\\nx-early: 1\\r\\n\\r\\n\n" .. WHOLE .. "\nagain")
    assert.are.equal(200, response.status)
    assert.is_nil(response.headers["x-early"])
  end)

  it("repeats headers: all of them can be read", function()
    local response = get_twice(nil, "read\nsend HTTP/1.1 200 OK\\r\\nX-A: 1\\r\\nx-a: 2\\r\\n"
      .. "Content-Length: 2\\r\\n\\r\\n{}\nagain")
    assert.are.equal("1, 2", response.headers["X-a"])
    assert.are.same({ "1", "2" }, response:header_values "x-A")
  end)

  it("speaks HTTP/1.0, and closes to end a body", function()
    local response = get_twice(nil, "read\nsend HTTP/1.0 200 OK\\r\\n\\r\\n{\"a\": 1}", KEPT)
    assert.are.equal(1, response.data.a)
  end)

  it("closes a kept connection: the next GET goes out again by itself", function()
    local response, _, after, requests = get_twice(nil, "read\n" .. WHOLE, KEPT)
    assert.are.equal(200, response.status)
    assert.are.equal(200, after.status)
    assert.are.equal(2, #requests)
  end)

  it("half-closes after the answer", function()
    local response, _, after = get_twice(nil, "read\n" .. WHOLE .. "\nhalf-close", KEPT)
    assert.are.equal(200, response.status)
    assert.are.equal(200, after.status)
  end)

  it("retries a GET when no answer came, and counts the attempts", function()
    local options = { retry = { base = 0.01 } }
    local response, _, _, requests = get_twice(options, "read", "read", KEPT)
    assert.are.equal(3, response.attempts)
    assert.are.equal(4, #requests)
  end)

  it("does not send a POST again when it may have arrived", function()
    local server = faults.start("read", KEPT)
    local client = mic.new { base_url = server.url, api_key = "k", retry = { base = 0.01 } }
    local response, err = client:post("/x", {}, { auth = false })
    assert.is_nil(response)
    assert.are.equal("network", err.kind)
    assert.are.equal(1, err.attempts)
    assert.are.equal(1, #server.requests())
    server.stop()
  end)

  it("dies on a kept connection in the middle of a POST: it is not sent twice", function()
    local server = faults.start("read\n" .. WHOLE .. "\nread", KEPT)
    local client = mic.new { base_url = server.url, api_key = "k", retry = { base = 0.01 } }
    assert.are.equal(200, mic.assert(client:get("/x", { auth = false })).status)
    local response, err = client:post("/x", {}, { auth = false })
    if libcurl.before(7, 80) then -- it went over a new connection
      assert.are.equal(200, mic.assert(response, err).status)
    else
      assert.is_nil(response)
      assert.are.equal("network", err.kind)
    end
    local posts = 0
    for _, line in ipairs(server.requests()) do
      posts = posts + (line:find "^POST" and 1 or 0)
    end
    assert.are.equal(1, posts)
    server.stop()
  end)

  it("refuses connections: a POST is tried again, since nothing was sent", function()
    local server = faults.start(KEPT)
    local url = server.url
    server.stop()
    local client = mic.new { base_url = url, api_key = "k", retry = { base = 0.01 } }
    local response, err = client:post("/x", {}, { auth = false })
    assert.is_nil(response)
    assert.are.equal("CURLE_COULDNT_CONNECT", err.code)
    assert.are.equal(3, err.attempts)
  end)

  it("obeys Retry-After, and ends at once when it asks for more than a minute", function()
    local long = "read\nsend HTTP/1.1 503 No\\r\\nRetry-After: 61\\r\\n"
      .. "Content-Length: 0\\r\\n\\r\\n\nagain"
    local response, err = get_twice(nil, long)
    assert.is_nil(response)
    assert.are.equal(1, err.attempts)
    assert.is_true(err.retryable)
    local none = "read\nsend HTTP/1.1 503 No\\r\\nRetry-After: 0\\r\\nContent-Length: 0\\r\\n\\r\\n"
    assert.are.equal(2, (get_twice(nil, none, KEPT)).attempts)
  end)

  it("ends an upload early with an answer", function()
    local early = "head\nsend HTTP/1.1 413 Too Large\\r\\nContent-Length: 0\\r\\n"
      .. "Connection: close\\r\\n\\r\\n\nwait 100"
    local server = faults.start(early, KEPT)
    local client = mic.new { base_url = server.url, api_key = "k", retry = false }
    local response, err = client:post("/x", nil, { auth = false, body = ("x"):rep(3000000) })
    assert.is_nil(response)
    assert.is_true(err.kind == "http" or err.kind == "network", tostring(err))
    assert.are.equal(200, mic.assert(client:get("/x", { auth = false })).status)
    server.stop()
  end)
end)
