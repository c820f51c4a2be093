-- nginx in front of an API that glewlwyd logs in to: `authorize` and `observe` with its row.

local cjson = require "cjson"
local clock = require "spec.support.clock"
local glewlwyd = require "spec.support.glewlwyd"
local nginx = require "spec.support.nginx"

local TOKEN_LIFE = 3

describe("an nginx before an API with a login server", function()
  local server = glewlwyd.start { token_life = TOKEN_LIFE }
  local gateway = nginx.start {
    workers = 4,
    http = "lua_shared_dict mic_credentials 1m;",
    files = {
      ["my_api.lua"] = ("local options = require('cjson').decode(%q)\n"):format(
        cjson.encode(server:options "rotating")) .. [[
        local mic = require "mic"
        options.store = mic.store.shared_dict "mic_credentials"
        return mic.new(options)
      ]],
    },
    server = ([[
      location /userinfo {
        access_by_lua_block { require("mic.nginx").authorize(require "my_api") }
        header_filter_by_lua_block { require("mic.nginx").observe(require "my_api") }
        proxy_pass %s;
      }
    ]]):format(server.rotating.userinfo_url),
  }

  --- How many of some requests at the same time got through. Their own token is dropped.
  local function get_at_once(count)
    local pipes, good = {}, 0
    for index = 1, count do
      pipes[index] = assert(io.popen(("curl -s -o /dev/null -w '%%{http_code}' "
        .. "-H 'Authorization: Bearer theirs' %s/userinfo"):format(gateway.url)))
    end
    for _, pipe in ipairs(pipes) do
      good = good + (pipe:read "*a" == "200" and 1 or 0)
      pipe:close()
    end
    return good
  end

  --- How many logins and refreshes a function makes the server grant.
  local function granted(task)
    local before = server:counters()
    task()
    local after = server:counters()
    return { after.password - before.password, after.refresh_token - before.refresh_token }
  end

  it("logs in once, and refreshes once at expiry, for all workers", function()
    assert.same({ 1, 1 }, granted(function()
      assert.equal(10, get_at_once(10))
      clock.sleep(TOKEN_LIFE + 1.5)
      assert.equal(10, get_at_once(10))
    end))
  end)
end)
