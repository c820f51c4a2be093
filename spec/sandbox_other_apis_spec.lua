-- The sandbox as other APIs (mode `profile`): lifetimes, throttling, counters and log, and which
-- modes go with it. The requests are sent with the curl command, without the client.

local cjson = require "cjson.safe"
local clock = require "spec.support.clock"
local support = require "spec.support.sandbox"

local SLOW = 0.001 -- requests a second: nothing comes back while a spec runs

local function form(members)
  return { type = "application/x-www-form-urlencoded", text = members }
end

local function json(members)
  return { type = "application/json", text = cjson.encode(members) }
end

describe("the sandbox as another API", function()
  local box = support.around()

  --- How each logs in, what its token is in the reply, where a call has it, and its refresh.
  local apis = {
    directus = {
      login = { "/auth/login", function()
        return json { mode = "json", email = "demo", password = box.password }
      end },
      found = function(reply)
        return reply.data.access_token, reply.data.refresh_token, reply.data.expires / 1000
      end,
      refresh = { "/auth/refresh", function(_, refresh_token)
        return json { refresh_token = refresh_token }
      end },
      throttled = '{"errors":[{"extensions":{"code":"REQUESTS_EXCEEDED"},'
        .. '"message":"Too many requests."}]}',
    },
    supabase = {
      login = { "/auth/v1/token?grant_type=password", function()
        return json { email = "demo", password = box.password }
      end },
      found = function(reply)
        return reply.access_token, reply.refresh_token
      end,
      refresh = { "/auth/v1/token?grant_type=refresh_token", function(_, refresh_token)
        return json { refresh_token = refresh_token }
      end },
      throttled = '{"code":"over_request_rate_limit","message":"Request rate limit reached"}',
    },
    vault = {
      login = { "/v1/auth/userpass/login/demo", function()
        return json { password = box.password }
      end },
      found = function(reply)
        return reply.auth.client_token, nil, reply.auth.lease_duration
      end,
      header = function(token)
        return { ["X-Vault-Token"] = token }
      end,
      refresh = { "/v1/auth/token/renew-self" },
      throttled = '{"errors":["rate limit quota exceeded"]}',
    },
    iso = {
      login = { "/session", function()
        return json { user = "demo", password = box.password }
      end },
      found = function(reply)
        return reply.token
      end,
      header = function(token)
        return { Authorization = "token " .. token }
      end,
      throttled = '{"message":"Too many requests"}',
    },
    idle = {
      login = { "/v3/auth/authenticate", function()
        return json { name = "demo", password = box.password }
      end },
      found = function(reply)
        return reply.token
      end,
      header = function(token)
        return { Authorization = token }
      end,
      throttled = '{"code":8,"error":"etcdserver: too many requests",'
        .. '"message":"etcdserver: too many requests"}',
    },
    challenge = {
      login = { "/auth/token", function()
        return form("grant_type=password&client_id=node-red-admin&username=demo&password="
          .. box.password)
      end },
      found = function(reply)
        return reply.access_token, nil, reply.expires_in
      end,
      throttled = "Too Many Requests",
    },
    status200 = {
      login = { "/login", function()
        return json { username = "demo", password = box.password }
      end },
      found = function(reply)
        return reply.result
      end,
      throttled = '{"message":"Too many requests."}',
    },
    text = {
      login = { "/login_", function()
        return json { username = "demo", password = box.password }
      end },
      found = function(_, text)
        return text:match "%S+"
      end,
      refresh = { "/user/v1/refresh-token", method = "GET" },
      throttled = "Too Many Requests",
    },
    query = {
      login = { "/parse/login", method = "GET", query = true },
      found = function(reply)
        return reply.sessionToken
      end,
      header = function(token)
        return { ["X-Parse-Session-Token"] = token }
      end,
      throttled = '{"code":155,"error":"Too many requests"}',
    },
    oauth2 = {
      basic = true,
      login = { "/oauth2/token", function()
        return form("grant_type=password&username=demo&password=" .. box.password)
      end },
      found = function(reply)
        return reply.access_token, reply.refresh_token, reply.expires_in
      end,
      refresh = { "/oauth2/token", function(_, refresh_token)
        return form("grant_type=refresh_token&refresh_token=" .. refresh_token)
      end },
      throttled = '{"error":"too_many_requests"}',
    },
  }

  local function token_header(api, token)
    local headers = api.header and api.header(token) or { Authorization = "Bearer " .. token }
    headers.apikey = box.api_key
    return headers
  end

  --- Sends a login or a refresh.
  local function ask(api, route, token, refresh_token)
    local body = route[2] and route[2](token, refresh_token)
    local headers = token and token_header(api, token) or {}
    headers.apikey = box.api_key
    headers["Content-Type"] = body and body.type
    local query = route.query and "?username=demo&password=" .. box.password or ""
    return assert(box:call {
      method = route.method or "POST", path = route[1] .. query, headers = headers,
      body = body and body.text,
      arguments = api.basic and "-u demo:" .. box.password,
    })
  end

  --- Logs in, or refreshes with the last reply's tokens.
  local function tokens_of(api, reply)
    assert.is_truthy(reply.status == 200 or reply.status == 201, reply.body)
    return api.found(cjson.decode(reply.body), reply.body)
  end

  local function login(api)
    return tokens_of(api, ask(api, api.login))
  end

  local function get(api, token)
    return assert(box:call { path = "/thing", headers = token_header(api, token) })
  end

  local function is_good(api, token)
    return get(api, token).body:find('"ok":true', 1, true) ~= nil
  end

  local function sorted(body)
    local value = cjson.decode(body)
    return value or body
  end

  local names = {}
  for name in pairs(apis) do
    names[#names + 1] = name
  end
  table.sort(names)

  for _, name in ipairs(names) do
    local api = apis[name]

    describe(name, function()
      before_each(function()
        box:mode { profile = name }
      end)

      it("counts logins, refreshes and calls, and logs no secret of them", function()
        local token, refresh_token = login(api)
        assert.is_true(is_good(api, token))
        local refreshes = 0
        if api.refresh then
          refreshes = 1
          tokens_of(api, ask(api, api.refresh,
            not refresh_token and token or nil, refresh_token))
        end
        local counters = box:counters()
        assert.same({ 1, refreshes, 1 }, { counters.login, counters.refresh, counters.calls })
        local log = box:log()
        assert.same({ nil, nil, 1 }, { log[1].body, log[1].body_size, log[2].token_number })
        for _, entry in ipairs(log) do
          local text = cjson.encode(entry)
          for _, secret in ipairs { box.password, token, refresh_token } do
            assert.is_nil(text:find(secret, 1, true), text)
          end
        end
      end)

      it("throttles calls and logins in its own form, and not a call without a token", function()
        local token = login(api)
        for _, mode in ipairs { { quota = 1 }, { rate = SLOW, burst = 1, quota = 0 } } do
          local before = box:counters().throttled
          box:mode(mode)
          assert.is_false(is_good(api, "x"))
          assert.is_true(is_good(api, token))
          for _, reply in ipairs { get(api, token), ask(api, api.login) } do
            assert.same({ 429, sorted(api.throttled) }, { reply.status, sorted(reply.body) })
            assert.is_nil(reply.headers["retry-after"])
            assert.is_nil(reply.headers["x-amzn-errortype"])
          end
          assert.equal(before + 2, box:counters().throttled)
        end
        box:mode { rate = 0, burst = 0, quota = 0 }
        assert.is_true(is_good(api, token))
      end)

      it("has long tokens when asked for", function()
        box:mode { token_length = 5000 }
        local token = login(api)
        assert.is_true(#token >= 5000 and #token < 5010)
        assert.is_true(is_good(api, token))
      end)

      it("refuses modes without an effect", function()
        for mode, value in pairs { strict = false, refresh = "omit", observations = 5,
          search_faults = 1, largest_search = 1, too_large = "status" } do
          local reply, status = box:post("/mode", { [mode] = value })
          assert.equal(400, status)
          local expected = ("mode %s has no effect with the profile %s"):format(mode, name)
          assert.equal(expected, reply.error)
        end
        local reply, status = box:post("/mode", { refresh_grace = 5 })
        local rotates = name == "directus" or name == "supabase" or name == "oauth2"
        assert.equal(rotates and 200 or 400, status)
        assert.equal(rotates and 5 or nil, reply.refresh_grace)
        box:mode { strict = true }
        reply, status = box:post("/observations", { timestamp = 0 })
        assert.equal(400, status)
        assert.equal("the profile " .. name .. " has no observations", reply.error)
        box:mode { profile = "mic", strict = false }
      end)
    end)
  end

  for _, name in ipairs { "directus", "supabase", "oauth2" } do
    it("takes a refresh token of " .. name .. " once, and again in the grace time", function()
      local api = apis[name]
      box:mode { profile = name }
      local _, first = login(api)
      local _, second = tokens_of(api, ask(api, api.refresh, nil, first))
      assert.not_equal(200, ask(api, api.refresh, nil, first).status)
      box:mode { refresh_grace = 60 }
      local _, third = tokens_of(api, ask(api, api.refresh, nil, second))
      assert.equal(200, ask(api, api.refresh, nil, second).status)
      box:expire { refresh = true }
      assert.not_equal(200, ask(api, api.refresh, nil, third).status)
    end)
  end

  it("begins a lifetime again: vault with a refresh, idle with each use", function()
    for name, api in pairs { vault = apis.vault, idle = apis.idle } do
      box:reset()
      box:mode { profile = name, token_life = 100 }
      local token = login(api)
      box:mode { clock_offset = 90 }
      assert.is_true(is_good(api, token))
      if api.refresh then
        tokens_of(api, ask(api, api.refresh, token))
      end
      box:mode { clock_offset = 180 }
      assert.is_true(is_good(api, token))
      box:mode { clock_offset = 300 }
      assert.is_false(is_good(api, token))
    end
  end)

  describe("has tokens that live as long as it says,", function()
    local function mic_login()
      local _, headers = box:login()
      return headers
    end

    --- A token of late in a second is good for two seconds, and not longer.
    local function assert_two_seconds(log_in, good)
      clock.sleep((0.7 - clock.wall()) % 1)
      local before = clock.now()
      local token = log_in()
      local after, began = clock.now(), nil
      clock.sleep(1.8)
      repeat
        assert.is_true((began or 0) - after < 2.01, "a look after two seconds found it good")
        began = clock.now()
      until not good(token)
      assert.is_true(clock.now() - before >= 2, ("ended after %.3f s"):format(clock.now() - before))
    end

    it("whatever the fraction of the second in which they begin", function()
      box:mode { profile = "oauth2", token_life = 2 }
      assert_two_seconds(function()
        return (login(apis.oauth2))
      end, function(token)
        return is_good(apis.oauth2, token)
      end)
      box:reset()
      box:mode { token_life = 2 }
      assert_two_seconds(mic_login, function(headers)
        return box:call({ path = "/user", headers = headers }).status == 200
      end)
    end)
  end)
end)
