-- The rock, built by LuaRocks from this checkout into a scratch tree without network; and `make
-- install`.

local mic = require "mic"
local scratch = require "spec.support.scratch"
local shell = require "spec.support.shell"
local tree = require "spec.support.tree"

local version = _VERSION:match "%d%.%d"
local is_jit = rawget(_G, "jit") ~= nil

--- Runs a command by `mic sandbox` of an installed module.
---@param place string where `bin`, `share` and `lib` are
---@param command string
---@return string printed both streams
---@return integer status
local function in_sandbox(place, command)
  local paths = "LUA_PATH='%s/share/lua/%s/?.lua;;' LUA_CPATH='%s/lib/lua/%s/?.so;;'"
  return shell.run(("cd / && %s '%s/bin/mic' sandbox -- %s 2>&1"):format(
    paths:format(place, version, place, version), place, command))
end

local function capture(command)
  return shell.run("{ " .. command .. "\n} 2>&1")
end

describe("the rock", function()
  it("has rockspecs that LuaRocks accepts", function()
    for _, path in ipairs { "lua-mic-scm-1.rockspec", "rockspecs/lua-mic-0.1.0-1.rockspec" } do
      local text, status = capture("luarocks lint " .. path)
      assert.are.equal(0, status, text)
    end
  end)

  it("is released as the one at the root, with version and tag", function()
    local changes, last = tree.read "CHANGELOG.md", mic._VERSION
    local released = tree.read(("rockspecs/lua-mic-%s-1.rockspec"):format(last))
    assert.is_truthy(released:find(('version = "%s-1"'):format(last), 1, true))
    assert.is_truthy(released:find(('tag = "v%s"'):format(last), 1, true))
    assert.is_truthy(changes:find(("\n## %s - "):format(last), 1, true))
    if not changes:find "\n## Unreleased\n" then -- until the next change
      released = released:gsub('version = "[^"]*"', 'version = "scm-1"')
        :gsub("\n  tag = [^\n]*", "")
      assert.are.equal(tree.read "lua-mic-scm-1.rockspec", released)
    end
  end)

  -- LuaRocks knows PUC Lua by its version; the module for LuaJIT is that for 5.1.
  if not is_jit and (version == "5.1" or version == "5.4") then
    it("is built and installed by LuaRocks, and logs in from another folder", function()
      local folder = scratch.folder()
      local place = folder.path
      -- In a copy, since LuaRocks leaves its objects beside the sources. The plain PATH: under a
      -- sanitizer the interpreter's name stands for a wrapper.
      local make = "mkdir -p TREE/source"
        .. " && cp -r bin lua man src sandbox *.rockspec README.md TREE/source"
        .. " && cd TREE/source && PATH=/usr/local/bin:/usr/bin:/bin luarocks --lua-version=VERSION"
        .. " make --deps-mode=none --tree=TREE lua-mic-scm-1.rockspec"
      local text, status = capture((make:gsub("TREE", place):gsub("VERSION", version)))
      assert.are.equal(0, status, text)
      local script = folder:write("try.lua", [[
        local mic = require "mic"
        local client = mic.assert(mic.from_env())
        mic.assert(client:login())
        print(client:get("/user").data.email)
      ]])
      -- By the sandbox that is in the rock, too. Packed and installed elsewhere it works as well.
      local lua = os.getenv "LUA" or "lua" .. version
      text, status = in_sandbox(place, lua .. " " .. script)
      assert.are.equal(0, status, text)
      assert.is_truthy(text:find("demo@example.com", 1, true), text)
      text, status = in_sandbox(place, place .. "/bin/mic get /user -q .email")
      assert.are.equal(0, status, text)
      assert.are.equal("demo@example.com\n", text)
      assert.are.equal(0, select(2, capture(("test -f %s/lib/luarocks/rocks-%s/lua-mic/scm-1/man"
        .. "/mic.1"):format(place, version))))
      local pack = "cd TREE && rm -r source && export PATH=/usr/local/bin:/usr/bin:/bin"
        .. " && luarocks --lua-version=VERSION --tree=TREE pack lua-mic scm-1"
        .. " && luarocks --lua-version=VERSION --tree=TREE/other install --deps-mode=none *.rock"
        .. " && luarocks --lua-version=VERSION --tree=TREE remove lua-mic && ! ls share/lua/*/mic"
      text, status = capture((pack:gsub("TREE", place):gsub("VERSION", version)))
      assert.are.equal(0, status, text)
      text, status = in_sandbox(place .. "/other", lua .. " " .. script)
      assert.are.equal(0, status, text)
      assert.is_truthy(text:find("demo@example.com", 1, true), text)
    end)
  end
end)

