-- nginx as a gateway: requests get our credentials and are proxied to the API over verified TLS
-- with SNI.

local api = require "spec.support.api"
local clock = require "spec.support.clock"
local nginx = require "spec.support.nginx"

local box = api.start()
local EXPIRIES = tonumber(os.getenv "MIC_NGINX_EXPIRIES") or 5

--- A client whose store all workers share; further ones.
local MAIN = nginx.client(box, 'store = mic.store.shared_dict "mic_credentials"')
local WRONG = nginx.client(box, 'username = "anna", password = "wrong", '
  .. 'store = mic.store.shared_dict "mic_credentials"')
local QUERY = nginx.client(box, 'identity = "query"')
local DEAD = ([[
return require "mic".new { base_url = "https://localhost:1/prod", api_key = "api-key-of-ours",
  username = "demo", password = "password-of-ours", retry = false }
]])

local PROXY = nginx.proxy(box.base_url, box.ca_file)

local function authorized(place, module, options)
  return ([[
  location %s {
    access_by_lua_block { require("mic.nginx").authorize(require %q, %s) }
    header_filter_by_lua_block { require("mic.nginx").observe(require %q) }
    %s
  }
]]):format(place, module, options or "nil", module, PROXY)
end

local server = nginx.start {
  workers = 4,
  http = "lua_shared_dict mic_credentials 1m;",
  files = { ["my_mic.lua"] = MAIN, ["query_mic.lua"] = QUERY,
    ["wrong_mic.lua"] = WRONG, ["dead_mic.lua"] = DEAD },
  server = authorized("/api/", "my_mic")
    .. authorized("/query/", "query_mic")
    .. authorized("/dead/", "dead_mic")
    .. authorized("/wrong/", "wrong_mic")
    .. authorized("/mine/", "dead_mic", [[{ on_error = function(err)
      ngx.status = 418
      ngx.say(err.kind)
      ngx.exit(418)
    end }]])
    .. authorized("/on/", "dead_mic", "{ on_error = function() return true end }")
    .. authorized("/off/", "dead_mic", "{ on_error = function() end }")
    .. authorized("/typo/", "my_mic", "{ onerror = print }")
    .. [[
  location /page/ {
    error_page 503 = @page;
    access_by_lua_block { require("mic.nginx").authorize(require "dead_mic") }
    content_by_lua_block { ngx.say "not reached" }
  }
  location @page { return 200 page; }
  location /set {
    set_by_lua_block $x { require("mic.nginx").authorize(require "my_mic") }
    return 200;
  }
  location /log {
    return 200 x;
    log_by_lua_block { require("mic.nginx").authorize(require "my_mic") }
  }
  location /early { access_by_lua_block { require("mic.nginx").observe(require "my_mic") }
    content_by_lua_block { ngx.say "not reached" } }
  location /other { access_by_lua_block { require("mic.nginx").authorize({}) }
    content_by_lua_block { ngx.say "not reached" } }
  location /shift {
    content_by_lua_block {
      local inside = require("mic.client").inside_of(require "my_mic")
      inside.core:shift_clock(tonumber(ngx.var.arg_by))
      ngx.say((inside.core:freshness()))
    }
  }
  location /call { content_by_lua_block {
    local res, err = require "my_mic":get "/user"
    ngx.status = res and 200 or 500
    ngx.say(tostring(err))
  } }
  location /refresh { content_by_lua_block {
    ngx.say(tostring(require "my_mic":refresh()))
  } }
  location /sub { content_by_lua_block {
    ngx.say(ngx.location.capture("/inner/user").status)
  } }
  location /inner/ {
    internal;
    rewrite_by_lua_block { require("mic.nginx").authorize(require "my_mic") }
    ]] .. PROXY .. [[
  }
]],
}

--- The same gateway with one worker, so that a shift of its clock counts for all.
local single = nginx.start {
  files = { ["my_mic.lua"] = nginx.client(box) },
  server = authorized("/api/", "my_mic") .. [[
  location /shift {
    content_by_lua_block {
      local inside = require("mic.client").inside_of(require "my_mic")
      inside.core:shift_clock(tonumber(ngx.var.arg_by))
      ngx.say((inside.core:freshness()))
    }
  }
]],
}

