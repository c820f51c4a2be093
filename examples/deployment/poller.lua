-- A program that keeps running: one call every INTERVAL seconds (60 by default), until a signal
-- ends it. It continues after a failed call: the client logs in again when it may.
-- docs/deployment.md shows how to run it as a service and in a container.

local mic = require "mic"

local interval = tonumber(os.getenv "INTERVAL" or 60)
local client = mic.assert(mic.from_env { store = mic.store.file() })
io.stdout:setvbuf "line"

repeat
  local response, err = client:get "/user"
  if response then
    print(response.data.userName)
  else
    io.stderr:write(tostring(err), "\n")
  end
  local slept = os.execute(("exec sleep %d"):format(interval))
until slept ~= true and slept ~= 0 -- a signal ended it
client:close()
