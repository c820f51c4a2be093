-- The options -f and -F: text, or a value typed by the grammar of JSON.

local fields = require "mic.command.fields"
local scratch = require "spec.support.scratch"
local shell = require "spec.support.shell"

local unpack = table.unpack or unpack -- luacheck: ignore

--- -f for each text; -F where it begins with "F ".
local function listed(...)
  local list = {}
  for index, text in ipairs { ... } do
    list[index] = { text = (text:gsub("^F ", "")), typed = text:find "^F " ~= nil }
  end
  return list
end

local function body(...)
  return assert(fields.read(listed(...))):body()
end

local function query(...)
  return assert(assert(fields.read(listed(...))):query())
end

local function mistake(...)
  local read, err = fields.read(listed(...))
  if read then
    read, err = read:query()
  end
  assert.is_nil(read)
  return err
end

describe("-f", function()
  it("takes a text as it is, in the order given", function()
    assert.equal('{"b":"1","a":"true","c":"","d":"x=y","e":"@file","é ü":"\\"\\n"}',
      body("b=1", "a=true", "c=", "d=x=y", "e=@file", 'é ü="\n'))
    assert.equal("{}", body())
  end)
end)

describe("-F", function()
  it("types by the grammar of JSON: what it has not is text", function()
    for value, expected in pairs {
      ["true"] = "true", ["false"] = "false", ["null"] = "null", ["0"] = "0", ["-1"] = "-1",
      ["1.10"] = "1.10",
      ["1e3"] = "1e3", ["00001570"] = '"00001570"', ["+1"] = '"+1"', [".5"] = '".5"',
      ["1."] = '"1."',
      ["-"] = '"-"', ["0x10"] = '"0x10"', ["True"] = '"True"', ["nan"] = '"nan"', ["inf"] = '"inf"',
      [""] = '""',
      [" 1"] = '" 1"', ["1 "] = '"1 "', ['"x"'] = '"\\"x\\""', ["text"] = '"text"',
      ["1,2"] = '"1,2"',
      ['{"b":1.0,"a":[]}'] = '{"b":1.0,"a":[]}', ["[1, 2]"] = "[1, 2]", ["[]"] = "[]",
      ["-0"] = "-0",
      ["9007199254740992"] = "9007199254740992", ["9007199254740994"] = "9007199254740994",
      ["0.1000000000000000055"] = "0.1000000000000000055", ["1e22"] = "1e22",
    } do
      assert.equal('{"k":' .. expected .. "}", body("F k=" .. value))
    end
  end)

  it("reads the text of a file", function()
    local path = scratch.file "123\n\"é\"\n"
    assert.equal('{"k":"123\\n\\"é\\"\\n"}', body("F k=@" .. path))
    local err = mistake("F k=@/does/not/exist")
    assert.equal("file", err.kind)
    assert.equal("-F: cannot read /does/not/exist: No such file or directory", err.message)
    assert.is_truthy(mistake("F k=@/").message:find "^%-F: cannot read /")
    assert.equal("-F: the file is not UTF-8 (byte 2 of 2)",
      mistake("F k=@" .. scratch.file "a\255").message)
    assert.equal("-F: expected a file name", mistake("F k=@").message)
  end)

  it("reads standard input, once", function()
    local script = scratch.file [[
      local fields = require "mic.command.fields"
      local one = { text = "k=@-", typed = true }
      print(assert(fields.read { one }):body())
      print(select(2, fields.read { one, { text = "l=@-", typed = true } }).message)
      print(select(2, fields.read({ one }, true)).message)
    ]]
    assert.equal('{"k":"from here\\n"}\n' .. ("-F: standard input can be read only once\n"):rep(2),
      (shell.run(("echo from here | %s %s"):format(shell.lua, script))))
  end)

  it("refuses a number that a double does not hold", function()
    for value, column in pairs { ["9007199254740993"] = 3, ["-9007199254740993"] = 3, ["1e400"] = 3,
      ["-1e999"] = 3, ["12345678901234567890"] = 3, ['{"a":[1,9007199254740993]}'] = 11,
      ["[1e999]"] = 4 } do
      local err = mistake("F k=" .. value)
      assert.is_truthy(err.message:find "^%-F: the number is ", err.message)
      assert.equal(column, err.column)
    end
    assert.equal("-F: the number is not exact as a double (9007199254740992); "
      .. "use -f to send it as a string",
      mistake("F k=9007199254740993").message)
  end)

  it("refuses what begins like JSON and is not", function()
    for value, column in pairs { ["{"] = 4, ["[1,]"] = 6, ['{"a":1,"a":2}'] = 10, ["[01]"] = 4,
      ['{"a":{"b":1},"c":{"b":2,"b":3}}'] = 27, ["{x}"] = 4, ["[1] 2"] = 7, ['{"\\ud800":1}'] = 4,
      ['{"a":1,"\\u0061":2}'] = 10 } do
      local err = mistake("F k=" .. value)
      assert.equal("usage", err.kind)
      assert.equal(column, err.column, value .. ": " .. err.message)
    end
  end)
end)

