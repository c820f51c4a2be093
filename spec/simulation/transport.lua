--- The transport of a process: waiting is simulated. A flight is a task of its own, or runs in line
--- where the process has only one task.

local transport = {}

--- Adds the two functions by which waiting tasks are woken; without them they look now and then.
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
---@return table transport
function transport.new(process)
  local world, life = process.world, process.life
  local made = { name = "simulated", blocks = process.settings.in_line }
  if process.settings.parks then
    add_parking(made, world)
  end

  function made.now()
    return world.now
  end

  function made.random()
    return process.random:next()
  end

  function made.sleep(seconds)
    world:sleep(seconds)
  end

  function made.spawn(action, ...)
    if process.settings.in_line then
      action(...)
    else
      world:spawn(life, "flight", action, ...)
    end
  end

  function made.call(core, ...)
    return core:call(...)
  end

  function made.finish(_, exchange)
    while exchange:run(3600) ~= "done" do -- luacheck: ignore
    end
    return exchange:result()
  end

  return made
end

return transport
