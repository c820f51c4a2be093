-- Locales: protocol names are compared as ASCII, whatever the locale makes of I.

local core = require "mic.core"
local faults = require "spec.support.faults"
local native = require "spec.support.native"
local scratch = require "spec.support.scratch"
local shell = require "spec.support.shell"

--- `printf packed | gzip`, as text of a script for the server.
local function packed(text)
  local hex = shell.check("printf %s " .. shell.quote(text) .. " | gzip -n | od -An -v -tx1")
  return (hex:gsub("%s*(%x%x)%s*", "\\x%1"))
end

describe("in a Turkish locale", function()
  local folder, server

  before_each(function()
    folder = scratch.folder()
  end)

  --- Runs Lua code with a client of the server's.
  local function run(code, ...)
    server = faults.start(...)
    return folder:lua(([[
      local base_url = %q
      assert(("I"):lower() == "I" or jit) -- LuaJIT's obeys no locale
      local mic = require "mic"
      local client = mic.new { base_url = base_url, api_key = "k", retry = false }
      local function get(path, options)
        options = options or {}
        options.auth = false
        return mic.assert(client:get(path, options))
      end
    ]]):format((server.url:gsub("127.0.0.1", "mic.localhost"))) .. code,
      ("env LD_PRELOAD=%s MIC_PRELOAD=%s"):format(native.build "turkish", native.build "turkish"))
  end

  it("headers are found in any case, and their meaning", function()
    local zipped = packed '{"a":1}'
    local _, length = zipped:gsub("\\x", "")
    assert.equal("1\t7f3a\t7f3a\t7f3a\n", run([[
      local response = get "/x"
      print(response.data and response.data.a, response.headers["x-amzn-requestid"],
        response.headers["X-AMZN-REQUESTID"], response:header_values("X-AMZN-REQUESTID")[1])
    ]], "read\nsend HTTP/1.1 200 OK\\r\\nX-AMZN-REQUESTID: 7f3a\\r\\n"
      .. "CONTENT-TYPE: APPLICATION/JSON; CHARSET=UTF-8\\r\\nCONTENT-ENCODING: GZIP\\r\\n"
      .. "CONTENT-LENGTH: " .. length .. "\\r\\n\\r\\n" .. zipped))
  end)

  it("headers of the caller's take the place of those that they are", function()
    run([[
      get("/x", { headers = { ["ACCEPT-ENCODING"] = "identity" } })
      assert(not pcall(get, "/x", { headers = { ["TRANSFER-ENCODING"] = "x" } }))
      assert(client:options("/x", { auth = false }))
      assert(client:request { method = "options", path = "/x", auth = false })
    ]], "read\nsend HTTP/1.1 200 OK\\r\\nContent-Length: 0\\r\\n\\r\\n\nagain")
    local _, count = server.header_names():gsub("accept%-encoding", "")
    assert.equal(3, count)
    assert.same({ "GET /prod/x HTTP/1.1", "OPTIONS /prod/x HTTP/1.1", "OPTIONS /prod/x HTTP/1.1" },
      server.requests())
  end)

  it("a URL of the own origin is one, however it spells the host", function()
    run([[
      local url = base_url:gsub("mic.localhost", "MIC.LOCALHOST") .. "/x"
      mic.assert(client:fetch(url, { auth = false }))
    ]], "read\nsend HTTP/1.1 200 OK\\r\\nContent-Length: 0\\r\\n\\r\\n\nagain")
    assert.is_truthy(server.header_names():find "x%-api%-key")
  end)

  it("core.lower and core.upper turn the letters A to Z alone", function()
    server = faults.start "hold"
    local all = {}
    for byte = 0, 255 do
      all[#all + 1] = string.char(byte)
    end
    local text = table.concat(all)
    local small = text:gsub("[A-Z]", function(letter)
      return string.char(letter:byte() + 32)
    end)
    local large = text:gsub("[a-z]", function(letter)
      return string.char(letter:byte() - 32)
    end)
    assert.equal(small, core.lower(text))
    assert.equal(large, core.upper(text))
  end)
end)
