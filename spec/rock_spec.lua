-- The release: the tarball and the source rock, which LuaRocks builds into a scratch tree without
-- network; and `make install`.

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

--- Makes a release in a folder.
---@param folder string
---@param target string "dist" or "rock"
---@return string sums a line for each file: its SHA-256 and its name
local function make_release(folder, target)
  return (shell.run(("make --no-print-directory BUILD_ROOT='%s' %s 2>/dev/null"):format(folder,
    target)))
end

describe("the rock", function()
  it("has rockspecs that LuaRocks accepts", function()
    local paths = tree.files("rockspecs", "%.rockspec$")
    paths[#paths + 1] = "lua-mic-scm-1.rockspec"
    for _, path in ipairs(paths) do
      local text, status = capture("luarocks lint " .. path)
      assert.are.equal(0, status, text)
    end
  end)

  it("is released as the one at the root, with version and address", function()
    local last = mic._VERSION
    local released = tree.read(("rockspecs/lua-mic-%s-1.rockspec"):format(last))
    assert.is_truthy(released:find(('\nversion = "%s-1"\n'):format(last), 1, true))
    assert.is_truthy(released:find(('/lua-mic-%s.tar.gz",\n'):format(last), 1, true))
    if not tree.read "CHANGELOG.md":find "\n## Unreleased\n" then -- until the next change
      released = released:gsub('\nversion = "[^"]*"', '\nversion = "scm-1"')
        :gsub('\n  url = "[^"]*"', '\n  url = "git+file://."')
      assert.is_true(released == tree.read "lua-mic-scm-1.rockspec", "run: make rockspec")
    end
  end)

  -- LuaRocks knows PUC Lua by its version; the module for LuaJIT is that for 5.1.
  if not is_jit and (version == "5.1" or version == "5.4") then
    local LUA = os.getenv "LUA" or "lua" .. version
    local place

    -- The plain PATH: under a sanitizer the interpreter's name stands for a wrapper. A download
    -- fails at once.
    local function luarocks(words)
      local text, status = capture(("cd '%s' && env PATH=/usr/local/bin:/usr/bin:/bin "
        .. "http_proxy=http://127.0.0.1:9 https_proxy=http://127.0.0.1:9 "
        .. "luarocks --lua-version=%s %s"):format(place, version, words))
      assert.are.equal(0, status, text)
      return text
    end

    --- Runs the installed command, which has to find its modules by itself.
    local function command(words)
      local suffix = version:gsub("%.", "_")
      return shell.run(("cd / && env -u LUA_PATH -u LUA_CPATH -u LUA_PATH_%s -u LUA_CPATH_%s "
        .. "%s/bin/mic %s 2>&1"):format(suffix, suffix, place, words))
    end

    it("is built by LuaRocks without network, and works in another folder", function()
      local folder = scratch.folder()
      place = folder.path
      assert.is_truthy(make_release(place, "rock"):find "%.src%.rock\n")
      luarocks "--tree=. install --deps-mode=none dist/lua-mic-*.src.rock"
      local text, status = command "--version"
      assert.are.equal(0, status, text)
      assert.is_truthy(text:find("mic " .. mic._VERSION, 1, true), text)
      text, status = command(("sandbox -- %s/bin/mic get /user -q .email"):format(place))
      assert.are.equal(0, status, text)
      assert.are.equal("demo@example.com\n", text)
      local quickstart = ("%s %s/examples/quickstart.lua"):format(LUA, shell.folder())
      text, status = in_sandbox(place, quickstart)
      assert.are.equal(0, status, text)
      assert.are.equal("demo  Demo User  demo@example.com\n", text)
      assert.are.equal(0, select(2, capture(("test -f %s/lib/luarocks/rocks-%s/lua-mic/%s-1/man"
        .. "/mic.1"):format(place, version, mic._VERSION))))
      -- Packed and installed elsewhere, it works as well.
      luarocks "--tree=. pack lua-mic"
      luarocks "--tree=other install --deps-mode=none lua-mic-*.rock"
      luarocks "--tree=. remove lua-mic"
      assert.are.equal("", (shell.run(("ls -d %s/share/lua/*/mic 2>/dev/null"):format(place))))
      text, status = in_sandbox(place .. "/other", quickstart)
      assert.are.equal(0, status, text)
      assert.are.equal("demo  Demo User  demo@example.com\n", text)
    end)
  end
end)

describe("make dist", function()
  local NAME = "lua-mic-" .. mic._VERSION

  it("packs every file of the checkout, and none of the build", function()
    local folder = scratch.folder()
    make_release(folder.path, "dist")
    local packed = shell.check(("tar -tzf '%s/dist/%s.tar.gz'"):format(folder.path, NAME))
    local there = {}
    for _, path in ipairs(tree.files(".", "^%./[^.]")) do
      if not path:find "^%./build/" and not path:find "%.[ao]$" and not path:find "%.so$"
        and not path:find "%.rock$" and not path:find "^%./luacov%." then
        there[#there + 1] = path:gsub("^%.", NAME)
      end
    end
    local found = {}
    for path in packed:gmatch "[^\n]+" do
      assert.is_truthy(path:find(NAME .. "/", 1, true) == 1, path)
      if path:find "^[^/]*/[^.]" then
        found[#found + 1] = path
      end
    end
    assert.is_true(#found > 500)
    assert.are.same(there, found)
    assert.is_nil(packed:find "/%.git/")
  end)

  it("has the same bytes whoever makes it, also from what it unpacks to", function()
    local folder = scratch.folder()
    local sums = make_release(folder:at "here", "rock")
    assert.is_truthy(sums:find("^%x+  " .. NAME:gsub("[.-]", "%%%0") .. "%.tar%.gz\n%x+  "), sums)
    shell.check(("cd '%s' && umask 077 && tar -xzf here/dist/%s.tar.gz"):format(folder.path, NAME))
    local again = shell.run(("umask 077 && cd '%s' && TZ=Asia/Tokyo make --no-print-directory "
      .. "BUILD_ROOT=%s rock"):format(folder:at(NAME), folder:at "there"))
    assert.are.equal(sums, again)
  end)

  it("refuses a version without its day in the changelog", function()
    local printed, status = capture(("make --no-print-directory BUILD_ROOT=%s VERSION=9.9.9 dist")
      :format(scratch.folder().path))
    assert.are_not.equal(0, status)
    assert.is_truthy(printed:find("CHANGELOG.md has no line '## 9.9.9 - DATE'", 1, true), printed)
  end)
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

  it("installs a command that finds its modules by itself, before those of another Lua", function()
    local place, lua = scratch.folder().path, shell.build:match "[^/]+$"
    local suffix = version:gsub("%.", "_")
    local make = ("make --no-print-directory -o build DEPS=no LUA=%s BUILD_ROOT=%s PREFIX=%s "
      .. "install"):format(lua, shell.build:match "^(.*)/", place)
    local other = ("mkdir -p %s/other/mic && echo x >%s/other/mic/terminal.so"):format(place, place)
    local run = ("cd / && %s/sandbox/start -- env -u LUA_PATH -u LUA_PATH_%s -u LUA_CPATH_%s "
      .. "LUA_CPATH='%s/other/?.so;;' %s/bin/mic get /user -q .email"):format(shell.folder(),
      suffix, suffix, place, place)
    local text, status = capture(("%s && %s && %s"):format(make, other, run))
    assert.are.equal(0, status, text)
    assert.are.equal("demo@example.com", text:match "([^\n]*)\n$")
    text, status = capture(("cd %s && cp other/mic/terminal.so lib/lua/%s/mic/ && "
      .. "bin/mic status"):format(place, version))
    assert.are.equal(5, status)
    assert.is_truthy(text:find("^mic: cannot load the module mic.terminal: error loading module "
      .. "'mic.terminal' from file '[^\n]*\n$"), text)
  end)
end)

describe("the command mic", function()
  it("finds the cjson of an OpenResty whose LuaJIT runs it", function()
    local folder = scratch.folder()
    local words = "env -i HOME=%s PATH=/usr/bin MIC_BASE_URL=https://127.0.0.1:9 MIC_API_KEY=k "
      .. "MIC_USERNAME=u MIC_PASSWORD=p LUA_PATH='%s/lua/?.lua' "
      .. "LUA_CPATH='%s/luajit/lib/lua/5.1/?.so;%s/?.so' %s %s/bin/mic get /user --no-retry"
    local program = words:format(folder.path, shell.folder(), folder.path, shell.build,
      os.getenv "LUA", shell.folder())
    local text, status = capture(program)
    assert.equal(5, status)
    assert.is_truthy(text:find("module 'cjson' not found", 1, true), text)
    for template in package.cpath:gmatch "[^;]+" do
      local path = template:gsub("%?", "cjson")
      local file = io.open(path)
      if file then
        file:close()
        shell.check(("cd %s && mkdir -p lualib && ln -sf %s lualib/cjson.so"):format(folder.path,
          path))
      end
    end
    text, status = capture(program)
    assert.is_truthy(text:find "^mic: network: could not connect", text)
    assert.equal(4, status)
  end)
end)
