-- A kept connection that the server closes while the next request's body is sent. A preloaded
-- library delays the body until the connection is closed.

local libcurl = require "spec.support.libcurl"
local native = require "spec.support.native"
local scratch = require "spec.support.scratch"
local shell = require "spec.support.shell"

--- What the programs begin with. `call(method, spec, kept, fresh)` makes a GET whose connection is
--- kept, and then the call, while that connection plays the script `kept`, the next ones `fresh`.
local BEGIN = [[
  local core = require "mic.core"
  local faults = require "spec.support.faults"
  local WHOLE = "send HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\n{}"
  local CLOSED, SERVING = "head\nreset", "read\n" .. WHOLE .. "\nagain"
  local body = ("x"):rep(200000)

  local function call(method, spec, kept, fresh)
    local server = faults.start("read\n" .. WHOLE .. "\n" .. kept, fresh)
    local client = start(server.url)
    assert(client("GET", {}))
    local began = core.now()
    local status, err = client(method, spec)
    print(status, err, table.concat(server.requests(), ", "), core.now() - began < 7)
    server.stop()
  end
]]

--- `start(url)` gives a function that makes a request: status, or nil and the kind of failure.
local DRIVES = {
  blocking = [[
    local function start(url)
      local of = require("mic").new { base_url = url, api_key = "k", retry = false }
      return function(method, spec)
        spec.method, spec.path, spec.auth = method, "/x", false
        local response, err = of:request(spec)
        assert((response or err).attempts == 1)
        return response and response.status, err and err.kind
      end
    end
  ]],
  engine = [[
    local core_calls = require "spec.support.core_calls"
    local engine = require("mic.core").engine()
    local function start(url)
      local of = require("mic.core").client { base_url = url, api_key = "k", engine = engine }
      return function(method, spec)
        spec.method, spec.path, spec.auth = method, "/x", false
        spec.resend, spec.idempotent = method ~= "POST" or spec.idempotent, nil
        local exchange = core_calls.start(of, spec)
        while exchange:run(30) ~= "done" do end
        local reply, kind = core_calls.result(exchange)
        return reply and reply.status, kind
      end
    end
  ]],
}

for drive, start in pairs(DRIVES) do
  describe("a kept connection that closes under a body, " .. drive, function()
    local late, folder = native.build "late_body", scratch.folder()
    folder:write("upload", ("x"):rep(200000))

    local function run(code)
      local program = folder:write("program.lua", start .. BEGIN .. code)
      return shell.check(("timeout 60 env LD_PRELOAD=%s MIC_PRELOAD=%s %s %s %s"):format(late, late,
        shell.lua, program, folder:at "upload"))
    end

    it("is no error where the request may be sent twice, and takes no other attempt", function()
      local expected = "200\tnil\tGET /prod/x HTTP/1.1, PUT /prod/x HTTP/1.1, "
        .. "PUT /prod/x HTTP/1.1\ttrue\n"
      assert.equal(expected, run 'call("PUT", { body = body }, CLOSED, SERVING)')
      assert.equal(expected, run 'call("PUT", { body_file = arg[1] }, CLOSED, SERVING)')
    end)

    it("is none for a POST that says so", function()
      assert.equal("200\tnil\tGET /prod/x HTTP/1.1, POST /prod/x HTTP/1.1, "
        .. "POST /prod/x HTTP/1.1\ttrue\n",
        run 'call("POST", { body = body, idempotent = true }, CLOSED, SERVING)')
    end)

    it("is one where it may not", function()
      -- Before 7.80 it is not sent over a kept connection.
      assert.equal((libcurl.before(7, 80) and "200\tnil" or "nil\tnetwork")
        .. "\tGET /prod/x HTTP/1.1, POST /prod/x HTTP/1.1\ttrue\n",
        run 'call("POST", { body = body }, CLOSED, SERVING)')
    end)

    it("is one where the new connection closes as well", function()
      assert.equal("nil\tnetwork\tGET /prod/x HTTP/1.1, PUT /prod/x HTTP/1.1, "
        .. "PUT /prod/x HTTP/1.1\ttrue\n",
        run 'call("PUT", { body = body }, CLOSED, CLOSED)')
    end)

    it("counts the time that it took against the limit", function()
      assert.equal("nil\ttimeout\tGET /prod/x HTTP/1.1, PUT /prod/x HTTP/1.1, "
        .. "PUT /prod/x HTTP/1.1\ttrue\n",
        run 'call("PUT", { body = body:upper(), timeout = 5 }, CLOSED, "read\\nhold")')
    end)
  end)
end
