-- nginx in front of an API that glewlwyd logs in to: `authorize` and `observe` with its row.

local cjson = require "cjson"
local clock = require "spec.support.clock"
local curl = require "spec.support.curl"
local glewlwyd = require "spec.support.glewlwyd"
local nginx = require "spec.support.nginx"

local TOKEN_LIFE = 3

--- A client whose login and refresh are a function. Formatted with the forms of
--- a login and, without its token, of a refresh, and with both URLs.
local BY_FUNCTION = [[
  local mic = require "mic"
  local login, refresh = %q, %q
  return mic.new {
    base_url = %q,
    auth_url = %q,
    profile = { name = "by-function", expired = { { 401 } } },
    store = mic.store.shared_dict "mic_credentials",
    authenticate = function(http, why)
      local form = why.reason == "refresh" and refresh .. ngx.escape_uri(why.refresh_token) or login
      local res, err = http:post("/", nil, {
        body = form,
        headers = { ["Content-Type"] = "application/x-www-form-urlencoded" },
      })
      if not res then
        return nil, err
      end
      return {
        token = res.data.access_token,
        refresh_token = res.data.refresh_token,
        expires_in = res.data.expires_in,
      }
    end,
  }
]]

describe("an nginx before an API with a login server", function()
  local server = glewlwyd.start { token_life = TOKEN_LIFE }
  local client = { client_id = server.client_id, client_secret = server.client_secret }
  local login, refresh = { grant_type = "password", username = server.username,
    password = server.password, scope = server.scope }, { grant_type = "refresh_token" }
  for name, value in pairs(client) do
    login[name], refresh[name] = value, value
  end

  local function location(place, module)
    return ([[
      location %s {
        access_by_lua_block { require("mic.nginx").authorize(require %q) }
        header_filter_by_lua_block { require("mic.nginx").observe(require %q) }
        proxy_pass %s;
      }
    ]]):format(place, module, module, server.rotating.userinfo_url)
  end

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
      ["by_function.lua"] = BY_FUNCTION:format(curl.form(login),
        curl.form(refresh) .. "&refresh_token=", server.base_url, server.rotating.token_url),
    },
    server = location("/userinfo", "my_api") .. location("/function", "by_function"),
  }

  --- How many of some requests at the same time got through. Their own token is dropped.
  local function get_at_once(place, count)
    local pipes, good = {}, 0
    for index = 1, count do
      pipes[index] = assert(io.popen(("curl -s -o /dev/null -w '%%{http_code}' "
        .. "-H 'Authorization: Bearer theirs' %s%s"):format(gateway.url, place)))
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

  for place, what in pairs { ["/userinfo"] = "", ["/function"] = ", by a function" } do
    it("logs in once, and refreshes once at expiry, for all workers" .. what, function()
      assert.same({ 1, 1 }, granted(function()
        assert.equal(10, get_at_once(place, 10))
        clock.sleep(TOKEN_LIFE + 1.5)
        assert.equal(10, get_at_once(place, 10))
      end))
    end)
  end
end)
