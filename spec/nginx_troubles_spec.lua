-- Dead connections and a lack of descriptors in an nginx worker.

local api = require "spec.support.api"
local nginx = require "spec.support.nginx"
local relay = require "spec.support.relay"

local CONFIGURATION = [[
  location = /call { content_by_lua_block {
    local options = { timeout = tonumber(ngx.var.arg_timeout) }
    local res, err = require "the_client":get("/metadata/x", options)
    ngx.say(res and ("%d after %d"):format(res.status, res.attempts) or tostring(err))
  } }
  location = /hog { content_by_lua_block {
    local client, files = require "the_client", {}
    client:logout()
    repeat
      local file = io.open "."
      files[#files + 1] = file
    until not file
    local res, err = client:get("/metadata/x", { retry = false })
    for _, file in ipairs(files) do
      file:close()
    end
    ngx.say(res and res.status or err.kind .. " " .. tostring(err.code))
  } }
]]

describe("an nginx worker", function()
  local box = api.around()
  local path, server

  before_each(function()
    path = relay.start(box.base_url)
    box:answer { path = "/metadata/x", status = 200, body = "{}", times = 99 }
    server = nginx.start {
      main = "worker_rlimit_nofile 64;",
      files = { ["the_client.lua"] = nginx.client({
        base_url = path.url,
        api_key = box.api_key,
        username = box.username,
        password = box.password,
        ca_file = box.ca_file,
      }, "timeout = 20, retry = { base = 0.01 }"):gsub("retry = false,", "") },
      server = CONFIGURATION,
    }
  end)

  it("leaves a connection that is dead", function()
    assert.are.equal("200 after 1\n", (server:get "/call"))
    path.drop()
    assert.are.equal("200 after 2\n", (server:get "/call?timeout=1"))
    assert.are.equal("200 after 1\n", (server:get "/call"))
    assert.are.equal(2, path.opened())
    assert.are.equal("", server:errors())
  end)

  it("leaves it for all requests that wait on it", function()
    assert.are.equal("200 after 1\n", (server:get "/call"))
    path.drop()
    assert.are.same({ [200] = 20 }, (server:many("/call?timeout=1", 20)))
    assert.are.equal("200 after 1\n", (server:get "/call"))
  end)

  it("returns an error without free descriptors, and works once there are some", function()
    assert.are.equal("network EMFILE\n", (server:get "/hog"))
    assert.are.equal("200 after 1\n", (server:get "/call"))
  end)
end)
