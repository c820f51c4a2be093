--- The transport of a process: waiting is simulated. A flight is a task of its own, or runs in line
--- where the process has only one task.

local transport = {}

--- Makes it.
---@param process table
---@return table transport
function transport.new(process)
  local world, life = process.world, process.life
  local made = { name = "simulated" }

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

  function made.request(core, spec)
    return core:request(spec)
  end

  function made.finish(_, exchange)
    while exchange:run(3600) ~= "done" do -- luacheck: ignore
    end
    return exchange:result()
  end

  return made
end

return transport
