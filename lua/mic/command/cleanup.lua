--- What is undone when a signal ends the command: lines of progress, files that are not whole.

local cleanup = { tasks = {} }

--- Adds a task; the last one runs first.
---@param task function
function cleanup.add(task)
  cleanup.tasks[#cleanup.tasks + 1] = task
end

--- Runs the tasks. Errors have no effect.
function cleanup.run()
  for index = #cleanup.tasks, 1, -1 do
    pcall(cleanup.tasks[index])
  end
  collectgarbage() -- transfers that were interrupted remove their files
  collectgarbage()
end

return cleanup
