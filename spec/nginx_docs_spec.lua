-- docs/nginx.md: its whole nginx.conf works as it stands, and with all of its other blocks.

local api = require "spec.support.api"
local blocks = require "spec.support.blocks"
local clock = require "spec.support.clock"
local nginx = require "spec.support.nginx"

local PAGE = "docs/nginx.md"

describe("the configuration in " .. PAGE, function()
  local box, files = api.start(), {}
  local server, whole

  --- The sandbox instead of the page's server.
  local function localised(text)
    local host = ("xxxxxxxxxx.execute-api.eu-west-1.amazonaws.com"):gsub("%p", "%%%0")
    local authority = box.base_url:match "//([^/]*)"
    return (text:gsub("https://" .. host .. "/prod", box.base_url)
      :gsub(host .. ":443", authority)
      :gsub("Host " .. host, "Host " .. authority)
      :gsub(host, (authority:gsub(":.*", "")))
      :gsub("/etc/ssl/certs/ca%-certificates%.crt", box.ca_file)
      :gsub("/etc/nginx/lua/", "./")
      :gsub("/usr/local/share/lua/5.1/", nginx.root .. "/lua/")
      :gsub("/usr/local/lib/lua/5.1/", nginx.build() .. "/")
      :gsub("store = ", ("tls = { ca_file = %q }, %%0"):format(box.ca_file)))
  end

  --- The page's nginx.conf, with texts in addition in its blocks http and server.
  local function extended(http, locations)
    return whole:match "^(.*\n)  }\n}\n$" .. locations .. "  }\n" .. http .. "}\n"
  end

  local function start(text, module, environment)
    return nginx.start {
      whole = text,
      files = { ["my_mic.lua"] = module or files["my_mic.lua"] },
      environment = environment or ("MIC_API_KEY=%s MIC_USERNAME=%s MIC_PASSWORD=%s"):format(
        box.api_key, box.username, box.password
      ),
    }
  end

  setup(function()
    for _, block in ipairs(blocks.of(PAGE, "lua")) do
      files[block.text:match "^%-%- ([%w_]+%.lua)\n"] = localised(block.text)
    end
    local http, locations, access = {}, {}, nil
    for _, block in ipairs(blocks.of(PAGE, "nginx")) do
      local text = localised(block.text)
      if text:find "^# nginx%.conf\n" then
        whole = text
      elseif text:find "^access_by_lua_block" then
        access = text
      else
        local list = text:find "^location" and locations or http
        list[#list + 1] = text
      end
    end
    local proxied = whole:match "\n    (location /api/ {.-\n    }\n)"
    locations[#locations + 1] = proxied:gsub("/api/", "/mine/")
      :gsub("access_by_lua_block [^\n]*\n", function() return access end)
    local text = extended(table.concat(http, "\n"), table.concat(locations, "\n"))
    server = start((text:gsub("worker_processes auto", "worker_processes 2")))
  end)

  local function body_of(path)
    local body, status = server:get(path)
    assert.equal(200, status, server:errors())
    return body
  end

  it("polls once when it starts, in one of its workers", function()
    assert.is_true((clock.eventually(function()
      return #box:log() == 2
    end)))
    assert.equal("POST /auth/login\nGET /user", box:seen())
  end)

  it("answers with a call, a stream, several calls at once", function()
    assert.equal("demo\n", body_of "/name")
    assert.is_truthy(body_of("/export"):find('"userName":"anna"', 1, true))
    assert.equal("demo 200\n", body_of "/overview")
  end)

  it("passes requests on with credentials", function()
    assert.is_truthy(body_of("/api/user"):find('"userName":"demo"', 1, true))
    assert.is_truthy(body_of("/mine/user"):find('"userName":"demo"', 1, true))
  end)

  it("obeys no header of the API that is for nginx", function()
    box:answer { path = "/user", body = "{}", headers = {
      ["X-Accel-Redirect"] = "/name", ["X-Accel-Limit-Rate"] = "1", ["X-Accel-Expires"] = "9",
    } }
    assert.equal("{}", body_of "/api/user")
  end)

  it("calls after a request's end", function()
    box:control("DELETE", "/log")
    body_of "/logged"
    assert.is_true((clock.eventually(function()
      return #box:log() == 1
    end)))
    assert.equal("GET /user", box:seen())
  end)

  it("renews a token that was revoked after one failed request", function()
    box:expire()
    assert.equal(401, select(2, server:get "/api/user"))
    assert.is_truthy(body_of("/api/user"):find('"userName":"demo"', 1, true))
  end)

  it("logs in once, and logs no error", function()
    assert.equal(1, box:counters().login)
    assert.equal("", server:errors())
  end)

  describe("with its whole nginx.conf", function()
    local alone

    setup(function()
      alone = start(whole)
    end)

    it("is a gateway as it stands", function()
      box:answer { path = "/user", body = "{}", headers = { ["X-Accel-Redirect"] = "/api/users" } }
      assert.equal("{}", (alone:get "/api/user"))
      local body, status = alone:get "/api/user"
      assert.equal(200, status, alone:errors())
      assert.is_truthy(body:find('"userName":"demo"', 1, true))
    end)

    it("observes the answers", function()
      box:expire()
      assert.equal(401, select(2, alone:get "/api/user"))
      assert.equal(200, select(2, alone:get "/api/user"))
      assert.equal("", alone:errors())
    end)

    it("does not start with a mistake in its module, and names it", function()
      local keyless = "-u MIC_API_KEY MIC_USERNAME=u MIC_PASSWORD=p"
      for text, problem in pairs {
        [files["my_mic.lua"]:gsub("base_url = ", "baseURL = ")] =
          'unknown option "baseURL"; did you mean "base_url"?',
        [files["my_mic.lua"]] = "my_mic.lua:4: mic.new needs api_key",
      } do
        local ok, message = pcall(start, whole, text, keyless)
        assert.is_false(ok)
        assert.is_truthy(message:find(problem, 1, true), message)
      end
      local _, message = pcall(start, whole, nil, "-u MIC_PASSWORD MIC_API_KEY=k MIC_USERNAME=u")
      assert.is_truthy(message:find("my_mic.lua:8: MIC_PASSWORD is not set", 1, true), message)
    end)

    it("has about thirty lines", function()
      assert.is_true(select(2, whole:gsub("\n", "")) <= 42)
    end)
  end)
end)
