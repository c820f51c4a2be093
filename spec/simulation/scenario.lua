--- Scenario: the settings of a world, derived from its seed.

local scenario = {}

--- A token ends half a tick after a whole second: see the world's ticks.
local HALF_TICK = require("spec.simulation.world").TICK / 2

local lifetimes = { 120, 180, 300, 300, 600, 900, 1800, 3600 }

--- Draws the settings of a world.
---@param random table
---@return table settings api, weather, network, happenings
function scenario.world(random)
  local calm = random:chance(0.1)
  local lifetime = random:pick(lifetimes) + HALF_TICK
  return {
    api = {
      mode = random:pick { "echo", "rotate", "rotate", "omit" },
      lifetime = lifetime,
      grace = random:pick { 0, 0, 10, 60 },
      reuse_revokes = random:chance(0.5),
    },
    weather = { roughness = calm and 0 or random:between(0.1, 1), lifetime = lifetime },
    network = { echoes = random:pick { 0, 0.3 } },
    happenings = {
      deaths = calm and 0 or random:pick { 0, 0.0005, 0.003, 0.02 },
      revoke = random:chance(0.4) and random:between(2000, 10000) or nil,
      new_password = random:chance(0.3) and random:between(5000, 20000) or nil,
      lock = random:chance(0.3) and random:between(3000, 20000) or nil,
    },
    groups = random:pick { 1, 1, 2 },
  }
end

--- Draws those of a store.
---@param random table
---@return table settings
function scenario.store(random)
  return {
    lock = random:pick { "process", "time" },
    delay = random:pick { 0, 0.05, 0.5 },
  }
end

--- Draws those of a process.
---@param random table
---@param name string
---@param lifetime number of a token
---@param callers number how many tasks its group has in all, about
---@return table settings
function scenario.process(random, name, lifetime, callers)
  local in_line = random:chance(0.3)
  local pace = math.min(lifetime, 1200) * callers * random:between(0.1, 0.4)
  return {
    name = name,
    in_line = in_line,
    parks = not in_line and random:chance(0.5),
    clients = in_line and 1 or random:pick { 1, 1, 2 },
    callers = in_line and 1 or random:whole(1, 4),
    password = random:pick { "text", "text", "function", "none" },
    skew = random:chance(0.3) and random:whole(-32, 32) / 32 or 0,
    margin = random:chance(0.2) and random:whole(10, 600) or nil,
    deadline = random:pick { 90, 90, 30, 60 },
    timeout = random:pick { 30, 30, 10 },
    retry = random:pick { {}, {}, false, { attempts = 5, base = 1 } },
    denials = random:chance(0.3) and 0.01 or 0,
    pace = pace,
    beat = random:chance(0.4) and math.ceil(pace / callers) * 2 or nil,
    curiosity = random:pick { 0, 0.02, 0.05 },
  }
end

return scenario
