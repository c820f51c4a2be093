-- Rules of the source tree: the rockspec lists every file, the version is defined once, files stay
-- small, and every test runs.

local tree = require "spec.support.tree"

local LONGEST = 600 -- lines

local function rockspec()
  local spec = {}
  local text = tree.read "lua-mic-scm-1.rockspec"
  local chunk
  if rawget(_G, "setfenv") then
    chunk = assert(loadstring(text)) -- luacheck: ignore
    setfenv(chunk, spec) -- luacheck: ignore
  else
    chunk = assert(load(text, "rockspec", "t", spec)) -- luacheck: ignore
  end
  chunk()
  return spec
end

local function set_of(list)
  local set = {}
  for _, name in ipairs(list) do
    set[name] = true
  end
  return set
end

--- The names in one set but not in the other, sorted.
local function missing(from, other)
  local names = {}
  for name in pairs(from) do
    if not other[name] then
      names[#names + 1] = name
    end
  end
  table.sort(names)
  return names
end

describe("the rockspec", function()
  it("lists every C source of the modules, and none that is not there", function()
    local listed = set_of(rockspec().build.modules["mic.core"].sources)
    for _, path in ipairs(rockspec().build.modules["mic.terminal"].sources) do
      listed[path] = true
    end
    local there = set_of(tree.files("src", "%.c$"))
    assert.same({}, missing(there, listed))
    assert.same({}, missing(listed, there))
  end)

  it("lists every Lua module under its name, and none that is not there", function()
    local listed, there = {}, {}
    for name, path in pairs(rockspec().build.modules) do
      if name ~= "mic.core" and name ~= "mic.terminal" then
        listed[name .. " = " .. tostring(path)] = true
      end
    end
    for _, path in ipairs(tree.files("lua", "%.lua$")) do
      local name = path:gsub("^lua/", ""):gsub("%.lua$", ""):gsub("/init$", ""):gsub("/", ".")
      there[name .. " = " .. path] = true
    end
    assert.same({}, missing(there, listed))
    assert.same({}, missing(listed, there))
  end)

  it("installs every file of the sandbox in mic/sandbox", function()
    local listed, there = {}, {}
    for name, path in pairs(rockspec().build.install.lua) do
      if path:find "^sandbox/" then
        listed[path] = true
        assert.is_truthy(name:find "^mic%.sandbox%.[%w_]+$", name)
        assert.is_true(not path:find "%.lua$" or path == name:gsub("^mic%.", ""):gsub("%.", "/")
          .. ".lua", name)
      end
    end
    for _, path in ipairs(tree.files("sandbox", "[^.]+$")) do
      if not path:find "%.md$" and not path:find "%.c$" then
        there[path] = true
      end
    end
    assert.same({}, missing(there, listed))
    assert.same({}, missing(listed, there))
  end)
end)

describe("the version", function()
  local version = tree.read("src/core/base.h"):match '#define MIC_VERSION "([^"]*)"'

  it("is a semantic one", function()
    assert.is_truthy(version and version:match "^%d+%.%d+%.%d+$", version)
  end)

  it("is what the module says", function()
    assert.equal(version, require("mic")._VERSION)
  end)

  it("is the newest of the changelog, unless it is not released yet", function()
    local newest = tree.read("CHANGELOG.md"):match "\n## %[?([^%]%s]+)"
    assert.is_truthy(newest == "Unreleased" or newest == version, newest)
  end)
end)

describe("the files", function()
  it("of src and lua have at most " .. LONGEST .. " lines", function()
    local long = {}
    for _, folder in ipairs { "src", "lua" } do
      for _, path in ipairs(tree.files(folder, "%.%a+$")) do
        local _, lines = tree.read(path):gsub("\n", "")
        if lines > LONGEST and path ~= "lua/mic/types.lua" then -- written by tools/types.lua
          long[#long + 1] = path .. ": " .. lines
        end
      end
    end
    assert.same({}, long)
  end)
end)

describe("the specs", function()
  local files = tree.files("spec", "%.lua$")

  it("are found by their name", function()
    local lost = {}
    for _, path in ipairs(files) do
      if not path:find "_spec%.lua$" and tree.code(path):find "%f[%w_]describe%s*%(" then
        lost[#lost + 1] = path
      end
    end
    assert.is_true(#files > 0)
    assert.same({}, lost)
  end)

  it("skip no test", function()
    local out = {}
    for _, path in ipairs(files) do
      local code = tree.code(path)
      for _, word in ipairs { "pend" .. "ing", "x" .. "it", "xdes" .. "cribe", "x" .. "test" } do
        if code:find("%f[%w_.:]" .. word .. "%s*[(\"']") then
          out[#out + 1] = path .. ": " .. word
        end
      end
    end
    assert.same({}, out)
  end)
end)
