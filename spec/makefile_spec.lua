-- The Makefile: its help, and the output of a build.

local scratch = require "spec.support.scratch"
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

  it("sandbox prints the variables, or runs a command with them and fails with it", function()
    local make = "make --no-print-directory DEPS=no sandbox"
    local printed, status = shell.run(make .. [[ RUN="sh -c 'echo \$\$MIC_USERNAME; exit 3'" 2>&1]])
    assert.is_truthy(printed:find("demo\n", 1, true), printed)
    assert.not_equal(0, status)
    printed, status = shell.run(([[
      out=$(mktemp)
      %s >$out 2>/dev/null </dev/null &
      until grep -q MIC_MANIFEST_URL= $out; do sleep 0.01; done
      grep -c "^export MIC_[A-Z_]*='[^']*'$" $out
      eval "$(grep ^export $out)"
      curl -q -s --noproxy '*' -X POST "$MIC_SANDBOX_CONTROL/stop"
      wait $!
      rm $out]]):format(make))
    assert.equal("8\n{}", printed)
    assert.equal(0, status)
  end)

  it("sandbox gives each Lua the module that is built for it", function()
    require("spec.support.nginx").build() -- for LuaJIT
    local path = scratch.file 'require "mic.core"; print(jit and "LuaJIT" or _VERSION)'
    for _, lua in ipairs { "lua5.4", "luajit" } do
      local printed, status = shell.run(("make --no-print-directory DEPS=no LUA=%s sandbox "
        .. "RUN='sh -c \"lua5.4 %s; luajit %s\"' 2>&1"):format(lua, path, path))
      assert.equal("Lua 5.4\nLuaJIT\n", printed)
      assert.equal(0, status)
    end
  end)

  it("matrix builds and tests with each libcurl, and counts what could not be built", function()
    local make = "TALLY= make --no-print-directory DEPS=no matrix LUA=%s "
      .. "SPECS=spec/core_numbers_spec.lua CURL=%q 2>&1"
    local printed, status = shell.run(make:format(shell.lua, "openssl"))
    assert.is_truthy(printed:find "\n== libcurl [%d.]+[^,]*, OpenSSL/"
      or printed:find "^== libcurl [%d.]+[^,]*, OpenSSL/", printed)
    local passed = printed:match "\n(%d+) passed, 0 failed\n$"
    assert.is_true(tonumber(passed) > 0, printed)
    assert.equal(0, status)
    printed, status = shell.run(make:format(shell.lua, "/does/not/exist openssl"))
    assert.is_truthy(printed:find("\n" .. passed .. " passed, 1 failed\n", 1, true), printed)
    assert.is_truthy(printed:find("the libcurl of /does/not/exist: ", 1, true), printed)
    assert.not_equal(0, status)
  end)

  -- For the usual compiler, and one Lua: the others differ little. The parts of a module are whole
  -- pages, so a little code may cost 4 KiB; `readelf -lW` shows what is left in each.
  if _VERSION == "Lua 5.4" and shell.run("gcc -dumpmachine 2>&1"):find "^x86_64%-linux%-gnu" then
    it("builds a module of at most 160 KiB, once it is stripped", function()
      local size, status = shell.run [[
        root=$(mktemp -d) make="env -u CFLAGS -u MAKEFLAGS make -s DEPS=no CC=gcc LUA=lua5.4"
        $make BUILD_ROOT=$root build >/dev/null && strip -s $root/lua5.4/mic/core.so &&
        wc -c <$root/lua5.4/mic/core.so
        made=$?; rm -r $root; exit $made]]
      assert.equal(0, status, size)
      assert.is_true(tonumber(size) <= 160 * 1024, size)
    end)
  end

  it("builds nothing again once it has installed what a build needs", function()
    local printed, status = shell.run [[
      root=$(mktemp -d)
      # A bare machine: there is a compiler only after the dependencies are installed.
      make="env -u CFLAGS -u MAKEFLAGS make -s BUILD_ROOT=$root CC=$root/cc LUA=lua5.4"
      $make deps="@ln -sf $(command -v gcc) $root/cc #" $root/lua5.4/src/core/process/clock.o 2>&1
      $make deps=@: $root/lua5.4/src/core/process/clock.o 2>&1
      made=$?; rm -r $root; exit $made]]
    assert.equal("CC   src/core/process/clock.c\n", printed)
    assert.equal(0, status)
  end)

  it("prints one short line for each file, and with V=1 the command", function()
    local build = "root=$(mktemp -d) && make --no-print-directory DEPS=no BUILD_ROOT=$root %s "
      .. "$root/lua5.4/src/core/process/clock.o && rm -r $root"
    assert.equal("CC   src/core/process/clock.c\n", (shell.run(build:format "")))
    assert.is_truthy(shell.run(build:format "V=1"):find(" -c -o ", 1, true))
  end)
end)
