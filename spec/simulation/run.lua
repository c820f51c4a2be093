-- make simulate: runs worlds, one seed after the other, until a number of tokens have expired or a
-- time has passed. The first violation ends the run and prints the seed that replays it.
--
--   lua spec/simulation/run.lua [seed=N] [worlds=N] [expiries=N] [seconds=N] [each=N] [history=N]
--
-- With only a seed, that world runs; `each` is the number of expiries after which a world is
-- healed.

local core = require "mic.core"
local simulation = require "spec.simulation.simulation"

local USAGE = "seed=N worlds=N expiries=N seconds=N each=N history=N"
local EACH = 150
local DEFAULT = 100000

local function read_arguments()
  local options = {}
  for _, word in ipairs(arg) do
    local name, value = word:match "^(%l+)=(%d+)$"
    if not name then
      io.stderr:write(("what is %q? %s\n"):format(word, USAGE))
      os.exit(2)
    end
    options[name] = tonumber(value)
  end
  if options.seed and not options.expiries and not options.seconds then
    options.worlds = options.worlds or 1
  end
  return options
end

local options = read_arguments()

local function show(result)
  print(("\nseed %d, profile %s: %s"):format(
    result.seed, result.settings.row, result.broken.rule))
  print(("at %.5f s: %s\n"):format(result.broken.at, result.broken.text))
  print(table.concat(result.history, "\n"))
  if result.noise > 0 then
    print(("the machine held this run up %d times; it may not replay"):format(result.noise))
  end
  local each = options.each and " EACH=" .. options.each or ""
  print(("\nreplay: make simulate SEED=%d%s"):format(result.seed, each))
end

local began = core.now()
local seed, worlds, renewals, calls, failures, simulated = options.seed or 1, 0, 0, 0, 0, 0
local most_worlds = options.worlds or math.huge
local most_expiries = options.expiries or (options.seconds and math.huge) or DEFAULT
local most_seconds = options.seconds or math.huge

while worlds < most_worlds and renewals < most_expiries and core.now() - began < most_seconds do
  local result = simulation.run(seed, {
    expiries = options.each or EACH,
    history = options.history,
  })
  worlds, renewals = worlds + 1, renewals + result.renewals
  calls, failures = calls + result.calls, failures + result.failures
  simulated = simulated + result.seconds
  if result.broken then
    show(result)
    os.exit(1)
  end
  seed = seed + 1
end
print(("%d worlds, %d expiries, %d calls (%d failed, each with a reason)"):format(
  worlds, renewals, calls, failures))
print(("%.1f simulated days in %.1f s"):format(simulated / 86400, core.now() - began))
