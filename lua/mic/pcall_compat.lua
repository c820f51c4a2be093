--- `pcall` through which a task can yield on every Lua, including 5.1.

local pcall_compat = {}

--- PUC Lua 5.1 cannot yield across pcall. There the function runs in a coroutine of its own, whose
--- yields are passed on.
local yields_through = _VERSION ~= "Lua 5.1" or type(rawget(_G, "jit")) == "table"

--- Coroutines made here, and the mark of a yield meant for the coroutine outside of them.
local inner, OUTSIDE = setmetatable({}, { __mode = "k" }), {}

local function finish(task, ok, mark, ...)
  if not ok or coroutine.status(task) == "dead" then
    return ok, mark, ...
  end
  if mark == OUTSIDE then
    return finish(task, coroutine.resume(task, pcall_compat.outside(...)))
  end
  return finish(task, coroutine.resume(task, coroutine.yield(mark, ...)))
end

--- Same as `pcall`.
---@param task function
---@param ... any its arguments
---@return boolean ok
---@return any ... results, or what was raised
function pcall_compat.call(task, ...)
  if yields_through or not coroutine.running() then
    return pcall(task, ...)
  end
  local thread = coroutine.create(task)
  inner[thread] = true
  return finish(thread, coroutine.resume(thread, ...))
end

--- Same as `xpcall`. (In a coroutine of PUC 5.1 the handler is not called.)
---@param task function gets no arguments
---@param handler fun(problem: any): any
---@return boolean ok
---@return any ... results, or what the handler returned
function pcall_compat.handled(task, handler)
  if yields_through or not coroutine.running() then
    return xpcall(task, handler)
  end
  return pcall_compat.call(task)
end

--- Calls a function in the caller's own task, which an event loop knows, not in a coroutine made
--- here on 5.1.
---@param task function
---@param ... any its arguments
---@return any ... its results
function pcall_compat.outside(task, ...)
  local running = coroutine.running()
  if running and inner[running] then
    return coroutine.yield(OUTSIDE, task, ...)
  end
  return task(...)
end

local function pass_interrupt(ok, problem, ...)
  if not ok and type(problem) == "string" and problem:find "interrupted!$" then
    error(problem, 0)
  end
  return ok, problem, ...
end

--- Calls a user's function like `pcall`, but raises the interpreter's Ctrl-C again. It is
--- recognised by its text: an error of another debug hook is treated as the function's own.
---@param task function
---@param ... any its arguments
---@return boolean ok
---@return any ... results, or what was raised
function pcall_compat.user(task, ...)
  -- No table is allocated: releasing a lock uses this.
  return pass_interrupt(pcall_compat.call(task, ...))
end

--- Passes data and progress of an exchange to the user's listener. An error that it raises cancels
--- the exchange and is raised again unchanged.
---@param exchange table
---@param listener function
---@param ... any its arguments
---@return boolean wanted false: the listener returned false and the exchange was cancelled
function pcall_compat.listen(exchange, listener, ...)
  local ok, wanted = pcall(listener, ...)
  if not ok or wanted == false then
    exchange:cancel()
  end
  if not ok then
    error(wanted, 0)
  end
  return wanted ~= false
end

local SHORTAGES = { [23] = "ENFILE", [24] = "EMFILE" } -- the numbers on all Unix systems

--- Types of the mark of a module that is being loaded: on 5.1, and on LuaJIT.
local marks = { userdata = true, number = true }

--- Removes the marks of interrupted loads, by which 5.1 and LuaJIT would refuse to load a module
--- ever again.
local function forget_interrupted()
  for name, module in pairs(package.loaded) do
    if marks[type(module)] and type(name) == "string" and name:find "^mic%." then
      package.loaded[name] = nil
    end
  end
end

--- Loads a module during a call; it may fail because no file can be opened.
---@param name string
---@return table|nil module or nil, kind, code, message like a failure of the core
---@return string|nil kind
---@return string|nil code
---@return string|nil message
function pcall_compat.load(name)
  local ok, module = true, package.loaded[name]
  if module == nil or marks[type(module)] then
    forget_interrupted()
    ok, module = pcall(require, name)
  end
  if ok then
    return module
  end
  forget_interrupted()
  local problem = tostring(module)
  if problem:find "not enough memory$" then
    error("not enough memory", 0)
  elseif problem:find "interrupted!$" then
    error(problem, 0)
  end
  problem = problem:match "^[^\n]*"
  local file, _, number = io.open("/", "r")
  if file then
    file:close()
  elseif SHORTAGES[number] then
    problem = "too many open files"
  end
  return nil, "network", not file and SHORTAGES[number] or nil,
    ("%s cannot be loaded: %s"):format(name, problem)
end

--- Loads a module, or raises why it cannot be loaded.
---@param name string
---@return table module
function pcall_compat.need(name)
  local module, _, _, message = pcall_compat.load(name)
  return module or error(message, 0)
end

return pcall_compat
