--- Benchmark: a download of 512 MB into a file, rate and memory against the fastest known C loop.
--- `download.lua ours|theirs` does one of them and prints its seconds and its peak of memory in KB;
--- without an argument it runs both in turns.

local mic = require "mic"
local support = require "support"

local limit, ROUNDS = support.limit, tonumber(os.getenv "ROUNDS" or 7)
local target = os.getenv "BENCH_TARGET"

local one = {}

function one.ours()
  local client = mic.new { base_url = os.getenv "BENCH_FILES", api_key = "none" }
  local begin = limit.now()
  mic.assert(client:get("/large", { save_to = target, auth = false }))
  return limit.now() - begin
end

function one.theirs()
  local begin = limit.now()
  limit.download(os.getenv "BENCH_FILES" .. "/large", {}, support.ca_file, target)
  return limit.now() - begin
end

if one[arg[1]] then
  local seconds = one[arg[1]]()
  print(("%.6f %d"):format(seconds, limit.peak_memory()))
  os.exit(0)
end

local peak = {}

local function run(which)
  return function()
    os.remove(target) -- or the pages of the old file would count in the next run
    local pipe = assert(io.popen(("%s bench/download.lua %s"):format(os.getenv "LUA", which)))
    local seconds, memory = pipe:read("*n", "*n")
    pipe:close()
    peak[which] = math.max(peak[which] or 0, memory)
    return 1 / seconds
  end
end

run "theirs"()
local ratios = support.pair(ROUNDS, run "theirs", run "ours")
support.report("rate of 512 MB into a file / best C", ratios, 0.97)
os.remove(target)
local above = (peak.ours - peak.theirs) / 1024
print(
  ("%-58s %6.2f MB%21sgoal <= 2: %s"):format(
    "  memory above the C program's peak",
    above,
    "",
    above <= 2 and "met" or "missed"
  )
)
