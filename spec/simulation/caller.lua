--- Calling tasks of a process: wait, call, check the result. A person logs in where a client
--- cannot.

local caller = {}

--- A person's own login, refresh or logout; `action` gets the client.
---@param process table
---@param index number of the client
---@param action fun(client: table): any, any
---@return any ok
---@return any err
function caller.explicit(process, index, action)
  local checker = process.checker
  local call = checker:call_begins(process, process.cores[index], "explicit",
    process.settings.deadline)
  process.explicit = process.explicit + 1
  process.world.current.keep = true
  local ok, err = action(process.clients[index])
  process.world.current.keep = false
  process.explicit = process.explicit - 1
  checker:call_ends(call, ok, err)
  return ok, err
end

--- A person logs in.
---@param process table
---@param index number of the client
---@return any ok
function caller.log_in(process, index)
  local group = process.group
  process.world:note(process.name, "a person logs in")
  return (caller.explicit(process, index, function(client)
    return client:login(group.user, process.api.accounts[group.user].password)
  end))
end

--- One call.
---@param process table
---@param index number of the client
---@param kind "call"|"headers"
---@return any ok
---@return any err
function caller.call(process, index, kind)
  local random, client = process.random, process.clients[index]
  local deadline = process.settings.deadline
  if kind == "call" and random:chance(0.3) then
    deadline = random:between(5, 90)
  end
  local call = process.checker:call_begins(process, process.cores[index], kind, deadline)
  local task = process.world.current
  task.call = call
  local ok, err
  if kind == "headers" then
    ok, err = client:auth_headers()
  elseif random:chance(0.2) then
    ok, err = client:post("/things", { name = "one" }, { deadline = deadline })
  else
    ok, err = client:get("/things/1", { deadline = deadline })
  end
  task.call = nil
  process.checker:call_ends(call, ok, err)
  return ok, err
end

--- Waits for a person who knows the password.
local function get_help(process, index)
  local group, world = process.group, process.world
  if process:password() or group.helped_at > world.now - 60 then
    return
  end
  group.helped_at = world.now
  world:sleep(process.random:between(1, 30))
  caller.log_in(process, index)
end

--- Rare actions.
local function do_something_else(process, index)
  local random, group = process.random, process.group
  local client = process.clients[index]
  local what = random:next()
  if what < 0.4 then
    process.checker:status(client:status())
    client:authenticated()
  elseif what < 0.8 then
    caller.explicit(process, index, client.refresh)
  elseif what < 0.9 then
    caller.log_in(process, index)
  elseif not process.settings.healed then
    group.left_at = math.huge
    process.checker:disturb "a logout"
    process.left_at = process.world.now
    caller.explicit(process, index, client.logout)
    group.left_at = process.world.now
  end
end

--- Does something while no other task of the process does; where flights run in line, one task at
--- a time may call.
---@param process table
---@param action function
---@param ... any its arguments after the process
function caller.alone(process, action, ...)
  if not process.settings.in_line then
    action(process, ...)
    return
  end
  while process.busy do
    process.world:sleep(1)
  end
  process.busy = true
  action(process, ...)
  process.busy = false
end

local function do_a_round(process, index)
  local random = process.random
  for _ = 1, random:chance(0.1) and random:whole(2, 5) or 1 do
    local ok, err = caller.call(process, index, random:chance(0.05) and "headers" or "call")
    if not ok and err.kind == "auth" then
      get_help(process, index)
    end
  end
  if random:chance(process.settings.curiosity) then
    do_something_else(process, index)
  end
end

--- The loop of a calling task.
---@param process table
---@param index number of its client
function caller.run(process, index)
  local world, random, settings = process.world, process.random, process.settings
  while true do
    if settings.beat then -- all at the same time, as cron would have it
      world:sleep(settings.beat - world.now % settings.beat + random:between(0, 0.3))
    else
      world:sleep(random:wait(settings.pace))
    end
    caller.alone(process, do_a_round, index)
  end
end

return caller
