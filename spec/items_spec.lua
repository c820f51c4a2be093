-- Items of a page are cut out of its text.

local items = require "mic.command.items"

local function cut(text, path, inner)
  return assert(items.cut(text, path or {}, inner))
end

describe("items.cut", function()
  it("keeps the text of each item", function()
    local one = '{"b":1.10,"a":12345678901234567890,"e":"\\u00e9\\/"}'
    for page, path in pairs {
      ["[" .. one .. ",2,[],\"x\",null]"] = {},
      ['{"users":[' .. one .. ',2,[],"x",null],"page":1}'] =
        { "users" },
        ['{"took":1,"hits":{"total":3,"hits":[' .. one .. ',2,[],"x",null]},"x":[1]}'] =
        { "hits", "hits" },
    } do
      assert.same({ one, "2", "[]", '"x"', "null" }, cut(page, path))
    end
  end)

  it("finds the list that the path means, and no other", function()
    for page, path in pairs {
      ['{"a":{"hits":[0]},"hits":{"x":[0],"y":{"hits":[0]},"hits":[1]}}'] = { "hits", "hits" },
      ['{"users":{"users":[0]},"b":{},"users":[1]}'] = { "users" },
      ['{"hits":[0],"hits":{"hits":[0]},"hits":{"hits":[1]},"z":{"hits":[0]}}'] = { "hits",
      "hits" },
      ['{"u\\u0073ers":[1],"x":"users"}'] = { "users" }, ["[1]"] = { "users" },
      ['{"a":{"b":{"c":[1]},"c":[0]},"b":{"c":[0]},"c":[0]}'] = { "a", "b", "c" },
      ['[\n 1 \n]'] = {},
    } do
      assert.same({ "1" }, cut(page, path), page)
    end
    assert.same({}, cut('{"users":[]}', { "users" }))
    assert.same({}, cut "[]")
  end)

  it("takes a member of each item instead, where there is one", function()
    local page = '{"hits":{"hits":[{"_id":"1","_source":{"v":[1,{"_source":2}]},"sort":[5]},'
      .. '{"_source":7,"_id":"2"},{"_id":"3","x":{"_source":1}},[{"_source":1}],5,'
      .. '{"x":"_source","_source":[]},{"_source":1,"_source":"y"}]}}'
    assert.same({ '{"v":[1,{"_source":2}]}', "7", '{"_id":"3","x":{"_source":1}}',
    '[{"_source":1}]',
      "5", "[]", '"y"' }, cut(page, { "hits", "hits" }, "_source"))
  end)

  it("puts each item on one line", function()
    assert.same({ '{"a b":[1," c "]}', "2" }, cut '[\r\n  {\n "a b" : [ 1, " c " ]\n }, 2\n]')
    assert.same({ '{ "a" : 1 }' }, cut '[ { "a" : 1 } ]') -- unchanged
  end)

  it("says what is wrong", function()
    for page, expected in pairs {
      ['{"users":{}}'] = "the answer has no list at users", ['{"users":null}'] =
        "the answer has no list at users", ["5"] = "the answer has no list at users",
      ['{"x":{"users":[1]}}'] = "the answer has no list at users", ["[1"] =
        "JSON that ends too early, after 2 bytes", ["[1] x"] = "not valid JSON at byte 5 of 5",
    } do
      local texts, message = items.cut(page, { "users" })
      assert.is_nil(texts)
      assert.equal(expected, message)
    end
    assert.equal("the answer has no list", select(2, items.cut("{}", {})))
  end)
end)
