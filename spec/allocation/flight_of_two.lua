--- Two clients in tasks of a loop, with one store: the login of one serves both. The loop is made
--- here; an error of a task is raised when the others have ended.
local function new_loop()
  local core = require "mic.core"
  local blocking = require "mic.transport.blocking"
  local tasks, time = {}, core.now()
  local loop = { random = core.random, call = blocking.call }
  function loop.now()
    return time
  end
  function loop.spawn(task, ...)
    local thread, words = coroutine.create(task), { ... }
    tasks[#tasks + 1] = { thread = thread, word = words[1] }
  end
  function loop.sleep(seconds)
    time = time + seconds
    coroutine.yield()
  end
  function loop.finish(...)
    coroutine.yield()
    return blocking.finish(...)
  end
  local function run_each()
    local raised
    for index = #tasks, 1, -1 do
      local task = tasks[index]
      local ok, problem = coroutine.resume(task.thread, task.word)
      raised = not ok and problem or raised
      if coroutine.status(task.thread) == "dead" then
        table.remove(tasks, index)
      end
    end
    return raised
  end
  function loop.run()
    local raised
    while #tasks > 0 do
      raised = run_each() or raised
    end
    if raised then
      error(raised, 0)
    end
  end
  return loop
end

return {
  leaves_clients = true,
  prepare = function(world)
    local loop = new_loop()
    local store = require("mic").store.memory()
    local clients = {}
    for index = 1, 2 do
      clients[index] = world.automatic { store = store, transport = loop }
    end
    return { loop = loop, clients = clients }
  end,
  run = function(_, made)
    local results = {}
    for index, client in ipairs(made.clients) do
      made.loop.spawn(function()
        local response, err = client:get "/user"
        results[index] = { response and response.status, err }
      end)
    end
    made.loop.run()
    for index = 1, 2 do
      if not results[index] or not results[index][1] then
        return nil, results[index] and results[index][2]
      end
    end
    return made.clients[1]:status().counters.logins + made.clients[2]:status().counters.logins
  end,
  expect = function(_, logins)
    return logins == 1
  end,
  after = function(world, made)
    local statuses = {}
    for index, client in ipairs(made.clients) do
      made.loop.spawn(function()
        local ok, err = world.renew(client)
        statuses[index] = ok and 200 or tostring(err)
      end)
    end
    made.loop.run()
    return statuses[1] == 200 and statuses[2] == 200 or table.concat(statuses, ", ")
  end,
}
