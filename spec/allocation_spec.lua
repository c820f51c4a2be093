-- Out-of-memory errors: a sample of allocations fails. `make allocations` fails every one.

local scratch = require "spec.support.scratch"
local shell = require "spec.support.shell"
local tree = require "spec.support.tree"

local SAMPLE = 1 -- failures of each kind in each mode; each Lua takes others
local PHASES = { ["lua5.1"] = 0, ["lua5.2"] = 1, ["lua5.3"] = 2, ["lua5.4"] = 3, luajit = 4 }

local jit = rawget(_G, "jit")
local running = jit and "luajit" or "lua" .. _VERSION:match "%d.%d"

local function make(build_root, target)
  local command = "env -u MAKEFLAGS -u MAKELEVEL -u CFLAGS make --no-print-directory DEPS=no "
    .. ("LUA=%s BUILD_ROOT=%s %s"):format(running, build_root, target)
  shell.check(command)
end

--- True if the module needs the runtime of a sanitizer, which has its own allocator.
local function is_sanitized(build)
  return tree.read(build .. "/mic/core.so"):find("__asan_init", 1, true) ~= nil
end

describe("when an allocation fails", function()
  local program, environment

  setup(function()
    local build = shell.build
    if is_sanitized(build) then
      make("build/plain", "build")
      build = "build/plain/" .. running
    end
    make("build", "build/" .. running .. "/failing_allocations")
    program = "build/" .. running .. "/failing_allocations"
    environment = ("LUA_PATH='lua/?.lua;;' LUA_CPATH='%s/?.so;;'"):format(build)
  end)

  it("nothing crashes, leaks or stays inconsistent, whichever allocation it is", function()
    local command = "%s timeout 600 %s --sample %d --phase %d spec/allocation/*.lua"
    local output =
      shell.check(command:format(environment, program, SAMPLE, PHASES[running]))
    local scenarios, failures = output:match "(%d+) scenarios, (%d+) failures, 0 problems"
    assert.is_true(tonumber(scenarios) >= 25 and tonumber(failures) > 200, output)
  end)

  it("a scenario with a wrong result is reported", function()
    local path = scratch.file [[
      local kept = {}
      return {
        run = function(world)
          kept.half = true
          local client = world.client()
          kept.half = nil
          return client
        end,
        expect = function() return true end,
        after = function() return kept.half == nil end,
      }]]
    local output, status = shell.run(("%s %s %s 2>&1"):format(environment, program, path))
    assert.is_true(status ~= 0)
    assert.is_truthy(output:find("leaves something behind that is wrong", 1, true), output)
  end)
end)
