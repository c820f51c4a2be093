--- Transport for coroutines over luv's loop.

local loop = require "mic.transport.loop"
local uv = package.loaded.uv or require "luv" -- luvit has it built in, as uv

local functions = { name = "luv" }

local POLL = 0.05 -- seconds

local told

--- True in a coroutine. In a loop callback outside any coroutine the call blocks the loop; a
--- warning is printed once.
function functions.running()
  local running, is_main = coroutine.running()
  if running ~= nil and not is_main then
    return true
  end
  if not told and uv.loop_mode and uv.loop_mode() then
    told = true
    io.stderr:write(
      "mic: a call in a callback of luv blocks the loop, because it is not in a coroutine; use ",
      "coroutine.wrap(function() … end)()\n"
    )
  end
  return false
end

local idle_timers = {}
local watch, watched -- the poll handle, and its descriptor

--- Resumes a coroutine; its error is raised from the loop.
local function resume(task, ...)
  local ok, problem = coroutine.resume(task, ...)
  if not ok then
    error(type(problem) == "string" and debug.traceback(task, problem) or problem, 0)
  end
end

function functions.park(spot, seconds)
  local task = coroutine.running()
  local timer = table.remove(idle_timers) or uv.new_timer()
  spot.timer = timer
  function spot.resume()
    resume(task)
  end
  timer:start(math.ceil(seconds * 1000), 0, spot.resume)
  coroutine.yield()
  timer:stop()
  spot.timer = nil
  idle_timers[#idle_timers + 1] = timer
end

--- Resumes the task in the next iteration of the loop.
function functions.wake(spot)
  if spot.timer then
    spot.timer:start(0, 0, spot.resume)
  end
end

function functions.wait(descriptor, seconds)
  if watched ~= descriptor then
    if watch then
      watch:close()
    end
    watch, watched = uv.new_poll(descriptor), descriptor
  end
  if not watch then -- the descriptor cannot be watched: poll
    watched = nil
    return functions.park({}, math.min(seconds, POLL))
  end
  local spot = {}
  watch:start("r", function()
    watch:stop()
    functions.wake(spot)
  end)
  functions.park(spot, seconds)
  watch:stop()
end

function functions.spawn(task, ...)
  resume(coroutine.create(task), ...)
end

local luv = loop.new(functions)

return luv
