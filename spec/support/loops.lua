--- Loops for the transport conformance test: each runs a function in a task, passes functions that
--- start further tasks and sleep, and returns when all tasks have ended.

local blocks = require "spec.support.blocks"
local clock = require "spec.support.clock"
local cqueues = require "cqueues"
local uv = require "luv"

local loops = {}

--- The custom loop of docs/event-loops.md, without the calls at its end.
local function documented_loop()
  for _, block in ipairs(blocks.of("docs/event-loops.md", "lua")) do
    local text = block.text:match '^(.-)local mic = require "mic"\nlocal client = [^\n]*loop }'
    if text then
      return assert((loadstring or load)(text .. "\nreturn loop"))() -- luacheck: ignore
    end
  end
  error "docs/event-loops.md has no custom loop"
end

local function run_blocking(main)
  main(function(task, ...)
    task(...)
  end, clock.sleep)
end

local function run_cqueues(main)
  local controller = cqueues.new()
  controller:wrap(main, function(task, ...)
    controller:wrap(task, ...)
  end, cqueues.sleep)
  local ok, problem = controller:loop()
  if not ok then
    error(problem, 0)
  end
end

local function sleep_luv(seconds)
  local task, timer = coroutine.running(), uv.new_timer()
  timer:start(math.ceil(seconds * 1000), 0, function()
    timer:close()
    assert(coroutine.resume(task))
  end)
  coroutine.yield()
end

local function spawn_luv(task, ...)
  assert(coroutine.resume(coroutine.create(task), ...))
end

--- Starts in a callback of the loop, so that it can be found.
local function run_luv(main)
  local timer = uv.new_timer()
  timer:start(0, 0, function()
    timer:close()
    spawn_luv(main, spawn_luv, sleep_luv)
  end)
  uv.run()
end

local own = documented_loop()

local function run_own(main)
  own.spawn(main, own.spawn, function(seconds)
    local ends = clock.now() + seconds
    while clock.now() < ends do
      own.park({}, ends - clock.now())
    end
  end)
  own.run()
end

--- name, transport (the option), suspends, run(main)
loops.all = {
  { name = "blocking", transport = "blocking", run = run_blocking },
  { name = "cqueues, found", run = run_cqueues, suspends = true },
  { name = "cqueues", transport = "cqueues", run = run_cqueues, suspends = true },
  { name = "luv, found", run = run_luv, suspends = true },
  { name = "luv", transport = "luv", run = run_luv, suspends = true },
  { name = "a loop of one's own", transport = own, run = run_own, suspends = true },
}

--- The loop of the documentation.
loops.own = own

return loops
