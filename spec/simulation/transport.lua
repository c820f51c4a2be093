--- The transport of a process: the library's blocking transport, over the simulated core. Where a
--- process has several tasks, a refresh is a task of its own, and waiting tasks may be parked.

local transport = {}

--- Adds the two functions that park and wake tasks; without them the library polls.
local function add_parking(made, world)
  local parked = {} -- by what is waited for: tickets in their order

  function made.park(reason, seconds)
    parked[reason] = parked[reason] or {}
    local ticket = world:ticket()
    table.insert(parked[reason], ticket)
    world:after(seconds, world:wake_event(), ticket)
    world.wait()
  end

  function made.wake(reason)
    for _, ticket in ipairs(parked[reason] or {}) do
      world:after(0, world:wake_event(), ticket)
    end
    parked[reason] = nil
  end
end

--- Makes it.
---@param process table
---@param load_module fun(name: string): any the `require` of the process
---@return table transport
function transport.new(process, load_module)
  local world, life, settings = process.world, process.life, process.settings
  local made = {}
  for name, value in pairs(load_module "mic.transport.blocking") do
    made[name] = value
  end
  made.name = "simulated"
  if settings.in_line then
    return made
  end

  made.can_suspend, made.park, made.wake = nil, nil, nil
  if settings.parks then
    add_parking(made, world)
  end
  function made.spawn(action, ...)
    world:spawn(life, "flight", action, ...)
  end
  return made
end

return transport
