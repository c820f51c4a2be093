-- JSON on a terminal, made from the text; and foreign text on a terminal.

local json_text = require "mic.command.json_text"
local mark = require "mic.command.mark"
local pretty_text = require "mic.command.pretty_text"
local visible = require "mic.command.visible"
local jq = require "spec.support.jq"

describe("pretty_text.pretty", function()
  it("inserts spaces and nothing else", function()
    for text, expected in pairs {
      ['{"b":1,"a":[1,2]}'] = '{\n  "b": 1,\n  "a": [\n    1,\n    2\n  ]\n}',
      ["[]"] = "[]", ["{}"] = "{}", [" [ ] "] = "[]", ['{"a":{},"b":[[]]}'] =
        '{\n  "a": {},\n  "b": [\n    []\n  ]\n}',
      ["1.10"] = "1.10", ["12345678901234567890"] = "12345678901234567890", ["-0.0e+5"] = "-0.0e+5",
      ['"\\u00e9\\/\\ud83d"'] = '"\\u00e9\\/\\ud83d"', ["null"] = "null",
      ["\239\187\191\n1\r\n"] = "1",
      ['{"a":1,"a":2}'] = '{\n  "a": 1,\n  "a": 2\n}', ['"é"'] = '"é"',
      ['[true,{"x":"{[,:]}"}]'] = '[\n  true,\n  {\n    "x": "{[,:]}"\n  }\n]',
    } do
      assert.equal(expected, (pretty_text.pretty(text)))
      assert.equal(expected, (pretty_text.pretty(expected)))
    end
  end)

  it("looks as jq prints it", function()
    local text = '{"hits":{"total":2,"hits":[{"_id":"x","v":[1,[],{}],"n":null},true]},"e":"\\n"}'
    assert.equal(jq.pretty(text), pretty_text.pretty(text) .. "\n")
  end)

  it("colours names, texts, numbers and words", function()
    assert.equal('{\n  \27[1;34m"a"\27[0m: \27[32m"x"\27[0m,\n  \27[1;34m"b"\27[0m: [\n'
      .. "    \27[36m-1.5\27[0m,\n    \27[33mnull\27[0m\n  ]\n}",
      (pretty_text.pretty('{"a":"x","b":[-1.5,null]}', true)))
  end)

  it("escapes what a terminal would interpret, so that it stays the same JSON", function()
    assert.equal('[\n  "\\u007f\\u009b31m\\u202e\\u2066\\u061c\\u200f",\n  "\\u001b"\n]',
      (pretty_text.pretty('["\127\194\15531m\226\128\174\226\129\166\216\156\226\128\143",'
        .. '"\\u001b"]')))
    assert.equal('{\n  "\\u0085": 1\n}', (pretty_text.pretty '{"\194\133":1}'))
    assert.equal('"\\xff"', (pretty_text.pretty '"\255"'))
  end)

  it("shows a text that is not JSON as it is, but safe", function()
    for text, expected in pairs {
      ["{"] = "{", ["[1,]"] = "[1,]", ['{"a" 1}'] = '{"a" 1}', ["[1] 2"] = "[1] 2", ['"\27[31m"'] =
        '"\\x1b[31m"', [""] = "", ["[1}"] = "[1}", ["\9x\n"] = "\9x\n", ["<p>\r\n"] = "<p>\\x0d\n",
    } do
      local shown, message = pretty_text.pretty(text)
      assert.equal(expected, shown)
      assert.is_string(message)
    end
  end)

  it("needs no more memory than the text deserves when it is deep", function()
    local deep = ("["):rep(200) .. ("]"):rep(200)
    local shown, message = pretty_text.pretty(deep)
    assert.is_nil(message)
    assert.is_true(#shown < 130 * #deep)
    assert.equal(deep, json_text.compact(shown))
    deep = ("["):rep(100000) .. ("]"):rep(100000)
    shown, message = pretty_text.pretty(deep)
    assert.equal("JSON nested too deeply", message)
    assert.equal(deep, shown)
  end)
end)

describe("json_text", function()
  it("takes the grammar of JSON and no more", function()
    for _, text in ipairs { "0", "-0", "1e5", "1.5E-7", '""', '"\\u0000"', "[[],{}]", '{"":{}}',
      ' { "a" : [ 1 , null ] } ', "true", "\t\r\n1" } do
      assert.is_true(json_text.walk_whole(text), text)
    end
    for text, position in pairs { [""] = 1, ["01"] = 1, ["+1"] = 1, [".5"] = 1, ["1."] = 1,
    ["1e"] = 1,
      ["-"] = 1, ["[1 2]"] = 4, ["[,]"] = 2, ["{,}"] = 2, ['{"a"}'] = 5, ['{"a":}'] = 6,
      ["{1:2}"] = 2,
      ['{"a":1,}'] = 8, ["[1,]"] = 4, ["]"] = 1, ["[}"] = 2, ["{]"] = 2, ["'a'"] = 1, ['"'] = 1,
      ['"\\x"'] = 1, ['"\\u12g4"'] = 1, ['"a\nb"'] = 1, ["nul"] = 1, ["truer"] = 5, ["NaN"] = 1,
      ["1,2"] = 2,
      ['{"a":1:2}'] = 7, ['["a":1]'] = 5, ["[1]]"] = 4, ["\0"] = 1, ['"\0"'] = 1, ["[1\0]"] = 3,
      ["[1"] = 3,
      ['{"a":1'] = 7, ['[tru]'] = 2, ["//"] = 1 } do
      local ok, _, at = json_text.walk_whole(text)
      assert.is_nil(ok, text)
      assert.equal(position, at, text)
    end
  end)

  it("finds the escape that is wrong also behind others", function()
    assert.is_nil((json_text.walk_whole '["a\\n","b\\q"]'))
    assert.is_nil((json_text.walk_whole '["a\\n","b\1"]'))
    assert.is_true(json_text.walk_whole '["a\\n",\n"b\\"",\n"c","\\\\"]')
  end)

  it("takes a time that grows with the text alone", function()
    local text = '["' .. ("short\",\""):rep(400000) .. '"]'
    local began, last = os.clock(), nil
    json_text.walk_whole(text, function(kind, first, final)
      last = kind == "string" and json_text.string(text, first, final) or last
    end)
    assert.equal("", last)
    assert.is_true(os.clock() - began < 20) -- seconds; minutes if each string costs the rest
  end)

  it("takes out the spaces", function()
    assert.equal('{"a b":[1," x "]}', json_text.compact ' {\n "a b" :\t[ 1 , " x " ]\r\n} ')
    assert.is_nil((json_text.compact "{"))
  end)
end)

describe("visible.text", function()
  it("shows control characters but tab and line end", function()
    for text, expected in pairs {
      ["plain\ttext\n"] = "plain\ttext\n", ["\27[31mred\7"] = "\\x1b[31mred\\x07",
      ["\0\r"] = "\\x00\\x0d",
      ["\127"] = "\\u007f", ["\194\128\194\159\194\160é"] = "\\u0080\\u009f\194\160é",
      ["😀"] = "😀",
      ["a\226\128\174b"] = "a\\u202eb", ["caf\233\155"] = "caf\\xe9\\x9b",
      ["é\255"] = "\\xc3\\xa9\\xff",
    } do
      assert.equal(expected, visible.text(text))
    end
  end)
end)

describe("mark.lines", function()
  it("points at a column", function()
    assert.equal("  abc\n    ^", mark.lines("abc", 3))
    assert.equal("  abc\n     ^", mark.lines("abc", 4))
    assert.equal("  é😀x\n    ^", mark.lines("é😀x", 3))
    assert.equal("  a b??\n   ^", mark.lines("a\nb\27\194\155", 2))
    assert.equal(3, mark.column("é😀x", 7))
    assert.equal(4, mark.column("é😀x", 8))
    assert.equal(1, mark.column("", 1))
  end)

  it("cuts a long text", function()
    local lines = mark.lines(("x"):rep(100) .. "+" .. ("y"):rep(100), 101)
    assert.equal(("  ...%s+%s...\n%s^"):format(("x"):rep(50), ("y"):rep(20), (" "):rep(55)), lines)
  end)
end)
