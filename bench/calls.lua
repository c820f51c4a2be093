--- The same work as limit.c by this client; prints the CPU seconds of the process.

local mic = require "mic"
local count = tonumber(arg[1] or 1000)
local client = mic.assert(mic.from_env())
client:use_credentials { token = os.getenv "BENCH_TOKEN", identityId = os.getenv "BENCH_IDENTITY" }

local function get()
  local response = mic.assert(client:get("/users/{userName}", { params = { userName = "demo" } }))
  assert(response.data.email)
end

for _ = 1, 10 do
  get()
end
local begin = os.clock()
for _ = 1, count do
  get()
end
print(("%.6f"):format(os.clock() - begin))
