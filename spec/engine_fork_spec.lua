-- The engine of mic.core and fork: a child does not touch what the parent owns. Not in
-- engine_spec.lua, since ThreadSanitizer does not follow a child that starts threads.

local api = require "spec.support.api"
local child = require "spec.support.engine_child"
local native = require "spec.support.native"

describe("the engine of mic.core", function()
  local sandbox = api.start()

  it("is created again in a child process, and the parent's keeps working", function()
    local printed = child.run(sandbox, [[
      local process = native.load "process"
      local of = client()
      finish(get(of, "/metadata/manifest"))
      local fd, running = engine:fd(), {}
      for index = 1, 20 do running[index] = get(of, "/metadata/manifest") end
      io.stdout:flush()
      local child = process.fork()
      if child == 0 then
        local ok, problem = pcall(function()
          assert(engine:in_flight() == 0 and #engine:collect() == 0)
          for _, exchange in ipairs(running) do
            assert(exchange:run(0) == "done")
            local _, kind, _, message = core_calls.result(exchange)
            assert(kind == "closed", message)
          end
          assert(finish(get(of, "/metadata/manifest")).new_connection)
          assert(engine:fd() ~= fd)
          assert(of:call("GET", "/metadata/manifest", nil, true) == 200)
          of:close()
          engine:close()
        end)
        io.stderr:write(ok and "" or tostring(problem))
        process.leave(ok and 0 or 1)
      end
      print("child", process.wait(child))
      for _, exchange in ipairs(running) do assert(finish(exchange).status == 200) end
      print(engine:fd() == fd, finish(get(of, "/metadata/manifest")).new_connection)
    ]])
    assert.equal("child\t0\ntrue\tfalse\n", printed)
  end)

  it("holds no lock while its process is copied", function()
    local locked = native.build "locked_recv"
    local printed = child.run(sandbox, [[
      local process, locked = native.load "process", native.load "locked_recv"
      local of, blocked = client(), 0
      for turn = 1, 20 do
        local running = {}
        for index = 1, 5 do running[index] = get(of, "/metadata/manifest") end
        core.sleep(turn % 10 * 0.001)
        local child = process.fork()
        if child == 0 then process.leave(locked.is_free() and 0 or 1) end
        blocked = blocked + process.wait(child)
        for _, exchange in ipairs(running) do assert(finish(exchange).status == 200) end
      end
      print(blocked, locked.count() > 100)
    ]], "", "env LD_PRELOAD=" .. locked .. " MIC_PRELOAD=" .. locked)
    assert.equal("0\ttrue\n", printed)
  end)
end)
