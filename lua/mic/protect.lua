--- pcall for code that may suspend its task. Plain Lua 5.1 cannot suspend within pcall: there what
--- is raised in a task of an event loop comes out of the loop.

local protect = {}

local probe = coroutine.create(function()
  pcall(coroutine.yield)
end)
coroutine.resume(probe)
local can_suspend_within = coroutine.status(probe) == "suspended"

local function bare(task, ...)
  return true, task(...)
end

--- Calls a function as pcall does.
---@param suspends boolean whether it may suspend the task
---@param task function
---@param ... any
---@return boolean ok
---@return any ... what it returned, or raised
function protect.call(suspends, task, ...)
  local call = (can_suspend_within or not suspends) and pcall or bare
  return call(task, ...)
end

return protect
