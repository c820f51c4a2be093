--- A pcall through which tasks can wait. Only plain Lua 5.1 lacks one: there the function runs in a
--- coroutine of its own, and what it yields is passed on.

local function works()
  local thread = coroutine.create(function()
    pcall(coroutine.yield)
    return true
  end)
  coroutine.resume(thread)
  return select(2, coroutine.resume(thread)) == true
end

local function pass_on(thread, ok, ...)
  if ok and coroutine.status(thread) == "suspended" then
    return pass_on(thread, coroutine.resume(thread, coroutine.yield(...)))
  end
  return ok, ...
end

local function protect(action, ...)
  local function run(...)
    return action(...)
  end
  local thread = coroutine.create(run)
  return pass_on(thread, coroutine.resume(thread, ...))
end

return works() and pcall or protect
