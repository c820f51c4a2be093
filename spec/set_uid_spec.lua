-- A set-uid program ignores the variables of its environment.

local api = require "spec.support.api"
local native = require "spec.support.native"
local scratch = require "spec.support.scratch"

describe("in a program that runs set-uid", function()
  local box = api.around()
  local folder = scratch.folder()

  --- One GET; the status or the kind of the error.
  local function get(variables, option)
    box:answer { path = "/x", body = "{}" }
    return folder:lua(([[
      local client = require("mic").new { base_url = %q, api_key = "k", retry = false,
        tls = { ca_file = %q }, %s }
      local response, err = client:get("/x", { auth = false })
      io.write(response and response.status or err.kind)
    ]]):format(box.base_url, box.ca_file, option or ""), "env " .. variables)
  end

  local function as_set_uid(variables)
    local library = native.build "set_uid"
    return ("LD_PRELOAD=%s MIC_PRELOAD=%s %s"):format(library, library, variables)
  end

  it("no proxy of the environment is used", function()
    for _, name in ipairs { "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY" } do
      local variables = name .. "=http://127.0.0.1:1"
      assert.are.equal("200", get(as_set_uid(variables)))
      assert.are.equal("network", get(variables))
    end
    assert.are.equal("network", get(as_set_uid "", 'proxy = "http://127.0.0.1:1"'))
  end)

  it("no file gets the keys of TLS connections", function()
    local file = folder:at "keys"
    assert.are.equal("200", get(as_set_uid("SSLKEYLOGFILE=" .. file)))
    assert.is_nil(folder:read "keys")
  end)
end)
