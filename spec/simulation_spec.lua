-- The life cycle of credentials in simulated worlds: many processes, lost packets, a failing store,
-- processes killed at any step. `make simulate` runs longer.

local plants = require "spec.simulation.plants"
local simulation = require "spec.simulation.simulation"

local WORLDS, EXPIRIES = 12, 20

local function explain(result)
  return ("%s: %s\n%s\nreplay: make simulate SEED=%d EACH=%d"):format(
    result.broken.rule,
    result.broken.text,
    table.concat(result.history, "\n"),
    result.seed,
    EXPIRIES
  )
end

describe("simulated worlds", function()
  it("break no rule", function()
    local renewals, rows = 0, {}
    for seed = 1, WORLDS do
      local result = simulation.run(seed, { expiries = EXPIRIES })
      assert(not result.broken, result.broken and explain(result))
      renewals = renewals + result.renewals
      rows[result.settings.row] = true
    end
    assert.same({ mic = true, renewing = true, login_only = true }, rows)
    assert.is_true(renewals >= WORLDS * EXPIRIES)
  end)

  it("break no rule where one was broken once", function()
    for _, seed in ipairs { 4025, 4103 } do
      local result = simulation.run(seed, { expiries = 160, row = "mic" })
      assert(not result.broken, result.broken and explain(result))
    end
  end)

  it("are the same each time", function()
    local function play()
      local result = simulation.run(5, { expiries = EXPIRIES })
      local lines = table.concat(result.history, "\n")
      return { result.renewals, result.calls, result.failures, result.seconds, lines }
    end
    assert.same(play(), play())
  end)
end)

describe("the rules of the simulation", function()
  for _, plant in ipairs(plants) do
    it("find " .. plant.name, function()
      local result
      for seed = plant.first or 1, 80 do
        result = simulation.run(seed, { expiries = EXPIRIES, plants = plant, row = "mic" })
        if result.broken then
          break
        end
      end
      assert(result.broken, "no world has found it")
      assert.equal(plant.rule, result.broken.rule)
    end)
  end
end)
