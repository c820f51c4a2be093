-- README.md: its module and its configuration of nginx, as they stand, against the sandbox.

local api = require "spec.support.api"
local blocks = require "spec.support.blocks"
local nginx = require "spec.support.nginx"

describe("the nginx of README.md", function()
  local box, module, configuration = api.start(), nil, nil

  for _, block in ipairs(blocks.of("README.md", "lua")) do
    module = module or block.text:find "^%-%- my_mic%.lua\n" and block.text
  end
  for _, block in ipairs(blocks.of("README.md", "nginx")) do
    configuration = block.text
  end

  local function start(text)
    local trust = ("tls = { ca_file = %q }, %%0"):format(box.ca_file)
    return nginx.start {
      workers = 2,
      files = { ["my_mic.lua"] = module:gsub("store = ", trust) },
      environment = ("MIC_BASE_URL=%s MIC_API_KEY=%s MIC_USERNAME=%s MIC_PASSWORD=%s"):format(
        box.base_url, box.api_key, box.username, box.password),
      http = text:gsub("server {.*", ""),
      server = text:match "server {%s*listen[^\n]*\n(.*)}%s*$",
    }
  end

  it("is ten lines or little more", function()
    assert.is_true(select(2, configuration:gsub("\n", "")) <= 12)
  end)

  it("answers with what the API says, after one login for all workers", function()
    local server = start(configuration)
    for _ = 1, 8 do
      assert.equal("demo@example.com\n", (server:get "/email"))
    end
    assert.equal(1, box:counters().login)
    assert.equal("", server:errors())
  end)

  it("answers with the error of a call", function()
    local server = start(configuration)
    box:answer { path = "/user", status = 404, body = "{}" }
    assert.is_truthy((server:get "/email"):find "^http 404: .*GET /user")
  end)

  it("says why a module loaded in a worker sees no variables", function()
    local server = start((configuration:gsub("init_by_lua_block[^\n]*", "")))
    assert.equal(500, select(2, server:get "/email"))
    assert.is_truthy(server:errors():find("MIC_BASE_URL is missing .* %- set it when nginx starts; "
      .. "workers see it only if init_by_lua_block makes the client"))
  end)

  it("does not start with a mistake in the module", function()
    local ok, message = pcall(start, configuration:gsub("mic_credentials 1m", "other 1m"))
    assert.is_false(ok)
    assert.is_truthy(message:find("mic_credentials", 1, true), message)
  end)
end)
