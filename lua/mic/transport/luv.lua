--- The transport for programs that run in coroutines over luv's loop.

local loop = require "mic.transport.loop"
local uv = require "luv"

local functions = { name = "luv" }

local ready = {} -- what the next turn of the loop runs
local turn = uv.new_timer()
local idle_timers = {}
local watch, watched -- the poll handle, and its descriptor

--- Runs a coroutine on; what it raises comes out of the loop.
local function resume(task, ...)
  local ok, problem = coroutine.resume(task, ...)
  if not ok then
    error(type(problem) == "string" and debug.traceback(task, problem) or problem, 0)
  end
end

local function run_ready()
  local due = ready
  ready = {}
  for index = 1, #due do
    if index < #due and not turn:is_active() then
      turn:start(0, 0, run_ready) -- in case one of these raises
    end
    local next_one = due[index]
    for at = #ready == 0 and index + 1 or #due + 1, #due do
      ready[#ready + 1] = due[at]
    end
    next_one()
    if index < #due then
      return
    end
  end
end

local function soon(task)
  ready[#ready + 1] = task
  if not turn:is_active() then
    turn:start(0, 0, run_ready)
  end
end

return loop.new(functions), soon, resume, idle_timers, watch, watched
