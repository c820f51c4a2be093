-- An nginx without a master process: it ends at a quit while calls run. Short, so that `make
-- valgrind` can run it.

local api = require "spec.support.api"
local clock = require "spec.support.clock"
local native = require "spec.support.native"
local nginx = require "spec.support.nginx"

local CONFIGURATION = [[
  location = /call { content_by_lua_block {
    local res, err = require "my_mic":get "/user"
    ngx.say(res and res.data.userName or tostring(err))
  } }
  location = /hang { lua_check_client_abort on; content_by_lua_block {
    ngx.print "begun"
    ngx.flush(true)
    require "my_mic":get "/hang"
  } }
  location = /flight { content_by_lua_block { ngx.say(require "mic.core".engine():in_flight()) } }
]]

describe("nginx in one process", function()
  it("calls, loses its clients, and ends with calls in flight", function()
    local impatient = native.load "impatient"
    local box = api.start()
    box:answer { path = "/hang", status = 200, body = "{}", delay = 60, times = 1000 }
    local server = nginx.start {
      main = "master_process off;",
      files = { ["my_mic.lua"] = nginx.client(box) },
      server = CONFIGURATION,
    }
    assert.equal("demo\n", (server:get "/call"))
    assert.same({ [200] = 20 }, (server:many("/call", 20)))
    local request = "GET /hang HTTP/1.1\r\nHost: here\r\n\r\n"
    assert.equal(20, impatient.give_up(server.port, request, 20, 0.1))
    assert.is_true((clock.eventually(function()
      return server:get "/flight" == "0\n"
    end)))
    impatient.give_up(server.port, request, 10, 0)
    server:signal "QUIT"
    local log = server:errors()
    server:stop()
    assert.equal("", log)
  end)
end)
