--- Clean-up for specs: what a spec starts ends with the test, the block or the file that starts it.
---
---     local server = faults.start(script)   -- ends with the describe block, or with the test
---
--- The helpers of this folder register what they start, so a spec needs no teardown for it. This
--- module must be loaded at the top of a spec file. In a program without busted nothing is
--- registered: the program calls `stop` itself.

local busted = package.loaded.busted

local cleanup = {}

local scopes = { {} } -- a list of functions for the file, then for each open block
local test_scope -- the same for the test that runs

local function run_all(scope)
  local problem
  for index = #scope, 1, -1 do
    local ok, message = pcall(scope[index])
    problem = problem or not ok and { message }
  end
  if problem then
    error(problem[1], 0)
  end
end

if busted and busted.subscribe then
  local is_active = true -- the subscriptions outlive the file

  busted.subscribe({ "describe", "start" }, function()
    if is_active then
      scopes[#scopes + 1] = {}
    end
    return nil, true
  end)
  busted.subscribe({ "describe", "end" }, function()
    if is_active then
      run_all(table.remove(scopes))
    end
    return nil, true
  end)
  busted.subscribe({ "file", "end" }, function()
    if is_active then
      is_active = false
      run_all(scopes[1])
    end
    return nil, true
  end)

  busted.before_each(function()
    test_scope = {}
  end)
  busted.after_each(function()
    local scope = test_scope
    test_scope = nil
    run_all(scope)
  end)
end

--- Registers a function that ends something. Those of one scope run in reverse order.
---@param stop function
---@return function stop runs the function if it has not run yet
function cleanup.call(stop)
  local is_done = false
  local function once()
    if not is_done then
      is_done = true
      stop()
    end
  end
  if busted then
    local scope = test_scope or scopes[#scopes]
    scope[#scope + 1] = once
  end
  return once
end

--- Closes a client, an engine or a file later, unless it has been collected by then.
---@generic T
---@param object T with a method `close` that may be called twice
---@return T object the same
function cleanup.close(object)
  local held = setmetatable({ object }, { __mode = "v" })
  cleanup.call(function()
    if held[1] and io.type(held[1]) ~= "closed file" then
      held[1]:close()
    end
  end)
  return object
end

--- Sets a field; the old value is restored later.
---@param owner table
---@param name any
---@param value any
function cleanup.replace(owner, name, value)
  local old = rawget(owner, name)
  cleanup.call(function()
    rawset(owner, name, old)
  end)
  rawset(owner, name, value)
end

--- Collects what is written to `io.stderr`.
---@return string[] written
function cleanup.stderr()
  local written = {}
  cleanup.replace(io, "stderr", {
    write = function(_, ...)
      written[#written + 1] = table.concat { ... }
    end,
  })
  return written
end

return cleanup
