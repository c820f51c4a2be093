-- The debug channel in nginx: its lines are in the error log, at the level notice.

local api = require "spec.support.api"
local clock = require "spec.support.clock"
local faults = require "spec.support.faults"
local nginx = require "spec.support.nginx"
local scratch = require "spec.support.scratch"
local shell = require "spec.support.shell"

local box = api.around()
local folder = scratch.folder()

local SERVER = [[
  location = /user { content_by_lua_block {
    local response, err = require("the_client"):get "/user"
    ngx.say(response and response.status or tostring(err))
  } }
  location = /slow { content_by_lua_block {
    local response, err = require("slow_client"):get("/x", { auth = false })
    ngx.say(response and response.status or tostring(err))
  } }
]]

local slow = faults.start(("read\nawait %s\n"):format(folder:at "told")
  .. "send HTTP/1.1 200 OK\\r\\nContent-Length: 0\\r\\n\\r\\n")

local function start(environment, options, level)
  return nginx.start {
    log_level = level or "notice",
    environment = environment,
    http = 'init_by_lua_block { require "the_client" }',
    server = SERVER,
    files = {
      ["the_client.lua"] = nginx.client(box, options),
      ["slow_client.lua"] = ([[
        require("mic.debug").patience = 0.1
        return require("mic").new { base_url = %q, api_key = "key" }
      ]]):format(slow.url),
    },
  }
end

describe("the debug channel in nginx", function()
  it("writes to the error log at notice", function()
    -- The environment is that of the master: nginx.conf has no `env` line for it.
    local server = start "MIC_DEBUG=headers"
    assert.equal("200\n", (server:get "/user"))
    local log = server:log()
    assert.is_truthy(log:find "%[notice%][^\n]* mic %d%d:%d%d:%d%d%.%d%d%d #%d+ login 200 ", log)
    assert.is_truthy(log:find "%[notice%][^\n]* #%d+ > Authorization: %*%*%* %(%d+%)", log)
    assert.is_truthy(log:find "%[notice%][^\n]* #%d+ GET /user 200 ", log)
    assert.is_nil(log:find("debug lines need", 1, true), log)
    assert.equal("", server:errors())
    for line in log:gmatch "[^\n]+" do
      assert.is_true(#line < 2048)
    end
    server:stop()
  end)

  for _, level in ipairs { "warn", "error" } do
    it("says once that the level " .. level .. " of error_log drops its lines", function()
      local server = start("MIC_DEBUG=1", nil, level)
      for _ = 1, 3 do
        assert.equal("200\n", (server:get "/user"))
      end
      local log = server:log()
      local _, notes = log:gsub("%[error%][^\n]* mic: debug lines need error_log with the level "
        .. "notice, info or debug", "")
      assert.equal(1, notes, log)
      assert.is_nil(log:find(" GET /user 200 ", 1, true), log)
      server:stop()
    end)
  end

  it("tells of a request that has no answer yet", function()
    local server = start "MIC_DEBUG=1"
    local pipe = shell.start(("curl -q -s --noproxy '*' %s/slow"):format(server.url))
    assert.is_true(clock.eventually(function()
      return server:log():find("still waiting", 1, true)
    end))
    folder:write("told", "")
    assert.equal("200\n", pipe:read "*a")
    pipe:close()
    local _, waits = server:log():gsub("GET /x … still waiting %(0%.1 s%)", "")
    assert.equal(1, waits, server:log())
    server:stop()
  end)

  it("is off without the variable, and writes to the file of MIC_DEBUG_FILE", function()
    local server = start ""
    assert.equal("200\n", (server:get "/user"))
    assert.is_nil(server:log():find(" mic ", 1, true))
    server:stop()
    server = start("MIC_DEBUG_FILE=" .. folder:at "log", "debug = true,")
    assert.equal("200\n", (server:get "/user"))
    assert.is_nil(server:log():find("#%d+ GET /user"))
    assert.is_truthy(folder:read("log"):find "#%d+ GET /user 200 ")
    server:stop()
  end)
end)
