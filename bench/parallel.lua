--- Benchmark: 64 calls at once, rate against curl_multi in C.

local support = require "support"

local limit, COUNT, ROUNDS = support.limit, 64, tonumber(os.getenv "ROUNDS" or 60)
local client, lines = support.client()
local decode = support.decode()
local loop = limit.parallel(support.url "/users/demo", lines, support.ca_file)

local requests = { concurrency = COUNT }
for index = 1, COUNT do
  requests[index] = { path = "/users/demo" }
end

local function clocked(work)
  return function()
    local begin = limit.now()
    work()
    return 1 / (limit.now() - begin)
  end
end

local theirs = clocked(function()
  limit.get_parallel(loop, COUNT, nil, decode)
end)
local ours = clocked(function()
  for _, result in ipairs(client:batch(requests)) do
    assert(result.response.data.email)
  end
end)

theirs()
ours()
local ratios = support.pair(ROUNDS, theirs, ours)
support.report("rate of 64 calls at once / C curl_multi + cjson", ratios, 0.95)
