--- Finalizers at chosen moments. Lua may collect garbage whenever it allocates, in the middle of a
--- C function too, and a finalizer of the program's may then do anything.

local moments = {}

local unpack = rawget(table, "unpack") or rawget(_G, "unpack")
local newproxy = rawget(_G, "newproxy") -- 5.1, where tables have no finalizers

--- An object with this finalizer, collectable as soon as it is unreferenced.
function moments.collectable(finalizer)
  if newproxy then
    local proxy = newproxy(true)
    getmetatable(proxy).__gc = finalizer
    return proxy
  end
  return setmetatable({}, { __gc = finalizer })
end

--- From now on each allocation that looks for garbage collects all of it; returns what ends that.
local function collect_eagerly()
  if _VERSION == "Lua 5.4" then
    collectgarbage("incremental", 1, 1000, 30)
    return function()
      collectgarbage("incremental", 200, 100, 13)
    end
  end
  local pause = collectgarbage("setpause", 1)
  local multiplier = collectgarbage("setstepmul", 1000000)
  return function()
    collectgarbage("setpause", pause)
    collectgarbage("setstepmul", multiplier)
  end
end

--- Calls `run`, and `act` in a finalizer at the moment of this number.
---@param number integer counted from 1
---@param act function
---@param run function
---@return boolean came false: `run` had fewer moments than that
---@return ... any what pcall of `run` returned
function moments.at(number, act, run)
  local count, came = 0, false
  local function arm()
    moments.collectable(function()
      count = count + 1
      came = count == number
      if came then
        act()
      elseif count < number then
        arm()
      end
    end)
  end
  local stop = collect_eagerly()
  collectgarbage() -- from here on as often as was set
  arm()
  local results = { pcall(run) }
  stop()
  local reached = count >= number
  count = number -- what is armed does nothing any more
  return reached, unpack(results, 1, 8)
end

--- Runs a function repeatedly, with the finalizer at each of its moments in turn.
---@param prepare function makes what `act` and `run` are given
---@param act function
---@param run function
---@param check function is given what pcall of `run` returned
---@return integer moments how many there were
function moments.each(prepare, act, run, check)
  for number = 1, 1000 do
    local subject = prepare()
    local results = {
      moments.at(number, function()
        act(subject)
      end, function()
        return run(subject)
      end),
    }
    check(unpack(results, 2, 8))
    if not results[1] then
      return number - 1
    end
  end
end

return moments
