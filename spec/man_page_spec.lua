-- man/mic.1: written by tools/man_page.lua, complete, and right for mandoc.

local arguments = require "mic.command.arguments"
local parser = require "mic.command.parser"
local query = require "mic.command.query"
local shell = require "spec.support.shell"
local tree = require "spec.support.tree"

--- The page as it is read: one line, one space between words.
local function shown()
  return (shell.check "mandoc -T ascii -O width=1000 man/mic.1 | col -bx":gsub("%s+", " "))
end

describe("the man page", function()
  it("is what tools/man_page.lua makes", function()
    assert.equal(tree.read "man/mic.1", shell.check(shell.lua .. " tools/man_page.lua"))
  end)

  it("has no fault that mandoc finds", function()
    assert.equal("", (shell.run "mandoc -T lint -W style man/mic.1 2>&1"))
  end)

  it("has every command, option and exit code", function()
    local text = shown()
    for _, command in ipairs(arguments.commands) do
      assert.is_truthy(text:find("mic " .. command.name, 1, true), command.name)
      for _, key in ipairs(arguments.option_keys(command)) do
        local option = arguments.options[key]
        local label = table.concat(option, ", ") .. (option.takes and " " .. option.takes or "")
        assert.is_truthy(text:find(label, 1, true), label)
        assert.is_truthy(text:find(option.text:sub(2), 1, true), option.text)
      end
    end
    for _, code in ipairs(arguments.codes) do
      assert.is_truthy(text:find((" %d %s"):format(code[1], code[2]:gsub("^%l", string.upper)), 1,
        true), code[2])
    end
  end)

  it("has every variable of the reference", function()
    local text = shown()
    for name in tree.read "docs/reference.md":gmatch "\n| `(MIC_[%u_]+)` |" do
      assert.is_truthy(name == "MIC_MANIFEST_URL" or text:find(name, 1, true), name)
    end
  end)

  it("has examples that can be typed", function()
    local text, count = shown(), 0
    local function check(list)
      for _, example in ipairs(list or {}) do
        assert.is_truthy(text:find((example:gsub("%s+", " ")), 1, true), example)
        for line in example:gmatch "mic [^|<>)]+" do
          local words = {}
          for word in shell.check("for w in " .. line:sub(5) .. "; do echo \"$w\"; done")
            :gmatch "[^\n]+" do
            words[#words + 1] = word
          end
          assert.is_table((parser.parse(words)), example)
          count = count + 1
        end
      end
    end
    check(arguments.examples)
    for _, command in ipairs(arguments.commands) do
      check(command.examples)
    end
    assert.is_true(count > 0)
    for _, expression in ipairs(arguments.expressions) do
      assert.is_truthy(text:find(expression, 1, true), expression)
      assert.is_table((assert(query.compile(expression))))
    end
  end)
end)
