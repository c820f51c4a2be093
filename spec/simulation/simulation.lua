--- Runs one world from its seed until a number of tokens have expired; then it ends all faults, and
--- every client has to work again.

local api = require "spec.simulation.api"
local caller = require "spec.simulation.caller"
local happenings = require "spec.simulation.happenings"
local invariants = require "spec.simulation.invariants"
local network = require "spec.simulation.network"
local process = require "spec.simulation.process"
local random = require "spec.simulation.random"
local rows = require "spec.simulation.rows"
local scenario = require "spec.simulation.scenario"
local store = require "spec.simulation.store"
local weather = require "spec.simulation.weather"
local world_module = require "spec.simulation.world"

local simulation = {}

local SLICE = 20 -- seconds between two looks at what should have ended
local RECOVERY = 300 -- seconds after which nothing of what was wrong is felt
local LONG_RECOVERY = 4000 -- where a password was refused that is right
local LONGEST = 20000 -- seconds of a world per expiry

local function make_group(run, number)
  local group = {
    user = "user" .. number,
    processes = {},
    in_flight = {},
    failure = nil,
    refused = {}, -- by password: process, life, at, times (in a row)
    refused_lately = {}, -- by password: when
    left_at = -1, -- time of the last logout
    helped_at = -1000,
    store = store.new(run.world, run.weather, run.random:branch(), scenario.store(run.random)),
  }
  group.store.watcher = run.services.checker
  local password = "password-" .. require("spec.simulation.token").MARK
  run.services.api:add_account(group.user, password)
  local count = run.random:whole(1, 4)
  for index = 1, count do
    local name = ("p%d.%d"):format(number, index)
    local settings =
      scenario.process(run.random, name, run.settings.api.lifetime, count * 2)
    if settings.password == "none" and not run.services.row.refreshes then
      settings.password = "text" -- otherwise each token would need a login by a person
    end
    local made = process.new(run.services, run.random:branch(), group, settings)
    made.configured = password
    run.processes[#run.processes + 1] = made
  end
  return group
end

--- Builds a world.
local function build(seed, plants, row)
  local generator = random.new(seed)
  local settings = scenario.world(generator)
  local world = world_module.new()
  local sky = weather.new(world, generator:branch(), settings.weather)
  local services = { world = world, plants = plants, row = row }
  settings.row = row.name
  if not row.refreshes then
    settings.api.mode = "none"
  end
  services.api = api.new(world, settings.api)
  services.network = network.new(world, sky, generator:branch(), settings.network)
  services.checker = invariants.new(world, services.api, plants.rule)
  local run = {
    random = generator,
    settings = settings,
    world = world,
    weather = sky,
    services = services,
    groups = {},
    processes = {},
  }
  for number = 1, settings.groups do
    run.groups[number] = make_group(run, number)
  end
  run.happenings =
    happenings.new(world, generator:branch(), services, run.groups, settings.happenings)
  function world.failed(task, problem)
    services.checker:raised(task, problem)
  end
  return run
end

local function pass(run, seconds)
  local ends = run.world.now + seconds
  while run.world.now < ends and not run.world.stopped do
    run.world:run(math.min(SLICE, ends - run.world.now))
    run.services.checker:sweep(run.processes)
  end
end

--- Runs until the faults have no effect any more.
local function recover(run)
  local seconds = RECOVERY
  for _, made in ipairs(run.processes) do
    if run.services.checker:holds_back(made) then
      seconds = LONG_RECOVERY
    end
  end
  pass(run, seconds)
end

--- A client works; one without a password may need a login by a person first.
local function visit(made, index)
  local ok, err = caller.call(made, index, "call")
  if not ok and err.kind == "auth" and not made:password() then
    ok = caller.log_in(made, index)
    if ok then
      ok, err = caller.call(made, index, "call")
    end
  end
  if not ok then
    local text = ("%s: %s"):format(made.name, tostring(err))
    made.checker:violate("every client recovers", text)
  end
end

--- Every client works, one after the other.
local function check_recovery(run)
  for _, made in ipairs(run.processes) do
    for index = 1, #made.clients do
      run.world:spawn(made.life, "visitor", caller.alone, made, visit, index)
    end
    pass(run, 100)
  end
end

--- Runs a world.
---@param seed number whole
---@param options? table expiries (how many tokens have their time, 100), plants (a bug: see there),
--- history (how many of the last events), row (its name; otherwise by lot)
---@return table result seed, broken (rule, text, at), renewals, calls, failures, seconds, history,
--- noise
function simulation.run(seed, options)
  options = options or {}
  local run = build(seed, options.plants or {}, rows.of(seed, options.row))
  local world, checker, found = run.world, run.services.checker, run.services.api
  for _, made in ipairs(run.processes) do
    made:start()
  end
  local wanted = options.expiries or 100
  while found.renewals < wanted and world.now < LONGEST * wanted and not world.stopped do
    pass(run, 10 * SLICE)
  end
  if not world.stopped then
    run.weather:heal()
    run.happenings:heal()
    recover(run)
    check_recovery(run)
    pass(run, run.settings.api.lifetime + RECOVERY)
    check_recovery(run)
  end
  for _, made in ipairs(run.processes) do
    made:kill "at the end"
  end
  return {
    seed = seed,
    broken = checker.broken,
    renewals = found.renewals,
    calls = checker.calls,
    failures = checker.failures,
    seconds = world.now,
    history = world:history(options.history),
    noise = world.noise or 0,
    settings = run.settings,
  }
end

return simulation
