-- Items of a page are cut out of its text.

local items = require "mic.command.items"

describe("items.of_list", function()
  it("keeps the text of each item", function()
    local one = '{"b":1.10,"a":12345678901234567890,"e":"\\u00e9\\/"}'
    for page, path in pairs {
      ["[" .. one .. ",2,[],\"x\",null]"] = "",
      ['{"users":[' .. one .. ',2,[],"x",null],"page":1}'] = "users",
      ['{"took":1,"hits":{"total":3,"hits":[' .. one .. ',2,[],"x",null]},"x":[1]}'] = "hits.hits",
    } do
      assert.same({ one, "2", "[]", '"x"', "null" }, (items.of_list(page, path)))
    end
    assert.same({ '{ "a" : 1 }', "[1,[2]]" }, (items.of_list "[ { \"a\" : 1 } , [1,[2]]\n]"))
  end)

  it("finds the list that the path means, and no other", function()
    for page, path in pairs {
      ['{"a":{"hits":[0]},"hits":{"x":[0],"y":{"hits":[0]},"hits":[1]}}'] = "hits.hits",
      ['{"users":{"users":[0]},"b":{},"users":[1]}'] = "users",
      ['{"hits":[0],"hits":{"hits":[0]},"hits":{"hits":[1]},"z":{"hits":[0]}}'] = "hits.hits",
      ['{"u\\u0073ers":[1],"x":"users"}'] = "users", ["[1]"] = "users",
      ['{"a":{"b":{"c":[1]},"c":[0]},"b":{"c":[0]},"c":[0]}'] = "a.b.c", ["[\n 1 \n]"] = "",
    } do
      assert.same({ "1" }, (items.of_list(page, path)), page)
    end
    assert.same({}, (items.of_list('{"users":[]}', "users")))
    assert.same({}, (items.of_list "[]"))
  end)

  it("says what is wrong", function()
    for page, expected in pairs {
      ['{"users":{}}'] = "the response has no array at users",
      ['{"users":null}'] = "the response has no array at users",
      ["5"] = "the response has no array at users",
      ['{"x":{"users":[1]}}'] = "the response has no array at users",
      ["[1"] = "incomplete JSON (ends after 2 bytes)",
      ["[1] x"] = "not valid JSON at byte 5 of 5",
    } do
      local texts, message = items.of_list(page, "users")
      assert.same({}, texts)
      assert.equal(expected, message)
    end
    assert.equal("the response has no array", select(2, items.of_list "{}"))
  end)
end)

describe("items.member", function()
  it("cuts a member out of an object", function()
    for text, expected in pairs {
      ['{"_id":"1","_source":{"v":[1,{"_source":2}]},"sort":[5]}'] = '{"v":[1,{"_source":2}]}',
      ['{"_source":7,"_id":"2"}'] = "7", ['{"x":"_source","_source":[]}'] = "[]",
      ['{"_source":1,"_source" : "y"}'] = '"y"', ['{"_source":[1],"x":{"_source":2}}'] = "[1]",
    } do
      assert.equal(expected, items.member(text, "_source"))
    end
    for _, text in ipairs { '{"x":{"_source":1}}', '[{"_source":1}]', "5", "{}", '{"x":"_source"}',
    "" } do
      assert.is_nil(items.member(text, "_source"))
    end
  end)
end)

describe("items.line", function()
  it("puts a text on one line, and changes no other", function()
    assert.equal('{"a b":[1," c "]}', items.line '{\r\n "a b" : [ 1, " c " ]\n }')
    assert.equal('{ "a" : 1 }', items.line '{ "a" : 1 }')
  end)
end)
