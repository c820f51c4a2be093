-- Quickstart: logs in and reads your own user.
--
--   make sandbox RUN="lua examples/quickstart.lua"        no account needed
--
-- With an account: set MIC_BASE_URL, MIC_API_KEY, MIC_USERNAME and MIC_PASSWORD, then run it.

local mic = require "mic"

local client = mic.assert(mic.from_env())
local session = mic.assert(client:login())

local res = mic.assert(client:get("/users/{userName}", {
  params = { userName = session.user.userName },
}))

local user = res.data
print(("%s  %s %s  %s"):format(user.userName, user.firstName, user.lastName, user.email))
