local api = require "spec.support.api"
local faults = require "spec.support.faults"
local mic = require "mic"
local shell = require "spec.support.shell"

local CHUNKED = "send HTTP/1.1 200 OK\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n"

--- A listener that keeps the pieces.
local function keeper()
  local pieces = {}
  return pieces, function(piece)
    pieces[#pieces + 1] = piece
  end
end

--- Numbers, so that no two places look alike.
local function pattern(size)
  local parts, length = {}, 0
  while length < size do
    local part = ("%d,"):format(length)
    parts[#parts + 1] = part
    length = length + #part
  end
  return table.concat(parts):sub(1, size)
end

describe("on_data", function()
  local box = api.around()
  local client

  before_each(function()
    client = box:client { retry = { base = 0.01, cap = 0.01 } }
  end)

  local function stream(on_data, options)
    options = options or {}
    options.auth, options.on_data = false, on_data
    return client:get("/stream", options)
  end

  --- A client for the server that misbehaves, and one streamed GET.
  local function from_faults(on_data, ...)
    local server = faults.start(...)
    local other = mic.new { base_url = server.url, api_key = "k", retry = { base = 0.01 } }
    local response, err = other:get("/x", { auth = false, on_data = on_data })
    local requests = server.requests()
    other:close()
    server.stop()
    return response, err, #requests
  end

  it("gets the body piece by piece, in order and byte for byte", function()
    for _, version in ipairs { "1.1", "2" } do
      local text = pattern(3000000)
      local pieces, on_data = keeper()
      local other = box:client { http_version = version }
      box:answer { path = "/stream", body = text }
      local response = mic.assert(other:get("/stream", { auth = false, on_data = on_data }))
      assert.are.equal(version, response.http_version)
      assert.is_true(#pieces > 1)
      assert.is_true(text == table.concat(pieces))
      assert.are.equal("", response.body)
      assert.is_nil(response.data)
      other:close()
    end
  end)

  it("gets chunks, and is not called for an empty body", function()
    local pieces, on_data = keeper()
    local chunks = "4\\r\\nabcd\\r\\n1\\r\\n\\0\\r\\n3\\r\\nefg\\r\\n0\\r\\n\\r\\n"
    mic.assert(from_faults(on_data, "read\n" .. CHUNKED .. chunks))
    assert.are.equal("abcd\0efg", table.concat(pieces))
    pieces, on_data = keeper()
    mic.assert(from_faults(on_data, "read\n" .. CHUNKED .. "0\\r\\n\\r\\n"))
    assert.are.same({}, pieces)
  end)

  it("gets a body byte by byte as it comes", function()
    local pieces, on_data = keeper()
    local head = "send HTTP/1.1 200 OK\\r\\nContent-Length: 5\\r\\n\\r\\n"
    mic.assert(from_faults(on_data, "read\n" .. head .. "\ndrip 10 abcde"))
    assert.are.equal("abcde", table.concat(pieces))
  end)

  it("ends the call as cancelled when it returns false, and with nothing else", function()
    for _, size in ipairs { 10, 3000000 } do
      for _, value in ipairs { "false", "nil", "0", "true" } do
        local calls = 0
        box:answer { path = "/stream", body = ("x"):rep(size) }
        local response, err = stream(function()
          calls = calls + 1
          if value == "false" then
            return false
          elseif value ~= "nil" then
            return value == "0" and 0 or true
          end
        end)
        if value == "false" then
          assert.is_nil(response, size .. " bytes")
          assert.are.equal("cancelled", err.kind)
          assert.are.equal(1, err.attempts)
          assert.are.equal(1, calls)
        else
          mic.assert(response, err)
        end
      end
    end
    box:answer { path = "/stream", body = "after" }
    assert.are.equal("after", client:get("/stream", { auth = false, decode = false }).body)
  end)

  it("lets any value that it raises out unchanged, and the client goes on", function()
    for _, value in ipairs { "text", 42, { "a table" }, true, print } do
      box:answer { path = "/stream", body = ("x"):rep(1000000) }
      local ok, raised = pcall(stream, function()
        error(value, 0)
      end)
      assert.is_false(ok)
      assert.is_true(rawequal(value, raised))
      box:answer { path = "/stream", body = "after" }
      local pieces, on_data = keeper()
      mic.assert(stream(on_data))
      assert.are.equal("after", table.concat(pieces))
    end
  end)

  it("may raise nil and false", function()
    for _, value in ipairs { "nil", "false" } do
      box:answer { path = "/stream", body = "x" }
      local ok = pcall(stream, function()
        error(value == "false" and false or nil, 0)
      end)
      assert.is_false(ok)
    end
  end)

  it("never gets an error answer", function()
    for _, status in ipairs { 302, 401, 404, 500 } do
      local pieces, on_data = keeper()
      box:answer { path = "/stream", status = status, body = '{"message":"no"}' }
      local response, err = stream(on_data, { retry = false })
      assert.is_nil(response)
      assert.are.equal("http", err.kind == "auth" and "http" or err.kind)
      assert.are.equal(status, err.status)
      assert.are.equal('{"message":"no"}', err.response.body)
      assert.are.same({}, pieces)
    end
  end)

  it("does not get an error answer over max_response_size: that is too_large", function()
    local small = box:client { max_response_size = 1000, retry = false }
    local pieces, on_data = keeper()
    box:answer { path = "/stream", status = 404, body = ("x"):rep(1001) }
    local response, err = small:get("/stream", { auth = false, on_data = on_data })
    assert.is_nil(response)
    assert.are.equal("too_large", err.kind)
    box:answer { path = "/stream", body = ("x"):rep(100000) }
    mic.assert(small:get("/stream", { auth = false, on_data = on_data }))
    assert.are.equal(100000, #table.concat(pieces))
    small:close()
  end)

  it("is not called again from the start: no retry once a piece was handed over", function()
    local pieces, on_data = keeper()
    local half = "read\nsend HTTP/1.1 200 OK\\r\\nContent-Length: 8\\r\\n\\r\\nhalf\nwait 100"
    local whole = "read\nsend HTTP/1.1 200 OK\\r\\nContent-Length: 8\\r\\n\\r\\nabcdefgh"
    local response, err, requests = from_faults(on_data, half, whole)
    assert.is_nil(response)
    assert.are.equal("network", err.kind)
    assert.are.equal(1, err.attempts)
    assert.are.equal(1, requests)
    assert.are.equal("half", table.concat(pieces))
  end)

  it("gets the body of a retry when nothing was handed over before", function()
    local pieces, on_data = keeper()
    local busy = "read\nsend HTTP/1.1 503 No\\r\\nContent-Length: 4\\r\\n\\r\\nbusy"
    local bare = "read\nsend HTTP/1.1 200 OK\\r\\nContent-Length: 8\\r\\n\\r\\n"
    local whole = bare .. "abcdefgh"
    local response, err, requests = from_faults(on_data, busy, bare, whole)
    mic.assert(response, err)
    assert.are.equal(3, response.attempts)
    assert.are.equal(3, requests)
    assert.are.equal("abcdefgh", table.concat(pieces))
  end)

  it("asks for no compression, and gets what comes all the same as it came", function()
    box:answer { path = "/stream", body = "x", times = 2 }
    mic.assert(stream(function() end))
    mic.assert(client:get("/stream", { auth = false, decode = false }))
    local log = box:log()
    assert.is_nil((table.concat(log[1].headers, " "):lower():find("accept-encoding", 1, true)))
    assert.is_truthy(table.concat(log[2].headers, " "):lower():find("accept-encoding", 1, true))
    local packed = shell.check "head -c 10000000 /dev/zero | gzip -9 | base64 -w 0"
    local headers = { ["Content-Encoding"] = "gzip" }
    box:answer { path = "/stream", headers = headers, body_base64 = packed }
    local pieces, on_data = keeper()
    mic.assert(stream(on_data))
    assert.are.equal("\31\139", table.concat(pieces):sub(1, 2))
    assert.is_true(#table.concat(pieces) < 20000)
  end)

  it("may make other calls on the same client", function()
    local text = pattern(2000000)
    local pieces, answers = {}, 0
    box:answer { path = "/stream", body = text }
    box:answer { path = "/other", body = '{"a": 1}', times = 1000 }
    mic.assert(stream(function(piece)
      pieces[#pieces + 1] = piece
      if #pieces <= 5 then
        answers = answers + mic.assert(client:get("/other", { auth = false })).data.a
      end
    end))
    assert.are.equal(math.min(5, #pieces), answers)
    assert.is_true(text == table.concat(pieces))
  end)

  it("does not run far ahead while the listener makes other calls", function()
    for _, version in ipairs { "1.1", "2" } do
      local other = box:client { http_version = version }
      box:answer { path = "/stream", body = ("x"):rep(1024), ["repeat"] = 20 * 1024 }
      box:answer { path = "/slow", delay = 0.3, body = "{}" }
      local largest, total = 0, 0
      mic.assert(other:get("/stream", {
        auth = false,
        on_data = function(piece)
          if total == 0 then
            mic.assert(other:get("/slow", { auth = false }))
          end
          largest, total = math.max(largest, #piece), total + #piece
        end,
      }))
      assert.are.equal(20 * 1048576, total)
      assert.is_true(largest <= 1048576, largest .. " bytes at once")
      other:close()
    end
  end)

  it("may stream within a stream, and close the client", function()
    box:answer { path = "/stream", body = ("a"):rep(1000000), times = 2 }
    local inner, outer = 0, 0
    mic.assert(stream(function(piece)
      if outer == 0 then
        mic.assert(stream(function(inner_piece)
          inner = inner + #inner_piece
        end))
      end
      outer = outer + #piece
    end))
    assert.are.equal(1000000, inner)
    assert.are.equal(1000000, outer)
    box:answer { path = "/stream", body = ("a"):rep(3000000) }
    local response, err = stream(function()
      client:close()
    end)
    assert.is_nil(response)
    assert.are.equal("closed", err.kind)
  end)

  it("may yield from a coroutine, where Lua can yield over pcall", function()
    if _VERSION == "Lua 5.1" and not rawget(_G, "jit") then
      return
    end
    local text = pattern(1000000)
    box:answer { path = "/stream", body = text }
    local reader = coroutine.wrap(function()
      mic.assert(stream(coroutine.yield))
      return nil
    end)
    local pieces = {}
    for piece in reader do
      pieces[#pieces + 1] = piece
    end
    assert.is_true(text == table.concat(pieces))
  end)

  it("that is left in the middle by its coroutine leaves the client usable", function()
    if _VERSION == "Lua 5.1" and not rawget(_G, "jit") then
      return
    end
    box:answer { path = "/stream", body = ("x"):rep(5000000) }
    local reader = coroutine.wrap(function()
      stream(coroutine.yield)
    end)
    assert.is_string(reader())
    reader = nil -- luacheck: ignore 311
    collectgarbage()
    collectgarbage()
    box:answer { path = "/after", body = "{}" }
    mic.assert(client:get("/after", { auth = false }))
  end)
end)
