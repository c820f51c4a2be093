-- nginx as a gateway with a hostile API or caller: 401 for every token, response headers that nginx
-- obeys, spoofed credentials in the request.

local api = require "spec.support.api"
local echo = require "spec.support.echo"
local nginx = require "spec.support.nginx"

local box, mirror = api.around(), echo.start()

local function proxy(to, ca_file)
  return nginx.proxy(to, ca_file or box.ca_file)
end

local AUTHORIZE = [[
  access_by_lua_block { require("mic.nginx").authorize(require "my_mic") }
]]

local SERVER = [[
  underscores_in_headers on;
  ignore_invalid_headers off;
  log_by_lua_block { require("mic.nginx").observe(require "my_mic") }
  location /api/ { ]] .. AUTHORIZE .. proxy(box.base_url) .. [[ }
  location /page/ {
    proxy_intercept_errors on;
    error_page 401 =502 /oops;
    ]] .. AUTHORIZE .. proxy(box.base_url) .. [[
  }
  location /silent/ {
    proxy_intercept_errors on;
    error_page 401 =200 /static;
    ]] .. AUTHORIZE .. proxy(box.base_url) .. [[
  }
  location = /oops { internal; return 502 oops; }
  location = /static { internal; return 200 static; }
  location /again/ {
    proxy_intercept_errors on;
    error_page 401 = @again;
    ]] .. AUTHORIZE .. proxy(box.base_url) .. [[
  }
  location @again {
    rewrite ^/again/(.*)$ /prod/$1 break;
    ]] .. AUTHORIZE .. proxy(box.base_url):gsub("/prod/;", ";", 1) .. [[
  }
  location /echo/ { ]] .. AUTHORIZE .. proxy(mirror.base_url) .. [[ }
  location /plain/ { return 401 theirs; }
  location = /fetch { content_by_lua_block {
    local _, err = require "my_mic":fetch(ngx.var.arg_url)
    ngx.say(err.message)
  } }
  location = /call { content_by_lua_block {
    local res, err = require "my_mic":get(ngx.var.arg_path)
    ngx.status = res and 200 or err.status or 500
    ngx.say(tostring(err))
  } }
]]

local MAIN = nginx.client(box, 'store = mic.store.shared_dict "mic_credentials"')

local function start(workers)
  return nginx.start {
    workers = workers,
    http = "lua_shared_dict mic_credentials 1m;",
    files = { ["my_mic.lua"] = MAIN },
    server = SERVER,
  }
end

local EXPIRED = '{"message":"The incoming token has expired"}'