local function last()
  local log = box:log()
  return log[#log]
end

before_each(function()
  box:control("DELETE", "/log")
end)

describe("authorize", function()
  it("gives a request our credentials", function()
    local body, status = server:get "/api/user"
    assert.equal(200, status, server:errors())
    assert.is_truthy(body:find('"userName":"demo"', 1, true), body)
  end)

  it("drops those of its caller, in any spelling", function()
    local _, status = server:get("/api/user",
      "-H 'IDENTITYID: theirs' -H 'identityid: theirs' -H 'AUTHORIZATION: theirs'"
        .. " -H 'X-Api-Key: theirs' -H 'X-API-KEY: theirs' -H 'X-Other: stays'")
    assert.equal(200, status)
    local seen = {}
    for _, name in ipairs(last().headers) do
      local lower = name:lower()
      assert.is_nil(seen[lower], lower .. " came twice")
      seen[lower] = name
    end
    assert.is_truthy(seen.authorization and seen.identityid and seen["x-api-key"])
    assert.is_truthy(seen["x-other"])
  end)

  it("drops theirs from the query, and leaves the rest as it was", function()
    for given, sent in pairs {
      ["?identityId=x"] = "",
      ["?a=1&identityId=x&b=2"] = "?a=1&b=2",
      ["?IDENTITYID=x&a=%41+b"] = "?a=%41+b",
      ["?%69dentity%49d=x&a"] = "?a",
      ["?identityId&x=identityId"] = "?x=identityId",
      ["?myidentityId=1&identityIds=2"] = "?myidentityId=1&identityIds=2",
      ["?a=1&&b=&=c&"] = "?a=1&&b=&=c&",
      ["?identityId=x&identityid=y&z=%zz"] = "?z=%zz",
      ["?a=1;identityId=x"] = "?a=1",
      ["?a=1;identityId=x;b=2&c"] = "?a=1;b=2&c",
      ["?identityId=x;b=2"] = "?b=2",
      ["?a;%69DENTITY%49d=x&b"] = "?a&b",
      ["?%2569dentityId=x;a=1"] = "?a=1",
      ["?a=1;;b;"] = "?a=1;;b;",
      [";identityId=x?identityId=y"] = ";identityId=x",
    } do
      server:get("/api/user" .. given)
      assert.equal("/prod/user" .. sent, last().path)
    end
  end)

  it("puts the identity into the query where the client does", function()
    local _, status = server:get "/query/user?a=1&identityId=theirs"
    assert.equal(200, status)
    local path = last().path
    assert.is_truthy(path:find "^/prod/user%?a=1&identityId=[^&]+$", path)
    assert.is_nil(path:find "theirs")
    assert.is_false(last().identityId)
  end)

  it("works before a subrequest's location is passed on", function()
    assert.equal("200\n", (server:get "/sub"))
  end)

  it("sends a refused password once, whichever of the workers is asked", function()
    assert.same({ [503] = 40 }, (server:many("/wrong/user", 40)))
    assert.equal(1, #box:log())
    assert.is_truthy(server:errors():find "this password; it is not tried again for 15 min")
  end)

  it("does one refresh for all workers when many requests need it", function()
    server:get "/api/user"
    box:mode { token_life = 2 }
    server:get "/refresh"
    local ends = clock.now() + 2.2
    while clock.now() < ends do
      clock.sleep(0.1)
    end
    box:mode { token_life = 3600 }
    box:control("DELETE", "/log")
    assert.same({ [200] = 40 }, (server:many("/api/user", 40)))
    local refreshes = 0
    for _, entry in ipairs(box:log()) do
      refreshes = refreshes + (entry.path == "/prod/auth/refresh" and 1 or 0)
      assert.not_equal("/prod/auth/login", entry.path)
    end
    assert.equal(1, refreshes)
  end)

  it("does one refresh for all workers, time and again", function()
    -- A worker may still hold a token from before the one that is saved. Both are refused now, and
    -- a call tries two tokens at most.
    box:expire()
    server:many("/call", 40)
    server:many("/call", 40)
    for _ = 1, EXPIRIES do
      box:expire()
      box:control("DELETE", "/log")
      assert.same({ [200] = 40 }, (server:many("/call", 40)))
      local seen = box:seen()
      assert.equal(1, select(2, seen:gsub("POST /auth/refresh", "")), seen)
      assert.is_nil(seen:find("/auth/login", 1, true))
    end
  end)

  it("refreshes ahead in the background: the request does not wait for it", function()
    single:get "/api/user"
    assert.equal("advisory\n", (single:get "/shift?by=3200"))
    box:answer { path = "/auth/refresh", delay = 3 }
    box:control("DELETE", "/log")
    local began = clock.now()
    assert.equal(200, select(2, single:get "/api/user"))
    assert.is_true(clock.now() - began < 2.5)
    assert.is_true(clock.eventually(function()
      return (single:get "/shift?by=0") == "fresh\n"
    end))
    assert.equal("POST /auth/refresh", box:seen():match "POST [^\n]*")
  end)
end)

describe("authorize without credentials to be had", function()
  it("ends the request with 503, and the log says why without a secret", function()
    assert.equal(503, select(2, server:get "/dead/user"))
    local line = server:errors():match "mic: no credentials for the request: network: [^\n]*"
    assert.is_truthy(line, server:errors())
    assert.is_nil(server:log():find "password%-of%-ours")
    assert.is_nil(server:log():find "api%-key%-of%-ours")
  end)

  it("leaves the answer to error_page", function()
    local body, status = server:get "/page/x"
    assert.equal("page", body)
    assert.equal(200, status)
  end)

  it("calls on_error instead of the log", function()
    local before = #server:errors()
    local body, status = server:get "/mine/x"
    assert.equal("network\n", body)
    assert.equal(418, status)
    assert.equal(before, #server:errors())
  end)

  it("lets the request go on when on_error says so, without any credentials", function()
    local _, status = server:get("/on/user", "-H 'Authorization: theirs'")
    assert.equal(403, status)
    assert.is_false(last().authorization)
    assert.equal(503, select(2, server:get "/off/user"))
  end)
end)

describe("authorize and observe in the wrong place", function()
  it("raise and name the phase", function()
    for path, text in pairs {
      ["/set"] = "authorize can be called only in rewrite_by_lua, access_by_lua, content_by_lua "
        .. "(current phase: set)",
      ["/log"] = "(current phase: log)",
      ["/early"] = "observe can be called only in header_filter_by_lua, "
        .. "body_filter_by_lua, log_by_lua (current phase: access)",
      ["/other"] = "authorize takes a client (got table)",
      ["/typo/x"] = 'unknown option "onerror"; known: on_error',
    } do
      server:get(path)
      assert.is_true(clock.eventually(function()
        return server:errors():find(text, 1, true)
      end), text)
    end
  end)
end)

describe("observe", function()
  it("takes a 401 to an older token as a reason to renew it, once", function()
    single:get "/api/user"
    assert.equal("fresh\n", (single:get "/shift?by=100"))
    box:expire()
    box:control("DELETE", "/log")
    assert.equal(401, select(2, single:get "/api/user"))
    assert.equal("stale\n", (single:get "/shift?by=0"))
    assert.same({ [200] = 10 }, (single:many("/api/user", 10)))
    local _, refreshes = box:seen():gsub("POST /auth/refresh", "")
    assert.equal(1, refreshes)
  end)

  it("does so at most once a minute", function()
    assert.equal("fresh\n", (single:get "/shift?by=0"))
    box:answer { path = "/user", status = 401, body = '{"message":"Unauthorized"}' }
    assert.equal(401, select(2, single:get "/api/user"))
    assert.equal("fresh\n", (single:get "/shift?by=50"))
    box:answer { path = "/user", status = 401, body = '{"message":"Unauthorized"}' }
    assert.equal(401, select(2, single:get "/api/user"))
    assert.equal("fresh\n", (single:get "/shift?by=20"))
    box:answer { path = "/user", status = 401, body = '{"message":"Unauthorized"}' }
    assert.equal(401, select(2, single:get "/api/user"))
    assert.equal("stale\n", (single:get "/shift?by=0"))
    assert.equal(200, select(2, single:get "/api/user"))
  end)

  it("does not mind other answers", function()
    assert.equal("fresh\n", (single:get "/shift?by=100"))
    assert.equal(404, select(2, single:get "/api/users/nobody"))
    assert.equal("fresh\n", (single:get "/shift?by=0"))
  end)
end)

describe("the gateway", function()
  it("writes no secret to its log", function()
    for _, secret in ipairs { box.password, box.api_key } do
      assert.is_nil(server:log():find(secret, 1, true))
      assert.is_nil(single:log():find(secret, 1, true))
    end
  end)
end)
