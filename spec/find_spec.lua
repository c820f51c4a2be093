-- The short form of a search, as far as it needs no server: which body it makes, and what raises.

local endpoints = require "mic.api.endpoints"
local find = require "mic.api.find"
local json = require "mic.json"

local NOW = 1700000000.5

local rows = {}
for _, row in ipairs(endpoints) do
  rows[row.name] = row
end

local function body(name, given)
  return find.body(rows[name .. ".find"], given, "client." .. name .. ":find", NOW)
end

local function refused(name, given)
  local ok, problem = pcall(body, name, given)
  assert.is_false(ok)
  return problem
end

describe("the short form of a search", function()
  it("names the fields of each kind of document", function()
    assert.are.same({ query = { query = { bool = { filter = { { term = { thingName = "7" } } } } },
      size = 5 }, type = "thing,sub_thing" },
      body("things", { thing = "7", type = { "thing", "sub_thing" }, size = 5 }))
    assert.are.same({ query = { query = { bool = { filter = {
      { terms = { thingName = { "a", "b" } } },
      { range = { timestamp = { gte = 0 } } } } } } }, queryScope = { thingTypes = { "191" } } },
      body("observations", { thing = { "a", "b" }, type = "191" }))
    assert.are.same({ query = { query = { bool = { filter = {
      { term = { ["source.thingName"] = "a" } }, { term = { ["source.thingType"] = "191" } },
      { exists = { field = "message" } },
      { range = { timestamp = { gte = 1700000000000, lte = 1800000000000 } } } } } },
      sort = { { timestamp = "desc" } }, _source = { "message" } } },
      body("events", { thing = "a", type = "191", filter = { exists = { field = "message" } },
        since = 1700000000000, till = 1800000000000, sort = { { timestamp = "desc" } },
        fields = { "message" } }))
  end)

  it("takes the types of a thing for kinds of documents or for thing types", function()
    assert.are.same({ query = { query = { bool = { filter = { { term = { thingType = "191" } }
      } } } } },
      body("things", { type = "191" }))
    assert.are.same({ query = { query = { match_all = {} } }, type = "sub_thing" },
      body("things", { type = "sub_thing" }))
  end)

  it("searches all things without a clause, and all observations from the beginning", function()
    assert.are.same({ query = { query = { match_all = {} } } }, body("things", {}))
    assert.are.same({ query = { query = { bool = { filter = {
      { range = { timestamp = { gte = 0 } } } } } } } }, body("observations", {}))
  end)

  it("takes times in milliseconds, seconds before now, and dates", function()
    local function range(since)
      return body("events", { since = since }).query.query.bool.filter[1].range.timestamp.gte
    end
    assert.are.equal(1700000000500 - 3600000, range(-3600))
    assert.are.equal(1606219200000, range(1606219200000))
    assert.are.equal("2020-11-24T12:00:00Z", range "2020-11-24T12:00:00Z")
    assert.are.equal(0, range(0))
    assert.matches("looks like seconds", refused("events", { since = 1606219200 }))
    assert.matches('option "till"', refused("events", { till = "yesterday" }))
  end)

  it("takes the whole body instead, as it is", function()
    local whole = { query = { query = { match_all = {} }, size = 3 }, type = "thing" }
    assert.are.equal(whole, body("things", whole))
    whole = { query = { size = 1 }, queryScope = { thingTypes = { "191" } } }
    assert.are.equal(whole, body("observations", whole))
  end)

  it("refuses both at once, and names that it does not know", function()
    assert.matches('"thing" cannot be combined with "query", the whole body; known: "',
      refused("things", { query = {}, thing = "a" }))
    assert.matches('"type" cannot be combined with "query", the whole body$',
      refused("events", { query = {}, type = "a" }))
    assert.matches('"type" and "queryScope" are the same parameter',
      refused("observations", { type = "191", queryScope = {} }))
    assert.matches('did you mean "thing"', refused("things", { thin = "a" }))
    assert.matches('unknown option "since"', refused("things", { since = -5 }))
    assert.matches("one clause", refused("things", { filter = { { term = { a = 1 } } } }))
    assert.matches("non%-empty list", refused("things", { thing = {} }))
  end)

  it("makes JSON that is a body of Elasticsearch", function()
    assert.are.equal('{"query":{"query":{"match_all":{}}}}', json.encode(body("things", {})))
  end)
end)