describe("make", function()
  it("installs below DESTDIR, for all to read, and takes all of it away again", function()
    local place = scratch.folder():at "new"
    local lua = is_jit and "luajit" or "lua" .. version
    -- Something stands for the module: whether it can be built is shown by every other spec.
    local make = ("make --no-print-directory -o build DEPS=no LUA=%s BUILD_ROOT=%s/build "
      .. "DESTDIR='%s/a place' PREFIX=/usr "):format(lua, place, place)
    local prepare = ("mkdir -p %s/build/%s/mic '%s/a place' && touch %s/build/%s/mic/core.so "
      .. "&& cp %s/mic/terminal.so %s/build/%s/mic && "):format(place, lua, place, place, lua,
      shell.build, place, lua)
    local text, status = capture("umask 077; " .. prepare .. make .. "install")
    assert.are.equal(0, status, text)
    local found = capture(("cd '%s/a place/usr' && find . -type f | LC_ALL=C sort"):format(place))
    local sources = capture "cd lua && find . -name '*.lua'"
    local expected = { "./bin/mic", "./share/man/man1/mic.1",
      ("./lib/lua/%s/mic/core.so"):format(version),
      ("./lib/lua/%s/mic/terminal.so"):format(version) }
    for name in sources:gmatch "%./([^\n]+)" do
      expected[#expected + 1] = ("./share/lua/%s/%s"):format(version, name)
    end
    for name in (capture "ls sandbox"):gmatch "[^\n]+" do
      if not name:find "%.md$" and not name:find "%.c$" then
        expected[#expected + 1] = ("./share/lua/%s/mic/sandbox/%s"):format(version, name)
      end
    end
    table.sort(expected)
    assert.are.equal(table.concat(expected, "\n") .. "\n", found)
    assert.are.equal("", shell.check(("cd '%s/a place' && find usr ! -perm -0444"):format(place)))
    text, status = in_sandbox(place .. "/a place/usr", "sh -c 'echo $MIC_USERNAME; exit 9'")
    assert.are.equal("demo\n", text)
    assert.are.equal(9, status)
    local installed = shell.check(("head -4 '%s/a place/usr/bin/mic'"):format(place))
    assert.is_truthy(installed:find("^#!/[^\n]*" .. lua .. "\n"), installed)
    assert.is_truthy(installed:find(("/usr/share/lua/%s/?.lua"):format(version), 1, true))
    text, status = capture(make .. "uninstall && " .. make .. "uninstall")
    assert.are.equal(0, status, text)
    found = capture(("cd '%s/a place/usr' && find . -mindepth 3 | LC_ALL=C sort"):format(place))
    assert.are.equal(("./lib/lua/%s\n./share/lua/%s\n./share/man/man1\n")
      :format(version, version), found)
  end)

  it("installs a command that finds its modules by itself", function()
    local place, lua = scratch.folder().path, shell.build:match "[^/]+$"
    local suffix = version:gsub("%.", "_")
    local text, status = capture(("make --no-print-directory -o build DEPS=no LUA=%s BUILD_ROOT=%s "
      .. "PREFIX=%s install && cd / && %s/sandbox/start -- env -u LUA_PATH -u LUA_CPATH "
      .. "-u LUA_PATH_%s -u LUA_CPATH_%s %s/bin/mic get /user -q .email"):format(lua,
      shell.build:match "^(.*)/", place, shell.folder(), suffix, suffix, place))
    assert.are.equal(0, status, text)
    assert.are.equal("demo@example.com", text:match "([^\n]*)\n$")
  end)
end)
