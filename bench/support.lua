--- Shared by the benchmarks: a client that is logged in, the same headers as lines for the C loop,
--- medians of paired rounds, one line a result.

local limit = require "limit"
local mic = require "mic"

local support = { limit = limit, ca_file = os.getenv "MIC_CA_FILE" }

--- A client that is logged in, and its headers as libcurl takes them.
function support.client()
  local client = mic.assert(mic.from_env())
  mic.assert(client:get "/user")
  local lines = {}
  for name, value in pairs(mic.assert(client:auth_headers())) do
    lines[#lines + 1] = name .. ": " .. value
  end
  return client, lines
end

function support.url(path)
  return os.getenv "MIC_BASE_URL" .. path
end

--- An instance of lua-cjson for the C loop.
function support.decode()
  return require("cjson").new().decode
end

local function quantile(sorted, share)
  return sorted[math.max(1, math.ceil(#sorted * share))]
end

--- Runs limit, ours, limit, ours, …: `rounds` ratios, each against the mean of its neighbours.
---@param rounds number
---@param theirs fun(): number
---@param ours fun(): number
---@return number[] ratios ours / theirs
function support.pair(rounds, theirs, ours)
  local ratios = {}
  local before = theirs()
  for round = 1, rounds do
    local mine = ours()
    local after = theirs()
    ratios[round] = mine / ((before + after) / 2)
    before = after
  end
  return ratios
end

--- Prints a row: median, quartiles, and the goal if there is one.
---@param what string
---@param ratios number[]
---@param goal? number
---@param at_most? boolean whether the goal is an upper limit
function support.report(what, ratios, goal, at_most)
  table.sort(ratios)
  local median = quantile(ratios, 0.5)
  local row = ("%-58s %6.3f  (%.3f .. %.3f)"):format(what, median, quantile(ratios, 0.25),
    quantile(ratios, 0.75))
  if goal then
    local met = at_most and median <= goal or not at_most and median >= goal
    row = ("%s  goal %s %.2f: %s"):format(row, at_most and "<=" or ">=", goal,
      met and "met" or "missed")
  end
  print(row)
end

return support
