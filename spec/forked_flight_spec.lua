-- Fork: during a login the child has a copy of a flight that never ends there, and must not wait
-- for it; between two calls it has copies of open connections.

local api = require "spec.support.api"
local puppet = require "spec.support.puppet"
local scratch = require "spec.support.scratch"

describe("a child that was forked in the middle of a login", function()
  local sandbox = api.around()
  local folder

  before_each(function()
    folder = scratch.folder()
  end)

  for _, place in ipairs { "mic.store.memory()", "mic.store.file { path = PATH }" } do
    it("makes its own, and its parent goes on; " .. place:match "^[%w.]+", function()
      local code = ([[
        local child
        local client = mic.new {
          base_url = %q, api_key = %q, tls = { ca_file = %q }, username = %q, deadline = 8,
          store = STORE,
          password = function()
            if not child then
              child = tell "fork"
              if child == 0 then
                local response, err = client:get "/user"
                io.stderr:write(tostring(err), "\n")
                tell("exit:" .. (response and response.status - 200 or 1))
              end
            end
            return %q
          end,
        }
        local response = assert(client:get "/user")
        print(response.status, tell("wait:" .. child))
      ]]):format(sandbox.base_url, sandbox.api_key, sandbox.ca_file, sandbox.username,
        sandbox.password)
      code = code:gsub("STORE", place):gsub("local client = ", "local client\nclient = ", 1)
      assert.is_truthy(puppet.lua(folder, code):find "200\t0\n")
    end)
  end
end)

describe("a client that was forked between two calls", function()
  it("makes a connection of its own; its end does not touch the parent's", function()
    local sandbox = api.start()
    local dropped = "client = nil collectgarbage() collectgarbage()"
    for _, ending in ipairs { "client:close()", dropped } do
      sandbox:reset()
      local printed = sandbox:run([[
        local process = require("spec.support.native").load "process"
        local client = require("mic").from_env()
        local function get()
          local response = assert(client:get "/user")
          return response.status, response.new_connection
        end
        print(get())
        io.stdout:flush()
        local child = process.fork()
        if child == 0 then
          print("child", get())
          io.stdout:flush()
          ]] .. ending .. [[

          process.leave(0)
        end
        print(process.wait(child), get())
      ]])
      assert.are.equal("200\tfalse\nchild\t200\ttrue\n0\t200\tfalse\n", printed)
      local counters = sandbox:counters()
      assert.are.equal(1, counters.login)
      assert.are.equal(2, counters.connections)
    end
    sandbox:stop()
  end)
end)
