-- The sandbox's observations and its search language, asked by the client.

local api = require "spec.support.api"
local mic = require "mic"

local HOUR = 3600 * 1000
local DAY = 24 * HOUR

describe("the sandbox's observations", function()
  local box, now = api.start(), os.time() * 1000
  local client = box:logged_in()

  local function post(body, caller)
    return (caller or client):post("/observations/find", body, { idempotent = true })
  end

  --- A search body that finds those of the last day for which all the clauses hold.
  local function day(clauses, more)
    local filter = { { range = { timestamp = { gte = now - DAY, lte = now + HOUR } } } }
    for _, clause in ipairs(clauses or {}) do
      filter[#filter + 1] = clause
    end
    local body = more or {}
    body.query = { bool = { filter = filter } }
    return body
  end

  local function find(body, scope)
    local response, err = post { query = body, queryScope = scope }
    assert(response, tostring(err) .. tostring(err and err.message_params and
      err.message_params.reason))
    return response.data
  end

  local function total(clauses, scope)
    return find(day(clauses, { size = 0 }), scope).hits.total
  end

  --- The search was refused, for this reason.
  local function refused(reason, body)
    local response, err = post { query = body }
    assert.is_nil(response)
    assert.same({ 400, "INVALID_ARGUMENTS", "query" }, { err.status, err.key, err.property })
    assert.is_truthy(err.message_params.reason:find(reason, 1, true), err.message_params.reason)
  end

  local ROOF = { term = { thingName = "00001570" } }

  it("come as Elasticsearch 5 answers", function()
    local answer = find(day({ ROOF }, { size = 2, sort = { { timestamp = "desc" } } }))
    assert.equal(24, answer.hits.total)
    assert.is_false(answer.timed_out)
    assert.same({ total = 5, successful = 5, failed = 0 }, answer._shards)
    local hit = answer.hits.hits[1]
    assert.same({ "00001570", "191", 21.5 },
      { hit._source.thingName, hit._source.thingType, hit._source.state.temperature })
    assert.equal(hit._source.timestamp, hit.sort[1])
    assert.equal(HOUR, hit._source.timestamp - answer.hits.hits[2]._source.timestamp)
    assert.is_nil(answer.aggregations)
  end)

  it("are numbers to the millisecond on the wire", function()
    local response = assert(post { query = day({ ROOF }, { size = 1 }) })
    assert.is_truthy(response.body:find '"_source":{"timestamp":%d%d%d%d%d%d%d%d%d%d%d%d%d,"th')
    assert.is_truthy(response.body:find('"hits":{"total":24,"max_score":1.0,"hits":[{', 1, true))
  end)

  it("begin again a minute before each reset", function()
    local other = api.start()
    local caller = other:logged_in()
    local newest = day({}, { size = 1, sort = { { timestamp = "desc" } } })
    local hits = assert(post({ query = newest }, caller)).data.hits
    assert.equal(192, hits.total)
    local age = now - hits.hits[1]._source.timestamp
    assert.is_true(age > 30000 and age < 90000, tostring(age))
    caller:close()
    other:stop()
  end)

  describe("are found by", function()
    it("size and from: ten when nothing is said", function()
      assert.equal(10, #find(day()).hits.hits)
      assert.equal(100, #find(day({}, { size = 100 })).hits.hits)
      assert.equal(2, #find(day({}, { size = 100, from = 190 })).hits.hits)
      assert.equal(0, #find(day({}, { size = 0 })).hits.hits)
    end)

    it("pages that meet no observation twice, and no time either", function()
      local seen, count = {}, 0
      for from = 0, 180, 60 do
        for _, hit in ipairs(find(day({}, { size = 60, from = from })).hits.hits) do
          local time = hit._source.timestamp
          assert.is_nil(seen[hit._id] or seen[time])
          seen[hit._id], seen[time], count = true, true, count + 1
        end
      end
      assert.equal(192, count)
    end)

    it("a range with each kind of bound, on time and on what they say", function()
      local function between(bounds)
        return find({ size = 0, query = { bool = { must = {
          { range = { timestamp = bounds } }, ROOF,
        } } } }).hits.total
      end
      local newest = find(day({ ROOF }, { size = 1, sort = { { timestamp = "desc" } } }))
      local time = newest.hits.hits[1]._source.timestamp
      assert.equal(24, between { gte = 0 })
      assert.equal(1, between { gte = time })
      assert.equal(0, between { gte = 0, gt = time })
      assert.equal(23, between { gte = 0, lt = time })
      assert.equal(24, between { gte = 0, lte = time })
      assert.equal(4, between { gte = time - 3 * HOUR })
      assert.equal(8, total { ROOF, { range = { ["state.temperature"] = { gte = 19.5 } } } })
    end)

    it("bounds as numbers, as texts of them, and as dates", function()
      local newest = find(day({ ROOF }, { size = 1, sort = { { timestamp = "desc" } } }))
      local time = newest.hits.hits[1]._source.timestamp
      local seconds, rest = math.floor(time / 1000), time % 1000
      local text = os.date("!%Y-%m-%dT%H:%M:%S", seconds)
      local ahead = os.date("!%Y-%m-%dT%H:%M:%S", seconds + 5400)
      local behind = os.date("!%Y-%m-%dT%H:%M:%S", seconds - 5400)
      for bound, count in pairs {
        [("%.0f"):format(time)] = 1,
        [("%.0f"):format(time + 1)] = 0,
        [("%s.%03dZ"):format(text, rest)] = 1,
        [("%s.%03dZ"):format(text, rest + 1)] = 0,
        [text] = 1,
        [("%s.%03d+01:30"):format(ahead, rest)] = 1,
        [("%s.%03d+01:30"):format(ahead, rest + 1)] = 0,
        [("%s.%03d-01:30"):format(behind, rest)] = 1,
        [("%s.%03d-01:30"):format(behind, rest + 1)] = 0,
        ["1970-01-01"] = 24,
        ["2000-02-29T23:59Z"] = 24,
      } do
        local found = find({ query = { bool = { filter = {
          { range = { timestamp = { gte = bound } } }, ROOF,
        } } } })
        assert.equal(count, found.hits.total, bound)
      end
    end)

    it("term, terms, prefix, match and exists", function()
      assert.equal(24, total { { term = { ["state.temperature"] = { value = 21.5 } }}, ROOF }
        + total { { bool = { must_not = { term = { ["state.temperature"] = 21.5 } } } }, ROOF })
      assert.equal(48, total { { terms = { thingName = { "00001570", "00001571", "x" } } } })
      assert.equal(48, total { { prefix = { thingName = "0000159" } },
        { term = { thingType = "air-quality" } } })
      assert.equal(24, total { { match = { thingName = "FRONT door" } },
        { exists = { field = "state.open" } } })
      assert.equal(72, total { { exists = { field = "state.wind" } } })
      assert.equal(72, total { { term = { thingType = 191 } } })
      assert.equal(0, total { { term = { thingName = 1570 } } })
      assert.equal(12, total { { term = { ["state.open"] = true } } })
      assert.equal(192, total { { match_all = {} } })
    end)

    it("should, must and must_not together", function()
      local either = { bool = { should = { ROOF, { term = { thingName = "front-door" } } } } }
      assert.equal(48, total { either })
      either.bool.must = { exists = { field = "state.open" } }
      assert.equal(24, total { either }) -- with a must, should only adds to the score
      either.bool.minimum_should_match = 2
      assert.equal(0, total { either })
    end)

    it("the thing types of the scope", function()
      assert.equal(72, total({}, { thingTypes = { "191" } }))
      assert.equal(120, total({}, { thingTypes = { "191", "192", "nope" } }))
      assert.equal(0, total({}, { thingTypes = { "nope" } }))
      assert.equal(192, total({}, {}))
    end)

    it("sort: several keys, either way, what is missing last", function()
      local hits = find(day({}, {
        size = 192, sort = { { ["state.co2"] = { order = "desc" } }, "thingName", "timestamp" },
      })).hits.hits
      for index = 2, 48 do
        assert.is_true(hits[index - 1].sort[1] >= hits[index].sort[1])
      end
      assert.equal("00001570", hits[49]._source.thingName)
      assert.equal("front-door", hits[192]._source.thingName)
      assert.is_true(hits[191].sort[3] < hits[192].sort[3])
    end)

    it("the members that _source wants", function()
      local function source(wanted)
        local body = day({ ROOF }, { size = 1, _source = wanted })
        body.sort = { { timestamp = "desc" } }
        return find(body).hits.hits[1]._source
      end
      assert.same({ thingName = "00001570", state = { temperature = 21.5 } },
        source { "thingName", "state.temperature" })
      assert.is_nil(source(false))
      assert.is_table(source(true).state)
    end)
  end)

  describe("are summed up", function()
    it("by value, with figures, which may be null", function()
      local answer = find(day({}, { size = 0, aggs = { kinds = {
        terms = { field = "thingType" },
        aggs = { warmth = { avg = { field = "state.temperature" } },
          most = { max = { field = "state.wind" } } },
      } } }))
      local buckets = answer.aggregations.kinds.buckets
      assert.equal(4, #buckets)
      assert.same({ "191", 72 }, { buckets[1].key, buckets[1].doc_count })
      assert.is_number(buckets[1].warmth.value)
      assert.equal(8.5, buckets[1].most.value)
      assert.equal(mic.null, buckets[4].warmth.value)
      assert.equal(0, #answer.hits.hits)
    end)

    it("by time, empty hours too", function()
      local body = day({ ROOF, { range = { ["state.temperature"] = { gte = 19.5 } } } }, {
        size = 0, aggs = { hours = {
          date_histogram = { field = "timestamp", interval = "1h" },
          aggs = { lowest = { min = { field = "state.temperature" } } },
        } },
      })
      local buckets = find(body).aggregations.hours.buckets
      local count, empty = 0, 0
      for index, bucket in ipairs(buckets) do
        count = count + bucket.doc_count
        empty = empty + (bucket.doc_count == 0 and 1 or 0)
        assert.equal(bucket.doc_count == 0, bucket.lowest.value == mic.null)
        assert.equal(0, bucket.key % HOUR)
        assert.equal(buckets[1].key + (index - 1) * HOUR, bucket.key)
      end
      assert.equal(8, count)
      assert.is_true(empty > 0)
    end)

    it("with the rest counted, and booleans as numbers", function()
      local function terms(field, size)
        return find(day({}, { size = 0, aggs = { x = {
          terms = { field = field, size = size },
        } } })).aggregations.x
      end
      assert.equal(72, terms("thingType", 2).sum_other_doc_count)
      assert.same({ { key = 1, key_as_string = "true", doc_count = 12 } },
        { terms("state.open").buckets[2] })
    end)
  end)

  describe("are refused", function()
    it("without a query", function()
      local _, err = post {}
      assert.same({ 400, "PROPERTY_REQUIRED", "query" }, { err.status, err.key, err.property })
    end)

    it("without a range on timestamp that has gte and must hold", function()
      local reason = "the query must have a range on timestamp with at least gte"
      local range = { range = { timestamp = { gte = 0 } } }
      refused(reason, {})
      refused(reason, { query = ROOF })
      refused(reason, { query = { range = { timestamp = { gt = 0 } } } })
      refused(reason, { query = { range = { ["state.wind"] = { gte = 0 } } } })
      refused(reason, { query = { bool = { must_not = range, filter = ROOF } } })
      refused(reason, { query = { bool = { should = range, filter = ROOF } } })
      assert.equal(192, find({ query = range }).hits.total)
    end)

    it("with global aggregations, and with all that the sandbox does not know", function()
      refused('unknown aggregation "global" (known: avg, date_histogram, ',
        day({}, { aggs = { all = { global = {} } } }))
      refused('unknown clause "wildcard" (known: bool, exists, ',
        day { { wildcard = { thingName = "0*" } } })
      refused('unknown member "limit" (known: query, from, size, ', day({}, { limit = 1 }))
      refused("gte of timestamp takes a number or a date",
        { query = { range = { timestamp = { gte = "yesterday" } } } })
      refused('range allows only gt, gte, lt and lte, not "from"',
        { query = { range = { timestamp = { from = 1 } } } })
      refused('bool does not allow "not"', day { { bool = { ["not"] = {} } } })
      refused("a clause must be an object with one member", day { { term = {}, terms = {} } })
      refused("term takes one field and its value", day { { term = { a = { 1, 2 } } } })
      refused("size takes a non-negative integer", day({}, { size = -1 }))
      refused("sort takes fields", day({}, { sort = { timestamp = "down" } }))
      refused("the search body is not an object", "all")
      refused("an interval such as 1h",
        day({}, { aggs = { x = { date_histogram = { field = "timestamp" } } } }))
    end)

    it("beyond a window of 10,000", function()
      assert.equal(0, #find(day({}, { from = 9990, size = 10 })).hits.hits)
      local _, err = post { query = day({}, { from = 9991, size = 10 }) }
      assert.equal(400, err.status)
      assert.equal('{"message":{"message":"Error"}}', err.response.body)
    end)

    it("with a wrong scope or another member", function()
      for property, body in pairs {
        queryScope = { query = day(), queryScope = { thingTypes = "191" } },
        size = { query = day(), size = 1 },
      } do
        local _, err = post(body)
        assert.same({ "INVALID_ARGUMENTS", property }, { err.key, err.property })
      end
    end)
  end)

  it("of other domains stay out of sight", function()
    assert(client:post("/users", {
      userName = "local", roleName = "Read", domainName = "oslo",
    }))
    local other = box:client()
    assert(other:login("local", box.password))
    local found = assert(post({ query = day({}, { size = 192 }) }, other)).data.hits
    assert.equal(96, found.total)
    for _, hit in ipairs(found.hits) do
      assert.is_truthy(hit._source.thingName:find "^000015")
    end
    other:close()
  end)
end)
