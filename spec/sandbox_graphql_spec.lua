-- The sandbox's GraphQL: what it answers, and what it refuses, always with status 200.

local api = require "spec.support.api"

local box = api.around()
local client

before_each(function()
  client = box:logged_in()
end)

local function answer(query, variables)
  return api.data(client:post("/graphql", { query = query, variables = variables }))
end

local function body(query, variables)
  return assert(client:post("/graphql", { query = query, variables = variables })).body
end

local function problem(query, variables)
  local data = answer(query, variables)
  assert.are.equal(require("mic").null, data.data)
  return data.errors[1].message
end

describe("the sandbox's GraphQL", function()
  it("answers the fields that are asked for, in their order", function()
    assert.are.equal('{"data":{"thing":{"label":"Roof","thingName":"00001570"}}}',
      body '{ thing(thingName: "00001570") { label thingName } }')
    assert.are.equal('{"data":{"a":{"label":"Roof"},"b":{"label":"Harbour"}}}',
      body [[query Two {
        a: thing(thingName: "00001570") { label } # the first
        b: thing(thingName: "00001571") { label }
      }]])
    assert.are.equal('{"data":{"thing":null}}', body '{ thing(thingName: "none") { label } }')
    assert.are.equal('{"data":{"thingTypeResources":[{"name":"taken"}]}}',
      body '{ thingTypeResources(thingTypeId: "192") { name } }')
  end)

  it("takes variables, and their defaults", function()
    local query = 'query ($name: String! = "00001571") { thing(thingName: $name) { label } }'
    assert.are.equal("Roof", answer(query, { name = "00001570" }).data.thing.label)
    assert.are.equal("Harbour", answer(query).data.thing.label)
  end)

  it("has pages of things", function()
    local query = [[query ($options: SearchOptions) { allThings(searchOptions: $options) {
      things { thingName } pageInfo { page pages size itemCount totalCount } } }]]
    local page = answer(query, {
      options = { paging = { page = 3, size = 15 }, sorting = { sort = "-thingName" } },
    }).data.allThings
    assert.are.same({ page = 3, pages = 3, size = 15, itemCount = 10, totalCount = 40 },
      page.pageInfo)
    assert.are.equal("00001570", page.things[10].thingName)
    assert.are.equal("Invalid searchOptions",
      problem(query, { options = { paging = { page = 0 } } }))
  end)

  for query, wanted in pairs {
    ["{ thing(thingName: \"x\") { colour } }"] = 'Cannot query field "colour" on type "thing".',
    ["{ rules { id } }"] = 'Cannot query field "rules" on type "Query".',
    ["{ thing(thingName: \"x\") }"] = 'Field "thing" must have a selection of subfields.',
    ["{ thing(thingName: \"x\") { label { a } } }"] = 'Field "label" must not have a selection.',
    ["{ thing(thingName: $name) { label } }"] = 'Variable "$name" is not defined.',
    ["{ thing(thingName: \"x\") { label "] = "Syntax Error: Expected Name, found <EOF>",
    ["mutation { x }"] = "Syntax Error: Expected query, found mutation",
    ["{ thing } }"] = "Syntax Error: Expected <EOF>, found }",
    ["{ ? }"] = "Syntax Error: Expected a token, found ?",
    [""] = "Syntax Error: Expected query, found <EOF>",
  } do
    it("refuses " .. query, function()
      assert.are.equal(wanted, problem(query))
    end)
  end

  it("refuses a body without a query", function()
    local data = api.data(client:post("/graphql", { query = 5 }))
    assert.are.equal("Must provide query string.", data.errors[1].message)
  end)
end)
