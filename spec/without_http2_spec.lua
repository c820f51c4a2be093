-- A libcurl built without HTTP/2 works without any option.

local api = require "spec.support.api"
local native = require "spec.support.native"
local shell = require "spec.support.shell"

local sandbox = api.around()

--- What is printed by a client with these options, beside such a libcurl: of one call by a plain
--- client and one in an event loop.
local function printed(options)
  local preloaded = native.build "curl_without_http2"
  local command = sandbox:command(([[
    local mic = require "mic"
    local cqueues = require "cqueues"
    local function one(transport)
      local client = mic.new { base_url = os.getenv "MIC_BASE_URL",
        api_key = os.getenv "MIC_API_KEY",
        username = os.getenv "MIC_USERNAME", password = os.getenv "MIC_PASSWORD",
        tls = { ca_file = os.getenv "MIC_CA_FILE" }, transport = transport, %s }
      local response, err = client:get "/user"
      print(response and response.http_version or tostring(err), err and err.attempts)
    end
    one "blocking"
    local loop = cqueues.new()
    loop:wrap(one, "cqueues")
    assert(loop:loop())
  ]]):format(options))
  return (shell.run(("LD_PRELOAD='%s' MIC_PRELOAD='%s' %s 2>&1"):format(preloaded, preloaded,
    command)))
end

describe("a libcurl without HTTP/2", function()
  it("speaks HTTP/1.1 without being told", function()
    assert.equal("1.1\tnil\n1.1\tnil\n", printed "")
    assert.equal("1.1\tnil\n1.1\tnil\n", printed 'http_version = "1.1"')
  end)

  it("is not asked for HTTP/2 in vain: that fails, and says why", function()
    local line = "tls: this libcurl was built without HTTP/2, which http_version requires "
      .. "%(POST /auth/login, CURLE_UNSUPPORTED_PROTOCOL%)"
    local text = printed 'http_version = "2"'
    assert.is_truthy(text:find("^" .. line .. "[^\n]*\n" .. line), text)
  end)
end)
