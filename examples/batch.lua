-- Sends many calls in parallel, over one connection if the server supports HTTP/2. Each call has
-- its own result. A failure does not affect the others.
--
--   make sandbox RUN="lua examples/batch.lua"

local mic = require "mic"

local client = mic.assert(mic.from_env())

local requests = { concurrency = 8 } -- default: 16
for _, name in ipairs { "anna", "a/b", "100%", "nobody" } do
  requests[#requests + 1] = {
    path = "/users/{userName}",
    params = { userName = name },
    query = { attributes = "userName,email" },
  }
end

-- Returns when the last call has ended. The results are in the order of the requests.
for index, result in ipairs(client:batch(requests)) do
  local asked = requests[index].params.userName
  if result.response then
    print(("%-7s %s"):format(asked, result.response.data.email))
  else
    print(("%-7s %s"):format(asked, result.err.key))
  end
end

-- All calls share one login.
local counters = client:status().counters
print(("%d calls, %d login, %d retries"):format(counters.calls, counters.logins, counters.retries))
