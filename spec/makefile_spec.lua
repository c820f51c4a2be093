-- The Makefile: its help, and the output of a build.

local shell = require "spec.support.shell"
local tree = require "spec.support.tree"

describe("make", function()
  it("help lists every target", function()
    local help = shell.run "make --no-print-directory help"
    local listed = 0
    for name in tree.read("Makefile"):match("\n%.PHONY: (.-)\n%."):gsub("\\\n", " "):gmatch "%S+" do
      if not name:find "^lua" and name ~= "FORCE" and name ~= "deps-build" and name ~= "build" then
        listed = listed + 1
        assert.is_truthy(help:find("make " .. name:gsub("%-", "%%-") .. "%f[^%w-]"), name)
      end
    end
    assert.is_true(listed > 10)
    assert.is_truthy(help:find "V=1")
  end)

  it("prints one short line for each file, and with V=1 the command", function()
    local build = "root=$(mktemp -d) && make --no-print-directory DEPS=no BUILD_ROOT=$root %s "
      .. "$root/lua5.4/src/core/process/clock.o && rm -r $root"
    assert.equal("CC   src/core/process/clock.c\n", (shell.run(build:format "")))
    assert.is_truthy(shell.run(build:format "V=1"):find(" -c -o ", 1, true))
  end)
end)
