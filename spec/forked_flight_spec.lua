-- A process that forks in the middle of a login: the child has a copy of a flight that will never
-- end there, and must not wait for it.

local api = require "spec.support.api"
local puppet = require "spec.support.puppet"
local scratch = require "spec.support.scratch"

describe("a child that was forked in the middle of a login", function()
  local sandbox, folder

  setup(function()
    sandbox = api.start()
  end)

  teardown(function()
    sandbox:stop()
  end)

  before_each(function()
    sandbox:reset()
    folder = scratch.folder()
  end)

  after_each(function()
    folder:remove()
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
