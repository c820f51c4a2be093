-- Loops over pages in the tasks of event loops: who waits, who may call, what close does.

local api = require "spec.support.api"
local clock = require "spec.support.clock"
local loops = require "spec.support.loops"
local mic = require "mic"

local CANNOT_WAIT_IN_FOR = _VERSION == "Lua 5.1" and not rawget(_G, "jit")

describe("a loop over pages", function()
  local box = api.around()

  for _, loop in ipairs(loops.all) do
    describe("in " .. loop.name, function()
      local client

      before_each(function()
        box:mode { observations = 60 }
        client = box:logged_in { transport = loop.transport, retry = { base = 0.01, cap = 0.01 } }
      end)

      local function count(it)
        local number = 0
        while true do
          local item, err = it:next()
          if not item then
            assert(it.err == nil, tostring(err))
            return number
          end
          number = number + 1
        end
      end

      it("hands out all, to several tasks with a loop of their own", function()
        local counts = {}
        loop.run(function(spawn)
          for index = 1, 3 do
            spawn(function()
              counts[index] = count(client.observations:each { page_size = index * 5 })
            end)
          end
        end)
        assert.are.same({ 60, 60, 60 }, counts)
      end)

      it("waits in for, or says that it cannot before anything is sent", function()
        local ok, problem
        local number = 0
        box:seen()
        loop.run(function()
          ok, problem = true, nil
          local it = client.observations:each { page_size = 25 }
          if CANNOT_WAIT_IN_FOR and loop.suspends then
            ok, problem = pcall(function()
              for _ in it do
                number = number + 1
              end
            end)
          else
            for _ in it do
              number = number + 1
            end
          end
        end)
        if CANNOT_WAIT_IN_FOR and loop.suspends then
          assert.is_false(ok)
          assert.matches('Lua 5.1 cannot wait inside "for … in"; use it:next()', problem, 1, true)
          assert.are.equal("", box:seen())
        else
          assert.are.equal(60, number)
        end
      end)

      if loop.suspends then
        it("raises for a second task", function()
          local ok, problem
          local number = 0
          loop.run(function(spawn, sleep)
            local it = client.observations:each { page_size = 25 }
            box:answer { path = "/observations/find", delay = 1 }
            spawn(function()
              number = count(it)
            end)
            sleep(0.05)
            ok, problem = pcall(it.next, it)
          end)
          assert.is_false(ok)
          assert.matches("one task at a time", problem)
          assert.are.equal(60, number)
        end)

        it("is cancelled at once by close in another task", function()
          local item, err, seconds, after
          local it = client.observations:each { page_size = 25 }
          loop.run(function(spawn, sleep)
            box:answer { path = "/observations/find", delay = 30 }
            spawn(function()
              local begun = clock.now()
              item, err = it:next()
              seconds, after = clock.now() - begun, it:next()
            end)
            sleep(0.1)
            it:close()
          end)
          assert.is_nil(item)
          assert.are.equal("cancelled: the loop was closed", api.line(err))
          assert.is_true(seconds < 15, seconds)
          assert.is_nil(after)
        end)

        it("is cancelled while it waits for a retry", function()
          local err, seconds
          box:answer { path = "/observations/find", status = 503,
            headers = { ["Retry-After"] = "30" } }
          local it = client.observations:each { page_size = 25 }
          loop.run(function(spawn, sleep)
            spawn(function()
              local begun = clock.now()
              err = select(2, it:next())
              seconds = clock.now() - begun
            end)
            sleep(0.3)
            it:close()
          end)
          assert.are.equal("cancelled", err.kind)
          assert.is_true(seconds < 15, seconds)
        end)

        it("goes on from its position after it was closed", function()
          local first, rest = 0, nil
          loop.run(function()
            local it = client.observations:each { page_size = 25 }
            for _ = 1, 30 do
              assert(it:next())
              first = first + 1
            end
            it:close()
            rest = count(client.observations:each { page_size = 25, after = it:position() })
          end)
          assert.are.equal(60, first + rest)
        end)
      end
    end)
  end

  it("survives an error that a hook throws into a request", function()
    local client = box:logged_in()
    box:mode { observations = 60 }
    local it = client.observations:each { page_size = 25 }
    box:answer { path = "/observations/find", delay = 0.3 }
    local ok, problem = pcall(function()
      debug.sethook(function()
        debug.sethook()
        error("thrown in", 0)
      end, "", 1000)
      return it:next()
    end)
    debug.sethook()
    if not ok then
      assert.matches("thrown in", tostring(problem))
    end
    local list = {}
    repeat
      local item = mic.assert(it:next() or false, it.err or "the end")
      list[#list + 1] = item
    until #list >= 59
  end)
end)
