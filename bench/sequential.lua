--- Benchmark: small authenticated GETs over a kept TLS connection, CPU against the C loop.

local mic = require "mic"
local support = require "support"

--- Calls per turn: enough that a cold cache after the other turn counts little.
local COUNT = 200
local limit, ROUNDS = support.limit, tonumber(os.getenv "ROUNDS" or 30)
local client, lines = support.client()
local decode = support.decode()
local loop = limit.sequential(support.url "/users/demo", lines, support.ca_file)

local function theirs()
  return limit.get(loop, COUNT, nil, decode)
end

local function measured(get)
  return function()
    local begin, email = limit.cpu(), nil
    for _ = 1, COUNT do
      email = mic.assert(get()).data.email
    end
    local seconds = limit.cpu() - begin
    assert(email)
    return seconds
  end
end

local plain = measured(function()
  return client:get "/users/demo"
end)
local params = measured(function()
  return client:get("/users/{userName}", { params = { userName = "demo" } })
end)
local options = measured(function()
  return client:get("/users/demo", { query = { size = 1 }, timeout = 20 })
end)

local function compare(what, ours)
  support.report(what, support.pair(ROUNDS, theirs, ours), 1.05, true)
end

theirs()
plain()
compare("CPU of a call / C loop + cjson", plain)
compare("  the same with params", params)
compare("  the same with a query and a timeout", options)
