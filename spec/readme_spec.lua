-- The README: its code runs, what it names exists, and its sections are in order.

local blocks = require "spec.support.blocks"
local tree = require "spec.support.tree"

local README = "README.md"

local HEADINGS = { "In nginx", "At a shell", "Try it", "What is different", "Install", "Errors",
  "Security", "Platforms", "Documentation" }

--- Its Lua blocks but for the module of nginx, which nginx_readme_spec loads there.
local function scripts_of_page()
  local scripts = {}
  local whole = { name = README .. ", its blocks pasted in order", text = "", output = "" }
  for _, block in ipairs(blocks.of(README, "lua")) do
    if not block.text:find "^%-%- [%w_]+%.lua\n" then
      scripts[#scripts + 1] = block
      whole.text = whole.text .. block.text
      whole.output = whole.output .. (block.output or "")
    end
  end
  table.insert(scripts, 1, whole)
  return scripts
end

describe("the README", function()
  local text = tree.read(README)

  it("comes in the promised order", function()
    local found = {}
    for heading in text:gmatch "\n## ([^\n]+)" do
      found[#found + 1] = heading
    end
    assert.same(HEADINGS, found)
  end)

  it("is short: under 200 lines", function()
    assert.is_true(select(2, text:gsub("\n", "")) < 200)
  end)

  it("begins with one sentence and an example of ten lines with its output", function()
    local sentence = text:match "^# lua%-mic\n\n(.-)\n\n"
    assert.is_truthy(sentence)
    assert.is_nil(sentence:find "%.%s")
    local first = blocks.read(README)[1]
    assert.equal("lua", first.language)
    assert.is_true(#first.lines <= 10)
    assert.is_truthy(first.output)
  end)

  it("has only blocks that a spec runs or compares", function()
    local known = { lua = true, sh = true, nginx = true }
    for _, block in ipairs(blocks.read(README)) do
      assert.is_true(known[block.language], block.name)
      local compared = block.language == "lua" or block.text:find "^make demo\n"
      assert.is_truthy(compared or not block.output,
        block.name .. ": an output that no spec compares")
    end
  end)

  describe("in each of its Lua blocks", function()
    local scripts = blocks.run(scripts_of_page())

    for _, script in ipairs(scripts) do
      it(script.name .. " runs as it stands and prints what the page says", function()
        assert.equal(0, script.code, script.printed)
        assert.equal(blocks.settled(script.output or ""), blocks.settled(script.printed))
      end)
    end
  end)

  it("shows a part of what make demo prints", function()
    local shown
    for _, block in ipairs(blocks.of(README, "sh")) do
      shown = shown or block.text:find "^make demo\n" and block.output
    end
    local demo = blocks.run({ { path = "examples/demo.lua" } })[1]
    local printed = blocks.settled(demo.printed)
    assert.is_truthy(printed:find(blocks.settled(shown), 1, true), printed)
  end)

  it("names commands, targets, variables and packages that exist", function()
    local checked = 0
    for _, block in ipairs(blocks.of(README, "sh")) do
      for _, command in ipairs(block.lines) do
        checked = checked + 1
        assert.is_nil(blocks.problem_with(command), command)
      end
    end
    assert.is_true(checked > 0)
  end)

  it("names environment variables that are read or set", function()
    local code = tree.read "lua/mic/environment.lua" .. tree.read "sandbox/life.lua"
      .. tree.read "lua/mic/debug.lua"
    for name in text:gmatch "%f[%w_]MIC_[%u_]+" do
      assert.is_truthy(code:find(name .. "%f[^%w_]"), name)
    end
  end)

  it("has no dead link", function()
    assert.same({}, blocks.dead_links(README))
  end)
end)
