local cleanup = require "spec.support.cleanup"
local json = require "mic.json"

local function message_of(fn, ...)
  local ok, message = pcall(fn, ...)
  assert.is_false(ok)
  return (message:gsub("^[^:]+:%d+: ", ""))
end

--- A table in a table in a table …
local function nested(depth)
  local value = {}
  for _ = 2, depth do
    value = { value }
  end
  return value
end

describe("json.encode", function()
  it("writes objects with sorted names and no spaces", function()
    assert.are.equal(
      '{"a":true,"b":[1,"two",null],"c":{"d":false}}',
      json.encode { c = { d = false }, b = { 1, "two", json.null }, a = true }
    )
  end)

  it("writes plain values", function()
    assert.are.equal('"x"', json.encode "x")
    assert.are.equal("null", json.encode(json.null))
    assert.are.equal("false", json.encode(false))
    assert.are.equal("7", json.encode(7))
  end)

  it("writes an empty table as an object, and as an array when it is marked", function()
    assert.are.equal("{}", json.encode {})
    assert.are.equal("[]", json.encode(json.array()))
    assert.are.equal('{"a":[]}', json.encode { a = json.array {} })
    assert.are.equal("[1]", json.encode(json.array { 1 }))
  end)

  it("writes whole numbers exactly and without a fraction", function()
    local cases = {
      [123456789012345] = "123456789012345",
      [382 / 2] = "191",
      [2 ^ 53] = "9007199254740992",
      [-2 ^ 53] = "-9007199254740992",
      [9007199254740991] = "9007199254740991",
      [0] = "0",
      [1e3] = "1000",
    }
    for number, text in pairs(cases) do
      assert.are.equal(text, json.encode(number))
    end
    assert.are.equal("0", json.encode(-0.0))
    assert.are.equal("1000000000000000", json.encode(1e15))
  end)

  it("writes other numbers as the shortest text that reads back equal", function()
    assert.are.equal("0.1", json.encode(0.1))
    assert.are.equal("0.30000000000000004", json.encode(0.1 + 0.2))
    assert.are.equal("-2.5", json.encode(-2.5))
    assert.are.equal("1e+20", json.encode(1e20))
    assert.are.equal("1e-07", json.encode(1e-7))
    for _, number in ipairs { 1 / 3, math.pi, 5e-324, 1.7976931348623157e308, 2 / 3 } do
      assert.are.equal(number, tonumber(json.encode(number)))
    end
  end)

  it("escapes what must be escaped, and nothing else", function()
    assert.are.equal(
      [["\"\\/\b\f\n\r\t\u0000\u001f]] .. "\127\195\169\244\143\191\191" .. '"',
      json.encode "\"\\/\b\f\n\r\t\0\31\127\195\169\244\143\191\191"
    )
    assert.are.equal([[{"a\"b":1}]], json.encode { ['a"b'] = 1 })
  end)

  it("accepts the same table twice, side by side", function()
    local shared = { 1 }
    assert.are.equal("[[1],[1]]", json.encode { shared, shared })
  end)

  it("refuses what JSON cannot hold, and says where it stands", function()
    local cyclic = {}
    cyclic.again = { cyclic }
    local cases = {
      { { items = { 1, 2, print } }, "data.items[3]: a function cannot be JSON" },
      { { ["a b"] = { x = io.stdout } }, 'data["a b"].x: a userdata cannot be JSON' },
      {
        { [("k"):rep(50)] = print },
        'data["' .. ("k"):rep(40) .. '..."]: a function cannot be JSON',
      },
      { coroutine.create(function() end), "data: a thread cannot be JSON" },
      { { 0 / 0 }, "data[1]: NaN and infinite numbers cannot be JSON" },
      { { x = -math.huge }, "data.x: NaN and infinite numbers cannot be JSON" },
      { { 1, a = 2 }, "data: a table with both indexes and names cannot be JSON" },
      {
        { list = { 1, nil, 3 } },
        "data.list: a list with holes cannot be JSON; use mic.null for empty elements",
      },
      {
        { [1000000000] = true },
        "data: a list with holes cannot be JSON; use mic.null for empty elements",
      },
      { { [0] = 1 }, "data: the key 0 is not a list index" },
      { { [1.5] = 1 }, "data: the key 1.5 is not a list index" },
      { { [math.huge] = 1 }, "data: the key inf is not a list index" },
      {
        { [true] = 1 },
        "data: a key must be a string or a list index (got boolean)",
      },
      { cyclic, "data.again[1]: a table that contains itself cannot be JSON" },
      { nested(129), "data: nested deeper than 128 tables" },
    }
    for _, case in ipairs(cases) do
      assert.are.equal(case[2], message_of(json.encode, case[1]))
    end
    assert.are.equal("data: nil cannot be JSON; use mic.null", message_of(json.encode, nil))
    assert.are.equal("body: a function cannot be JSON", message_of(json.encode, print, "body"))
  end)

  it("refuses bytes that are not UTF-8, with their place", function()
    local mend = " cannot be JSON; use body, or encode it as base64"
    for text, where in pairs {
      ["caf\233"] = "4 of 4", ["\255"] = "1 of 1", ["a\128"] = "2 of 2",
      ["\192\128"] = "1 of 2",
      ["\193\191"] = "1 of 2", ["\224\159\191"] = "1 of 3", ["\237\160\128"] = "1 of 3",
      ["\240\143\191\191"] = "1 of 4", ["\244\144\128\128"] = "1 of 4",
      ["\245\128\128\128"] = "1 of 4",
      ["\226\130"] = "1 of 2",
      ["ok\226\130x"] = "3 of 5", ["\195\169\195"] = "3 of 3",
    } do
      assert.are.equal("data.sensors[3].name: a string that is not UTF-8 (byte " .. where .. ")"
        .. mend, message_of(json.encode, { sensors = { 1, 2, { name = text } } }))
    end
    assert.are.equal("data: a string that is not UTF-8 (byte 1 of 1)" .. mend,
      message_of(json.encode, "\255"))
    assert.are.equal('data["caf?"]: a string that is not UTF-8 (byte 4 of 4)' .. mend,
      message_of(json.encode, { ["caf\233"] = 1 }))
    local good = "\127\194\128\223\191\224\160\128\237\159\191\238\128\128"
      .. "\240\144\128\128\244\143\191\191"
    assert.are.equal('"' .. good .. '"', json.encode(good))
  end)

  it("reaches 128 tables deep", function()
    assert.are.equal(("["):rep(127) .. "{}" .. ("]"):rep(127), json.encode(nested(128)))
  end)

  it("refuses names in a table that is marked as an array", function()
    assert.are.equal(
      "data: a table with both indexes and names cannot be JSON",
      message_of(json.encode, json.array { a = 1 })
    )
  end)

  it("works again after it has refused", function()
    local value = { {} }
    value[1].f = print
    pcall(json.encode, value)
    value[1].f = nil
    assert.are.equal("[{}]", json.encode(value))
  end)
end)

describe("json.array", function()
  it("returns the same table, or a new one", function()
    local list = {}
    assert.are.equal(list, json.array(list))
    assert.are.equal(list, json.array(list))
    assert.are.same({}, json.array())
  end)

  it("refuses what it would spoil", function()
    assert.are.equal("array takes a table (got string)", message_of(json.array, "x"))
    assert.are.equal("array takes a table (got boolean)", message_of(json.array, false))
    assert.are.equal(
      "array takes a table without a metatable",
      message_of(json.array, setmetatable({}, {}))
    )
  end)
end)

describe("json.decode", function()
  it("reads any JSON value", function()
    assert.are.same({ a = { 1, "x", true } }, json.decode '{"a":[1,"x",true]}')
    assert.are.equal(json.null, json.decode "null")
    assert.is_false((json.decode "false"))
    assert.are.equal("\195\169/\0", json.decode [["\u00e9\/\u0000"]])
  end)

  it("has a null that is true", function()
    assert.is_truthy(json.null)
    assert.are.equal(json.null, json.decode("[null]")[1])
  end)

  it("reads whole numbers up to 2^53 exactly, and writes them back the same", function()
    local text = "[123456789012345,9007199254740992,-9007199254740991,191,0.5]"
    local value = json.decode(text)
    assert.are.equal(123456789012345, value[1])
    assert.are.equal(text, json.encode(value))
  end)

  it("reads whole numbers as integers where Lua has them", function()
    local value = json.decode '{"a":[191,2.0,0.5]}'
    assert.are.equal("191 2", ("%d %d"):format(value.a[1], value.a[2]))
    local math_type = rawget(math, "type")
    if math_type then
      assert.are.equal("integer", math_type(value.a[1]))
      assert.are.equal("float", math_type(value.a[3]))
      assert.are.equal("integer", math_type((json.decode "7")))
    end
  end)

  it("says where a text stops being JSON, and nothing of what it holds", function()
    local cases = {
      [""] = "incomplete JSON (ends after 0 bytes)",
      ["[1"] = "incomplete JSON (ends after 2 bytes)",
      ["[1,]"] = "not valid JSON at byte 4 of 4",
      ["{'s3cret':1}"] = "not valid JSON at byte 2 of 12",
      ["{} s3cret"] = "not valid JSON at byte 4 of 9",
      ["nan"] = "not valid JSON at byte 1 of 3",
      ["[-Infinity]"] = "not valid JSON at byte 2 of 11",
      ["0x10"] = "not valid JSON at byte 1 of 4",
      ["012"] = "not valid JSON at byte 1 of 3",
      ["\0"] = "not valid JSON at byte 1 of 1",
      [("["):rep(129) .. ("]"):rep(129)] = "JSON nested deeper than 128 levels",
    }
    for text, expected in pairs(cases) do
      local value, message = json.decode(text)
      assert.is_nil(value)
      assert.are.equal(expected, message)
    end
  end)

  it("leaves the shared cjson as it is", function()
    local cjson = require "cjson"
    assert.are.equal(1000, cjson.decode_max_depth())
    assert.is_true(cjson.decode_invalid_numbers())
  end)

  it("raises for what is no text", function()
    assert.are.equal("json.decode takes a string (got nil)", message_of(json.decode, nil))
  end)
end)

describe("json with a cjson that can mark arrays", function()
  it("writes an empty array that was read as an array again", function()
    local marking = require("cjson").new()
    local plain_decode, marks = marking.decode, false
    marking.array_mt, marking.empty_array_mt = {}, {}
    marking.decode_array_with_array_mt = function(on)
      marks = on
    end
    marking.decode = function(text)
      return text == "[]" and marks and setmetatable({}, marking.array_mt) or plain_decode(text)
    end
    cleanup.replace(package.loaded, "cjson", {
      new = function()
        return marking
      end,
    })
    cleanup.replace(package.loaded, "mic.json", nil)
    cleanup.replace(package.loaded, "mic.json_encoder", nil)

    local fresh = require "mic.json"
    assert.are.equal("[]", fresh.encode(fresh.decode "[]"))
    assert.are.equal(marking.array_mt, getmetatable(fresh.array {}))
    assert.are.equal("[]", fresh.encode(setmetatable({}, marking.empty_array_mt)))
    assert.are.equal("{}", fresh.encode {})
  end)
end)
