--- `pcall` for functions that may wait: a task can yield through it on every Lua, also on 5.1.

local pcall_compat = {}

--- PUC 5.1 cannot yield across pcall. There the function runs in a coroutine of its own, whose
--- yields are passed on.
local yields_through = _VERSION ~= "Lua 5.1" or type(rawget(_G, "jit")) == "table"

--- The coroutines made here, and what the first value of a yield says when it is for the coroutine
--- outside of them.
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

--- As `pcall`.
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

--- Calls a function in the caller's task itself, where an event loop knows it: not in one of the
--- coroutines that are made here on 5.1.
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

--- Calls a function of the user's, as `pcall`; but the interpreter's Ctrl-C comes out as itself.
--- It is known by its text: an error that another debug hook throws looks like the function's own.
---@param task function
---@param ... any its arguments
---@return boolean ok
---@return any ... results, or what was raised
function pcall_compat.user(task, ...)
  -- Without a table: a lock is given back by this.
  return pass_interrupt(pcall_compat.call(task, ...))
end

--- Hands something to the user's function that listens to an exchange. An error that it raises ends
--- the exchange and comes out unchanged.
---@param exchange table
---@param listener function
---@param ... any its arguments
---@return boolean wanted false: it returned false, and the exchange was ended
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

local SHORTAGES = { [23] = "ENFILE", [24] = "EMFILE" } -- as all Unixes number them

--- Without this, 5.1 and LuaJIT refuse for good to load what an error has interrupted: they mark it
--- as being loaded.
local function forget_interrupted()
  for name, module in pairs(package.loaded) do
    if type(module) == "userdata" and type(name) == "string" and name:find "^mic%." then
      package.loaded[name] = nil
    end
  end
end

--- Loads a module in the middle of a call: it may be there, and yet no file can be opened.
---@param name string
---@return table|nil module or nil, kind, code, message as of the core's failures
---@return string|nil kind
---@return string|nil code
---@return string|nil message
function pcall_compat.load(name)
  local ok, module = pcall(require, name)
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
