-- The sandbox's things, asked by the client.

local api = require "spec.support.api"
local mic = require "mic"

describe("the sandbox's", function()
  local data, refused = api.data, api.assert_refused
  local box = api.around()
  local client

  before_each(function()
    client = box:logged_in()
  end)

  local function thing(name)
    return client:get("/things", { query = { thingName = name } })
  end

  local function find(query, kinds)
    return client:post("/things/find", { query = query, type = kinds }, { idempotent = true })
  end

  --- The names that a find brings, in order.
  local function names(query, kinds)
    local found = {}
    for index, hit in ipairs(data(find(query, kinds)).hits.hits) do
      found[index] = hit._source.thingName
    end
    return table.concat(found, " ")
  end

  --- A client of another user.
  local function as(name)
    local other = box:client()
    assert(other:login(name, box.password))
    return other
  end

  --- A user who may write below one domain only.
  local function local_writer(domain)
    data(client:post("/users", {
      userName = "local", roleName = "ReadWrite", domainName = domain,
    }))
    return as "local"
  end

  describe("thing", function()
    it("is read by its name in the query, with a shadow of what it reported last", function()
      local roof = data(thing "00001570")
      assert.equal("191", roof.thingType)
      assert.equal("Roof", roof.label)
      assert.equal(21.5, roof.shadow.state.reported.temperature)
      local seconds = roof.shadow.metadata.reported.temperature.timestamp
      assert.is_true(math.abs(seconds - (os.time() - 61)) < 30, tostring(seconds))
    end)

    it("has no shadow when it never reported", function()
      local response = assert(thing "00001572")
      assert.equal('{"thingName":"00001572","thingType":"191","label":"Airport",'
        .. '"domain":"oslo-harbour","protocol":"mqtt","simulated":false,'
        .. '"createdAt":1546300800000}', response.body)
    end)

    it("must be named, and be there", function()
      refused(400, "PROPERTY_REQUIRED", "thingName", client:get "/things")
      refused(404, "THING_NOT_FOUND", "thingName", thing "nope")
    end)

    it("has no address of its own", function()
      local _, err = client:get "/things/00001570"
      assert.equal("IncompleteSignatureException", err.response.headers["x-amzn-errortype"])
    end)

    it("gets the next number for its name, and is gone after a reset", function()
      local made = data(client:post("/things", { thingType = "191", domain = "oslo" }))
      assert.equal("00001608", made.thingName)
      made = data(client:post("/things", { thingType = "191", domain = "oslo", label = "New" }))
      assert.equal("00001609", made.thingName)
      assert.equal("New", data(thing "00001609").label)
      box:reset()
      client:login(box.username, box.password)
      refused(404, "THING_NOT_FOUND", "thingName", thing "00001609")
      made = data(client:post("/things", { thingType = "191", domain = "oslo" }))
      assert.equal("00001608", made.thingName)
    end)

    it("may bring its name, which skips no number and is taken once", function()
      local body = { thingType = "191", domain = "oslo", thingName = "00001608" }
      assert.equal("00001608", data(client:post("/things", body)).thingName)
      refused(400, "INVALID_ARGUMENTS", "thingName", client:post("/things", body))
      body.thingName = nil
      assert.equal("00001609", data(client:post("/things", body)).thingName)
    end)

    it("is refused for what is missing first, then for what is wrong", function()
      local function create(changed)
        local body = { thingType = "191", domain = "oslo" }
        for name, value in pairs(changed) do
          body[name] = value
        end
        return client:post("/things", body)
      end
      refused(400, "PROPERTY_REQUIRED", "thingType", client:post("/things", {}))
      refused(400, "PROPERTY_REQUIRED", "domain", client:post("/things", { thingType = "x" }))
      refused(400, "PROPERTY_REQUIRED", "thingName", create { parentThingName = "00001607" })
      refused(404, "THING_TYPE_NOT_FOUND", "thingType", create { thingType = "x" })
      refused(403, "NOT_AUTHORIZED_DOMAIN", "domain", create { domain = "nowhere" })
      for property, value in pairs {
        color = "red", simulated = "yes", protocol = "smoke", label = 1, thingName = "a/b",
      } do
        refused(400, "INVALID_ARGUMENTS", property, create { [property] = value })
      end
      refused(400, "INVALID_ARGUMENTS", "thingName", create { thingName = ("x"):rep(129) })
    end)

    it("may stand behind another one, by the rules of such networks", function()
      local function create(name, parent, simulated)
        return client:post("/things", {
          thingType = "door", domain = "trondheim", thingName = name, parentThingName = parent,
          simulated = simulated,
        })
      end
      assert.equal("00001607", data(create("side-door", "00001607")).parentThingName)
      refused(400, "INVALID_ARGUMENTS", "thingName", create("side__door", "00001607"))
      refused(400, "INVALID_ARGUMENTS", "simulated", create("a", "00001607", true))
      refused(404, "THING_NOT_FOUND", "parentThingName", create("a", "nope"))
      data(create("ghost", nil, true))
      refused(400, "INVALID_ARGUMENTS", "parentThingName", create("a", "ghost"))
      refused(400, "INVALID_ARGUMENTS", "simulated", client:patch("/things",
        { simulated = true }, { query = { thingName = "00001607" } }))
    end)

    it("is changed: null deletes a member, its name stays", function()
      local function patch(changed)
        return client:patch("/things", changed, { query = { thingName = "00001570" } })
      end
      local changed = data(patch { label = "Top", description = mic.null, domain = "bergen" })
      assert.same({ "Top", nil, "bergen" },
        { changed.label, changed.description, changed.domain })
      assert.equal("Top", data(thing "00001570").label)
      data(patch { thingName = "00001570" })
      refused(400, "INVALID_ARGUMENTS", "thingName", patch { thingName = "other" })
      refused(400, "INVALID_ARGUMENTS", "parentThingName", patch { parentThingName = "00001607" })
      refused(400, "PROPERTY_NOT_DELETABLE", "domain", patch { domain = mic.null })
      refused(404, "THING_TYPE_NOT_FOUND", "thingType", patch { thingType = "x" })
    end)

    it("is deleted without content, but not from under others", function()
      local function delete(name)
        return client:delete("/things", { query = { thingName = name } })
      end
      local response = assert(delete "00001570")
      assert.same({ 204, "" }, { response.status, response.body })
      refused(404, "THING_NOT_FOUND", "thingName", thing "00001570")
      refused(400, "INVALID_ARGUMENTS", "thingName", delete "00001607")
      assert(delete "front-door")
      assert(delete "back-door")
      assert(delete "00001607")
    end)

    it("does not inherit the shadow of a deleted one with its name", function()
      assert(client:delete("/things", { query = { thingName = "00001570" } }))
      local made = data(client:post("/things", {
        thingType = "191", domain = "oslo", thingName = "00001570",
      }))
      assert.is_nil(made.shadow)
    end)

    it("is changed by those only who may write", function()
      local reader = as "per@example.com"
      local body = { thingType = "191", domain = "oslo" }
      local query = { query = { thingName = "00001570" } }
      for operation, call in pairs {
        CREATE = function() return reader:post("/things", body) end,
        UPDATE = function() return reader:patch("/things", { label = "x" }, query) end,
        DELETE = function() return reader:delete("/things", query) end,
      } do
        local err = refused(403, "NOT_AUTHORIZED", nil, call())
        assert.same({ operation = operation, objectType = "Things" }, err.message_params)
      end
      assert.equal("Roof", data(reader:get("/things", query)).label)
      reader:close()
    end)

    it("is out of reach for users of another domain", function()
      local other = local_writer "bergen"
      refused(403, "NOT_AUTHORIZED_DOMAIN", "domain",
        other:get("/things", { query = { thingName = "00001570" } }))
      assert.equal(200, other:get("/things", { query = { thingName = "00001573" } }).status)
      refused(403, "NOT_AUTHORIZED_DOMAIN", "domain",
        other:post("/things", { thingType = "191", domain = "oslo" }))
      local found = data(other:post("/things/find", { query = { size = 0 } }))
      assert.equal(7, found.hits.total)
      other:close()
    end)
  end)

  describe("find", function()
    it("answers as Elasticsearch 5 does: total is a number, ten hits come", function()
      local answer = data(find {})
      assert.equal(40, answer.hits.total)
      assert.equal(10, #answer.hits.hits)
      assert.same({ total = 5, successful = 5, failed = 0 }, answer._shards)
      assert.equal("00001570", answer.hits.hits[1]._id)
      assert.equal('"hits":{"total":0,"max_score":null,"hits":[]}}',
        find({ query = { term = { thingName = "x" } } }).body:match '"hits":.*$')
    end)

    it("brings a thing's own members and its state, if it has one", function()
      local hits = data(find { size = 3 }).hits.hits
      assert.same({
        thingName = "00001570", thingType = "191", label = "Roof",
        description = "Number 1 of its type", domain = "oslo-harbour",
        state = { temperature = 21.5, wind = 0, latlng = "59.9,10.7" },
      }, hits[1]._source)
      assert.is_nil(hits[3]._source.state)
    end)

    it("tells things from those behind them", function()
      assert.equal("back-door front-door", names({}, "sub_thing"))
      assert.equal(38, data(find({}, "thing")).hits.total)
      assert.equal(40, data(find({}, "thing,sub_thing")).hits.total)
      refused(400, "INVALID_ARGUMENTS", "type", find({}, "object"))
    end)

    it("wants a query", function()
      refused(400, "PROPERTY_REQUIRED", "query", client:post("/things/find", {}))
      refused(400, "INVALID_ARGUMENTS", "size", client:post("/things/find",
        { query = {}, size = 1 }))
    end)

    it("finds what the API has created, changed and deleted", function()
      data(client:post("/things", { thingType = "door", domain = "turku", label = "Zeta" }))
      local zeta = { query = { term = { label = "Zeta" } } }
      assert.equal("00001608", names(zeta))
      client:patch("/things", { label = "Eta" }, { query = { thingName = "00001608" } })
      assert.equal("", names(zeta))
    end)
  end)

  it("first things are the same at every start", function()
    local function all()
      return data(find {
        size = 100, sort = "thingName", _source = { "thingName", "label", "domain", "thingType" },
      }).hits
    end
    local before = all()
    box:reset()
    client:login(box.username, box.password)
    assert.same(before, all())
  end)
end)
