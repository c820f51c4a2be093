-- Costs: TLS handshakes, and reading certificates.

local api = require "spec.support.api"
local native = require "spec.support.native"
local scratch = require "spec.support.scratch"
local shell = require "spec.support.shell"

describe("the cost", function()
  local box = api.start()

  it("of a login and a hundred calls is one handshake", function()
    for _, http_version in ipairs { "2", "1.1" } do
      box:reset()
      local client = box:automatic { http_version = http_version }
      for _ = 1, 50 do
        assert(client:get "/user")
        assert(client:get("/users/{userName}", { params = { userName = "anna" }, timeout = 5 }))
      end
      local counters = box:counters()
      assert.are.equal(100, counters.calls)
      assert.are.equal(1, counters.login)
      assert.are.equal(1, counters.handshakes)
      assert.are.equal(1, counters.connections)
      client:close()
    end
  end)

  it("includes a new handshake each hour: a busy connection would see no new certificate",
    function()
      local later = native.build "later"
      local folder = scratch.folder()
      for _, version in ipairs { "2", "1.1" } do
        box:reset()
        folder:write("minutes", "")
        local printed = folder:lua(([[
          local client = require("mic").new { base_url = %q, api_key = %q, retry = false,
            tls = { ca_file = %q }, http_version = %q }
          for minute = 1, 62 do
            assert(client:get "/metadata/manifest")
            local clock = io.open(%q, "a")
            clock:write "."
            clock:close()
          end
        ]]):format(box.base_url, box.api_key, box.ca_file, version, folder:at "minutes"),
          ("env LD_PRELOAD=%s MIC_PRELOAD=%s LATER=%s"):format(later, later, folder:at "minutes"))
        assert.are.equal("", printed)
        assert.are.equal(62, box:counters().calls)
        assert.are.equal(2, box:counters().connections)
      end
    end)

  --- The bytes that a new process reads for its first handshake, with these options; the sandbox
  --- is not known to the system, so the handshake fails once its authorities were looked for.
  local function read_for_a_handshake(tls)
    return tonumber((box:run(([[
      local function read()
        for line in io.lines "/proc/self/io" do
          local bytes = line:match "^rchar: (%%d+)"
          if bytes then
            return tonumber(bytes)
          end
        end
      end
      local client = require("mic").new {
        base_url = os.getenv "MIC_BASE_URL", api_key = "k", retry = false, tls = %s
      }
      local before = read()
      local response, err = client:get("/metadata/manifest")
      assert(err.kind == "tls", tostring(err))
      io.write(read() - before)
    ]]):format(tls))))
  end

  local BUNDLE = "/etc/ssl/certs/ca-certificates.crt"

  it("includes no reading of a bundle where the system has a hashed folder", function()
    local bundle = tonumber(shell.check("stat -c %s " .. BUNDLE))
    local hashed = shell.check "ls /etc/ssl/certs/*.0 2>/dev/null" ~= ""
    local by_itself, by_bundle =
      read_for_a_handshake "nil", read_for_a_handshake(("{ ca_file = %q }"):format(BUNDLE))
    assert.is_true(by_bundle >= bundle, ("%d of %d bytes"):format(by_bundle, bundle))
    assert.are.equal(hashed, by_itself < bundle / 4, ("%d bytes"):format(by_itself))
  end)
end)
