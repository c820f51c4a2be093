--- Invariants: the parts of the simulation report what happens, and the first violated rule stops
--- the world. The rules are in files of their own.

local invariants = {}
local checker_methods = {}
local checker_mt = { __index = checker_methods }

for _, name in ipairs { "auth_rules", "call_rules", "save_rules", "secret_rules" } do
  for method, body in pairs(require("spec.simulation." .. name)) do
    assert(not checker_methods[method], method)
    checker_methods[method] = body
  end
end

--- Makes the checker of a world.
---@param world table
---@param api table
---@param only string|nil the one rule that counts
---@return table checker broken: the rule and the text of what broke it, nil while all is well
function invariants.new(world, api, only)
  return setmetatable({
    world = world,
    api = api,
    only = only,
    broken = nil,
    disturbed_at = 0, -- when something last went wrong on purpose
    open_calls = {},
    calls = 0,
    failures = 0,
  }, checker_mt)
end

--- Reports a violation. Only the first one counts.
---@param rule string its name
---@param text string
function checker_methods:violate(rule, text)
  if self.broken or (self.only and self.only ~= rule) then
    return
  end
  self.broken = { rule = rule, text = text, at = self.world.now }
  self.world:note("rule", "BROKEN: " .. rule .. ":", text)
  self.world.stopped = true
end

--- Notes an injected fault: for a while calls may fail.
---@param what string
function checker_methods:disturb(what)
  self.disturbed_at = self.world.now
  self.world:note("world", "trouble:", what)
end

--- A client's generation was read.
---@param client table the core's
---@param generation number
function checker_methods:generation(client, generation)
  if generation < client.generation_seen then
    self:violate(
      "generations only grow",
      ("%s: %d after %d"):format(client.process.name, generation, client.generation_seen)
    )
  end
  client.generation_seen = generation
end

--- A task raised an error.
---@param task table
---@param problem any
function checker_methods:raised(task, problem)
  self:violate("nothing is raised", ("%s, a %s: %s"):format(
    task.owner.name, task.kind, tostring(problem)))
end

--- Periodic checks.
---@param processes table[]
function checker_methods:sweep(processes)
  self:sweep_calls()
  for _, process in ipairs(processes) do
    self:sweep_saves(process)
  end
end

return invariants
