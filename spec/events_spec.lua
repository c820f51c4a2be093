-- Events of a call, and an `on_event` that raises.

local api = require "spec.support.api"
local cleanup = require "spec.support.cleanup"

describe("an event of a call", function()
  local box = api.around()

  it("has the number of its call, the query without secrets, and rounded seconds", function()
    local seen = {}
    local client = box:logged_in { retry = { base = 0.001 }, on_event = function(event)
      seen[#seen + 1] = event
    end }
    for index = #seen, 1, -1 do
      seen[index] = nil
    end
    local token = client:credentials().token
    box:answer { path = "/user", status = 503 }
    assert(client:get("/user?size=1", { query = { q = token } }))
    assert(client:get "/user")
    local types, numbers = {}, {}
    for index, event in ipairs(seen) do
      types[index], numbers[index] = event.type, event.call - seen[1].call
    end
    assert.same({ "request", "response", "retry", "request", "response", "request", "response" },
      types)
    assert.same({ 0, 0, 0, 0, 0, 1, 1 }, numbers)
    assert.equal("size=1&q=***", seen[1].query)
    assert.equal("size=1&q=***", seen[3].query)
    assert.is_nil(seen[6].query)
    for _, event in ipairs(seen) do
      assert.equal("/user", event.path)
      local seconds = event.seconds or event.delay or 0
      assert.is_true(math.abs(seconds * 1e4 - math.floor(seconds * 1e4 + 0.5)) < 1e-6)
    end
    client:close()
  end)

  it("of a login or refresh has a number of its own", function()
    local seen = {}
    local client = box:automatic { on_event = function(event)
      seen[#seen + 1] = event
    end }
    assert(client:get "/user")
    box:expire()
    assert(client:get "/user")
    local numbers = {}
    for index, event in ipairs(seen) do
      numbers[index] = ("%s %s"):format(event.type, event.call - seen[1].call)
      local seconds = event.seconds or 0
      assert.is_true(math.abs(seconds * 1e4 - math.floor(seconds * 1e4 + 0.5)) < 1e-6)
    end
    assert.equal("request 0 response 0 login 0 request 1 response 1 request 2 response 2 "
      .. "request 3 response 3 refresh 3 request 2 response 2", table.concat(numbers, " "))
    client:close()
  end)

  it("shows no secret when on_event raises one", function()
    local shown = cleanup.stderr()
    local client
    client = box:automatic { on_event = function()
      error(setmetatable({}, { __tostring = function()
        return "a\n" .. box.password .. " " .. ((client:credentials() or {}).token or "")
      end }))
    end }
    assert(client:get "/user")
    assert(client:get "/user")
    local problem = client:status().event_error
    assert.is_truthy(problem:find("^a %*%*%* %*%*%*"), problem)
    assert.equal(1, #shown)
    assert.is_nil(shown[1]:find(box.password, 1, true))
  end)
end)