describe("a gateway", function()
  local server

  before_each(function()
    server = start(1)
    server:get "/api/user"
    box:control("DELETE", "/log")
  end)

  local function status_of(path)
    return select(2, server:get(path))
  end

  local function count(entry)
    return select(2, box:seen():gsub(entry, ""))
  end

  it("loses one request to a token that is revoked in its first minute", function()
    box:expire()
    assert.equal(401, status_of "/api/user")
    for _ = 1, 5 do
      assert.equal(200, status_of "/api/user")
    end
    assert.equal(1, count "POST /auth/refresh")
  end)

  it("spends one refresh a minute on answers that are always 401", function()
    for _ = 1, 10 do
      box:answer { path = "/user", status = 401, body = '{"message":"Unauthorized"}' }
      assert.equal(401, status_of "/api/user")
      assert.equal(200, status_of "/api/users/anna")
    end
    assert.equal(1, count "POST /auth/refresh")
  end)

  it("goes on with the token while the API cannot renew it", function()
    box:answer { path = "/user", status = 401, body = "{}" }
    box:answer { path = "/auth/refresh", status = 503, times = 9 }
    assert.equal(401, status_of "/api/user")
    for _ = 1, 3 do
      assert.equal(200, status_of "/api/user")
    end
  end)

  it("spends one refresh a minute on calls whose answer is always expired", function()
    box:answer { path = "/user", status = 401, body = EXPIRED, times = 12 }
    for _ = 1, 10 do
      assert.equal(401, status_of "/call?path=/user")
      assert.equal(200, status_of "/call?path=/users/anna")
    end
    assert.equal(1, count "POST /auth/refresh")
  end)

  it("sees the 401 that error_page hides, at the level of the server", function()
    for path, body in pairs { ["/page/user"] = "oops", ["/silent/user"] = "static" } do
      server:stop()
      server = start(1)
      server:get "/api/user"
      box:expire()
      box:control("DELETE", "/log")
      assert.equal(body, (server:get(path)))
      assert.equal(200, status_of "/api/user")
      assert.equal(1, count "POST /auth/refresh")
    end
  end)

  it("sees the last answer where error_page sent the request again", function()
    box:answer { path = "/user", status = 401, body = "{}" }
    assert.equal(200, status_of "/again/user")
    assert.equal("GET /user\nGET /user", box:seen())
    box:control("DELETE", "/log")
    assert.equal(200, status_of "/api/user")
    assert.equal("GET /user", box:seen())
    box:expire()
    assert.equal(401, status_of "/again/user")
    assert.equal(200, status_of "/again/user")
  end)

  it("does not mind a 401 that is nginx's own", function()
    assert.equal(401, status_of "/plain/x")
    assert.equal(200, status_of "/api/user")
    assert.equal("GET /user", box:seen())
  end)

  it("follows no redirect from https to http in its calls", function()
    local url = box.control_url .. "/counters"
    box:answer { path = "/user", status = 302, headers = { Location = url } }
    assert.equal("redirect to " .. url .. " was not followed: it leads from https to http\n",
      (server:get("/fetch?url=" .. box.base_url .. "/user")))
  end)

  it("refuses a path with dots that the API may resolve, with our credentials", function()
    for _, path in ipairs {
      "/api/..;/x", "/api/..%3bx", "/api/a/..%5cx", "/api/a\\..\\x", "/api/%252e%252e/x",
      "/api/..%252fx", "/api/a%5c.", "/api/.;", "/api/..%3fx", "/api/a%255c..", "/api/..%2500",
    } do
      assert.equal(400, select(2, server:get(path, "--path-as-is")), path)
    end
    assert.equal("", box:seen())
    for _, path in ipairs { "/api/a/../users/anna", "/api/./users/anna", "/api/users/%61nna" } do
      assert.equal(200, select(2, server:get(path, "--path-as-is")), path)
    end
    for _, path in ipairs { "/api/users/.x", "/api/users/a..b", "/api/users/a%25" } do
      assert.equal(404, select(2, server:get(path, "--path-as-is")), path)
    end
  end)

  it("drops the caller's spellings with _ where nginx passes them on", function()
    local theirs = {}
    for _, name in ipairs {
      "x_api_key", "X-Api_Key", "x_API-key", "X-API-KEY", "authorization", "IDENTITYID",
      "x_other",
    } do
      theirs[#theirs + 1] = ("-H '%s: theirs'"):format(name)
    end
    local text, status = server:get("/echo/x", table.concat(theirs, " "))
    assert.equal(200, status, server:errors())
    local seen = {}
    for name, value in pairs(echo.parse(text).headers) do
      if value == "theirs" or type(value) == "table" then
        seen[#seen + 1] = name
      end
    end
    assert.same({ "x_other" }, seen)
  end)
end)

describe("the workers of a gateway", function()
  local own = api.start()
  local server

  it("lose one request to a revoked token, and share the limit", function()
    local main = nginx.client(own, 'store = mic.store.shared_dict "mic_credentials"')
    server = nginx.start {
      workers = 4,
      http = "lua_shared_dict mic_credentials 1m;",
      files = { ["my_mic.lua"] = main },
      server = "log_by_lua_block { require('mic.nginx').observe(require 'my_mic') }"
        .. "location /api/ { " .. AUTHORIZE .. proxy(own.base_url, own.ca_file) .. " }",
    }
    for _ = 1, 4 do
      server:many("/api/user", 20)
    end
    own:expire()
    own:control("DELETE", "/log")
    assert.equal(401, select(2, server:get "/api/user"))
    for _ = 1, 40 do
      assert.equal(200, select(2, server:get "/api/user"))
    end
    for _ = 1, 20 do
      own:answer { path = "/user", status = 401, body = "{}" }
      assert.equal(401, select(2, server:get "/api/user"))
    end
    assert.equal(200, select(2, server:get "/api/user"))
    assert.equal(1, select(2, own:seen():gsub("POST /auth/refresh", "")))
  end)
end)
