-- Many calls at once: in parallel, over one connection where the server speaks HTTP/2. Each has its
-- own result, so one that fails does not disturb the others.
--
--   make sandbox RUN="lua examples/batch.lua"

local mic = require "mic"

local client = mic.assert(mic.from_env())

local requests = { concurrency = 8 } -- 16 when it is not given
for _, name in ipairs { "anna", "a/b", "100%", "nobody" } do
  requests[#requests + 1] = {
    path = "/users/{userName}",
    params = { userName = name },
    query = { attributes = "userName,email" },
  }
end

-- Returns when the last one has ended. The results come in the order of the requests.
for index, result in ipairs(client:batch(requests)) do
  local asked = requests[index].params.userName
  if result.response then
    print(("%-7s %s"):format(asked, result.response.data.email))
  else
    print(("%-7s %s"):format(asked, result.err.key))
  end
end

-- One login for all of them.
local counters = client:status().counters
print(("%d calls, %d login, %d retries"):format(counters.calls, counters.logins, counters.retries))