describe("the names of fields", function()
  it("nest", function()
    for expected, given in pairs {
      ['{"a":{"b":"1","c":{"d":2}},"e":"x"}'] = { "a[b]=1", "F a[c][d]=2", "e=x" },
      ['{"a":["1",2,"x"]}'] = { "a[]=1", "F a[]=2", "a[]=x" },
      ['{"a":[]}'] = { "a[]" }, ['{"a":{"b":[]}}'] = { "a[b][]" },
      ['{"a":{"b":["1"],"0":"x"}}'] = { "a[b][]=1", "a[0]=x" },
      ['{"a":[{"b":"1","c":"2"},{"b":"3"}]}'] = { "a[][b]=1", "a[][c]=2", "a[][b]=3" },
      ['{"a":[{"b":["1","2"],"c":{"d":"3","e":"4"}},{"c":"5"}]}'] =
        { "a[][b][]=1", "a[][b][]=2", "a[][c][d]=3", "a[][c][e]=4", "a[][c]=5" },
      ['{"a":["x",{"b":"1"}]}'] = { "a[]=x", "a[][b]=1" }, ['{"a":{"b=c":"1"}}'] = { "a[b=c]=1" },
      ['{"a":{" ":"1"}}'] = { "a[ ]=1" }, ['{"a":[{"b":1},{"c":"2"}]}'] = { 'F a[]={"b":1}',
      "a[][c]=2" },
    } do
      assert.equal(expected,
      body(unpack(given)))
    end
  end)

  it("point at a mistake", function()
    for text, expected in pairs {
      ["a"] = "2 expected = and a value", ["=1"] = "1 expected a name",
      [""] = "1 expected a name",
      ["[]=1"] = "1 expected a name", ["a[b=1"] = "2 unclosed [",
      ["a[b]c=1"] = "5 expected [ or =",
      ["a]=1"] = "2 unexpected ]", ["a[b]"] = "5 expected = and a value",
      ["é[b"] = "2 unclosed [", ["a[][]=1"] =
        "4 write nested arrays as JSON: -F 'name=[[1,2],[3]]'",
        ["a=\255"] = "3 not valid UTF-8",
    } do
      local err = mistake(text)
      assert.equal("usage", err.kind)
      assert.equal("-f: " .. expected:match "%d+ (.*)", err.message, text)
      assert.equal(tonumber(expected:match "%d+"), err.column, text)
      assert.equal(1, text:find(err.text, 1, true))
    end
    assert.equal("  a[b]c=\n      ^", mistake("a[b]c=1").mark)
  end)

  it("do not come twice, nor as two kinds", function()
    for expected, given in pairs {
      ['1 "a" is given twice'] = { "a=1", "a=2" }, ['2 "b" is given twice'] = { "a[b]=1",
      "a[b]=2" },
      ['2 "a" is already a string'] = { "a=1", "a[b]=2" },
      ['2 "a" is already an array'] = { "a[]=1", "a[b]=2" },
      ['2 "a" is already an object'] = { "a[b]=1", "a[]=2" }, ['2 "a" is already a value'] =
        { "F a=[1]", "a[]=2" }, ['1 "a" is given twice '] = { "a[]=1", "a=2" },
      ["2 [] without = is an empty array, but this array has values"] = { "a[]=1", "a[]" },
      ["2 [] without = is an empty array, but this array has values "] = { "a[]", "a[]=1" },
      ["2 [] without = is an empty array, but this array has values   "] = { "a[]", "a[][b]=1" },
      ["2 [] without = is an empty array, but this array has values  "] = { "a[]", "a[]" },
    } do
      local err = mistake(given[1], given[2])
      assert.equal("-f: " .. expected:match "^%d (.-) *$", err.message)
      assert.equal(tonumber(expected:match "%d"), err.column)
      assert.equal(given[2]:match "^[^=]*=?", err.text) -- without the value
    end
  end)
end)

describe("fields in a query", function()
  it("are texts, lists repeat their name", function()
    assert.same({ a = "1", b = "00001570", c = "true", d = { "x", "2", "y" }, e = "1.50", f = "",
      g = { "1", "a\"b", "false" }, h = {}, i = {} }, query("a=1", "F b=00001570", "F c=true",
      "d[]=x",
      "F d[]=2", "d[]=y", "F e=1.50", "f=", 'F g=[1, "a\\"b", false]', "h[]", "F i=[]"))
  end)

  it("have no null and no objects", function()
    for text, expected in pairs {
      ["F a=null"] = "3 a query parameter cannot be null",
      ["F a[]=null"] = "5 a query parameter cannot be null",
      ["F a=[1,null]"] = "3 a query parameter cannot be null",
      ['F a={"b":1}'] = "3 a query parameter cannot be an object",
      ["a[b]=1"] = "2 a query parameter cannot be an object",
      ["F a=[[1]]"] = "3 a query parameter cannot be a nested array",
      ["F a=[{}]"] = "3 a query parameter cannot be an object",
      ["a[][b]=1"] = "4 a query parameter cannot be an object",
    } do
      local err = mistake(text)
      assert.equal(expected:match "%d (.*)", err.message:match "^%-[fF]: (.*)", text)
      assert.equal(tonumber(expected:match "%d"), err.column, text)
    end
  end)

  it("are a query of the client", function()
    local path = require "mic.http.path"
    assert.equal("/x?a=1&a=%C3%A9&b=1e5&c=", path.query("/x", query("F b=1e5", "F a[]=1", "a[]=é",
    "c=")))
  end)
end)
