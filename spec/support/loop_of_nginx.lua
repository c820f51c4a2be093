--- The light threads of an nginx worker, as one of the loops of spec.support.loops; and the cases
--- of the conformance spec by name, run in a request.

local conformance = require "spec.support.conformance"

local ngx = rawget(_G, "ngx") -- nil in the process that only asks for the names

local loop_of_nginx = {}

--- A light thread can be waited for by the one that made it alone, so they count themselves.
local function run(main)
  local left, last, raised = 0, require("ngx.semaphore").new(0), nil
  local function count(task, ...)
    local ok, problem = pcall(task, ...)
    raised = raised or not ok and { problem }
    left = left - 1
    if left == 0 then
      last:post(1)
    end
  end
  local function spawn(...)
    left = left + 1
    ngx.thread.spawn(count, ...)
  end
  spawn(main, spawn, ngx.sleep)
  assert(last:wait(60))
  if raised then
    error(raised[1], 0)
  end
end

--- As those of spec.support.loops; the transport is found.
loop_of_nginx.kind = { name = "nginx", run = run, suspends = true }

--- Runs the case that the request's argument `name` tells; answers 200, or 500 with what was wrong.
---@param world table as for conformance.define
function loop_of_nginx.serve(world)
  local wanted, case = ngx.req.get_uri_args().name, nil
  conformance.define(function(name, run_case)
    case = name == wanted and run_case or case
  end, loop_of_nginx.kind, world)
  conformance.close(world)
  local ok, problem = xpcall(case, function(problem)
    return debug.traceback(tostring(problem))
  end)
  conformance.close(world)
  ngx.status = ok and 200 or 500
  ngx.print(ok and "" or problem)
end

return loop_of_nginx
