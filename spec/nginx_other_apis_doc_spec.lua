-- The gateway of docs/other-apis.md: its client and its whole nginx.conf work as the page says.

local api = require "spec.support.api"
local blocks = require "spec.support.blocks"
local nginx = require "spec.support.nginx"

local PAGE = "docs/other-apis.md"

describe("the gateway in " .. PAGE, function()
  local box = api.start()
  local module, whole, server

  --- The sandbox instead of the page's servers, and the folders of this checkout.
  local function localised(text)
    local authority = box.base_url:match "//([^/]*)"
    return (text:gsub("https://api%.example%.com/v1", box.base_url)
      :gsub("https://id%.example%.com", box.base_url)
      :gsub("https://api/v1", "https://api/prod")
      :gsub("api%.example%.com:443", authority)
      :gsub("Host api%.example%.com", "Host " .. authority)
      :gsub("api%.example%.com", (authority:gsub(":.*", "")))
      :gsub('client_id = "gateway"', 'client_id = "demo"')
      :gsub("store = ", ("tls = { ca_file = %q }, %%0"):format(box.ca_file))
      :gsub("/etc/ssl/certs/ca%-certificates%.crt", box.ca_file)
      :gsub("/etc/nginx/lua/", "./")
      :gsub("/usr/local/share/lua/5.1/", nginx.root .. "/lua/")
      :gsub("/usr/local/lib/lua/5.1/", nginx.build() .. "/"))
  end

  setup(function()
    box:mode { profile = "oauth2" }
    for _, block in ipairs(blocks.read(PAGE)) do
      if block.text:find "^%-%- my_api%.lua" then
        module = localised(block.text)
      elseif block.text:find "^# nginx%.conf\n" then
        whole = localised(block.text)
      end
    end
    server = nginx.start {
      whole = whole:gsub("worker_processes auto", "worker_processes 2"),
      files = { ["my_api.lua"] = module },
      environment = "API_CLIENT_SECRET=" .. box.password,
    }
  end)

  it("adds a token to requests, and gets one for all workers", function()
    for _ = 1, 6 do
      local body, status = server:get "/api/thing"
      assert.equal(200, status, server:errors())
      assert.is_truthy(body:find('"ok":true', 1, true), body)
    end
    local logins = 0
    for _, entry in ipairs(box:log()) do
      logins = logins + (entry.path:find("/oauth2/token", 1, true) and 1 or 0)
    end
    assert.equal(1, logins)
  end)

  it("gets another one after one failed request when the API refuses it", function()
    box:expire()
    assert.equal(401, select(2, server:get "/api/thing"))
    assert.equal(200, select(2, server:get "/api/thing"))
    assert.equal("", server:errors())
  end)
end)

describe("authorize with a profile of its own", function()
  local server = nginx.start {
    files = { ["my_api.lua"] = [[
      return require "mic".new { base_url = "https://localhost", values = { key = "ours" },
        profile = { name = "own", headers = { "X.Api-Key: {key}", "X-Api-Key: {key}" } } }
    ]] },
    server = [[
      underscores_in_headers on;
      location / {
        access_by_lua_block { require("mic.nginx").authorize(require "my_api") }
        content_by_lua_block {
          for name, value in pairs(ngx.req.get_headers(0, true)) do
            if name:lower():find "api" then ngx.say(name, "=", value) end
          end
        }
      }
    ]],
  }

  it("sets headers of any name, and removes the caller's", function()
    local body, status = server:get("/",
      "-H 'X.Api-Key: theirs' -H 'X_Api_Key: theirs' -H 'X.Api_Key: theirs'")
    assert.equal(200, status, server:errors())
    local lines = {}
    for line in body:gmatch "[^\n]+" do
      lines[#lines + 1] = line
    end
    table.sort(lines)
    assert.same({ "X-Api-Key=ours", "X.Api-Key=ours" }, lines)
  end)
end)
