-- Folded header fields (obs-fold) are one value.

local faults = require "spec.support.faults"
local mic = require "mic"

--- The answer with these fields; the body is JSON.
local function from(fields, options, head)
  local server = faults.start("read\nsend " .. (head or "HTTP/1.1 200 OK") .. "\\r\\n" .. fields
    .. 'Content-Length: 8\\r\\n\\r\\n{"a": 1}', "read\nsend HTTP/1.1 204 No Content\\r\\n\\r\\n")
  local client = mic.new { base_url = server.url, api_key = "k", retry = false }
  local response, err = client:request { path = "/x", auth = false, method = options.method,
    body = options.body }
  local requests = server.requests()
  client:close()
  server.stop()
  return response, err, requests
end

describe("a folded header line", function()
  for _, method in ipairs { "GET", "POST" } do
    for fold, expected in pairs {
      ["one\\r\\n two"] = "one two",
      ["one\\r\\n\\ttwo"] = "one two",
      ["one \\t\\r\\n \\t  two  "] = "one two",
      ["one\\n two"] = "one two",
      ["\\r\\n one"] = "one",
      ["one\\r\\n two\\r\\n three: four"] = "one two three: four",
      ["one\\r\\n \\r\\n two"] = "one  two",
      ["one\\r\\n "] = "one",
    } do
      it(("is unfolded: %s to a %s"):format(fold, method), function()
        local response = mic.assert(from("X-Before: b\\r\\nX-Folded: " .. fold
          .. "\\r\\nX-After: a\\r\\n", { method = method }))
        local value = response.headers["x-folded"]
        assert.equal((expected:gsub("  +", " ")), (value:gsub("  +", " ")))
        assert.same({ value }, response:header_values "X-Folded")
        assert.same({ "b", "a", 1 },
          { response.headers["x-before"], response.headers["x-after"], response.data.a })
      end)
    end
  end

  it("tells the content type, and the coding", function()
    local typed = mic.assert(from("Content-Type:\\r\\n text/plain;\\r\\n charset=utf-8\\r\\n", {}))
    assert.is_nil(typed.data)
    assert.equal("text/plain; charset=utf-8", typed.headers["content-type"])
    typed = mic.assert(from("Content-Type:\\r\\n application/json\\r\\n", {}))
    assert.equal(1, typed.data.a)
    local _, err = from("Content-Encoding:\\r\\n gzip\\r\\n", {})
    assert.equal("the compressed response is invalid", err.message)
  end)

  it("tells where a redirect leads", function()
    local found = "HTTP/1.1 302 Found"
    local response, err, requests = from("Location:\\r\\n /prod/y\\r\\n", { method = "GET" }, found)
    mic.assert(response, err)
    assert.equal("GET /prod/y HTTP/1.1", requests[2])
    response, err = from("Location:\\r\\n\\t/prod/y\\r\\n", { method = "POST", body = "" }, found)
    assert.is_nil(response)
    assert.is_truthy(err.location:find "^http://127%.0%.0%.1:%d+/prod/y$")
  end)

  it("right behind the status line belongs to no field", function()
    local response, err = from(" X-Folded: one\\r\\nX-After: a\\r\\n", { method = "GET" })
    if response then -- some versions of libcurl pass over that line, others refuse the answer
      assert.same({ "a" }, { response.headers["x-after"], response.headers["x-folded"] })
    else
      assert.same({ "network", "the response is not HTTP" }, { err.kind, err.message })
    end
  end)
end)
