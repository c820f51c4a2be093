-- Calls in luv: each call suspends only its coroutine. Coroutines that start before uv.run need
-- `transport = "luv"`. In coroutines that start in a callback, luv is detected automatically.
--
--   make sandbox RUN="lua examples/luv.lua"

local mic = require "mic"
local uv = require "luv"

local client = mic.assert(mic.from_env { transport = "luv" })

local ticks = 0
local ticker = uv.new_timer()
ticker:start(0, 1, function()
  ticks = ticks + 1
end)

coroutine.wrap(function()
  -- The calls of a batch run in tasks of the loop.
  local requests = {}
  for _, name in ipairs { "anna", "a/b", "nobody" } do
    requests[#requests + 1] = { path = "/users/{userName}", params = { userName = name } }
  end
  for index, result in ipairs(client:batch(requests)) do
    local user, name = result.response, requests[index].params.userName
    print(("%-7s %s"):format(name, user and user.data.email or result.err.key))
  end
  ticker:close()
end)()

uv.run()
print("the loop turned meanwhile: " .. (ticks > 0 and "yes" or "no"))
