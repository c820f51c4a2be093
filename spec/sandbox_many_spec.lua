-- The sandbox's many observations and failing searches.

local cjson = require "cjson"
local sandbox = require "spec.support.sandbox"

describe("the sandbox's many observations", function()
  local box = sandbox.around()
  local headers

  before_each(function()
    box:mode { observations = 2000 }
    local _
    _, headers = box:login()
  end)

  local function find(query)
    local all = { ["Content-Type"] = "application/json" }
    for name, value in pairs(headers) do
      all[name] = value
    end
    local reply = assert(box:call { method = "POST", path = "/observations/find", headers = all,
      body = cjson.encode { query = query } })
    return reply, reply.headers["content-type"]:find "json" and cjson.decode(reply.body)
  end

  local function by_time(bounds, more, order)
    local query = { sort = { { timestamp = order or "asc" } },
      query = { bool = { filter = { { range = { timestamp = bounds } } } } } }
    for name, value in pairs(more or {}) do
      query[name] = value
    end
    return select(2, find(query)).hits
  end

  local function ids(hits)
    local list = {}
    for index, hit in ipairs(hits.hits) do
      list[index] = hit._id
    end
    return list
  end

  it("are found by time, in either order", function()
    local about = box:get "/observations"
    assert.equal(2000, about.count)
    local hits = by_time { gte = about.first }
    assert.equal(2000, hits.total)
    assert.same({ "many-000001", "many-000002" }, { hits.hits[1]._id, hits.hits[2]._id })
    assert.same({ about.first }, hits.hits[1].sort)
    assert.same({ "many-001999", "many-001998" },
      ids(by_time({ gte = 0 }, { from = 1, size = 2 }, "desc")))
    assert.equal(10, by_time({ gte = about.first, lt = about.first + 10000 }).total)
    hits = by_time({ gte = about.first, lt = about.first + 10000 }, { query = { bool = { filter = {
      { range = { timestamp = { gte = about.first } } }, { term = { thingName = "many-3" } } } } },
      size = 1 })
    assert.same({ 200, "many-000003" }, { hits.total, hits.hits[1]._id })
  end)

  it("have 300 at one time, in another order each time", function()
    local about = box:get "/observations"
    local middle = about.first + 999 * 1000
    local first, second = by_time({ gte = middle, lte = middle }, { size = 400 }),
      by_time({ gte = middle, lte = middle }, { size = 400 })
    assert.equal(300, first.total)
    assert.is_false(table.concat(ids(first)) == table.concat(ids(second)))
    local one, two = ids(first), ids(second)
    table.sort(one)
    table.sort(two)
    assert.same(one, two)
  end)

  it("take others", function()
    local last = box:get("/observations").last
    local reply = box:post("/observations", { timestamp = last + 1, count = 2 })
    assert.same({ "added-000001", "added-000002" }, reply.ids)
    assert.equal(2, by_time({ gte = last + 1 }).total)
    local refusal, status = box:post("/observations", { count = 1 })
    assert.equal(400, status)
    assert.matches("takes timestamp", refusal.error)
    box:reset()
    assert.equal(0, box:get("/observations").count)
  end)

  it("fail as often as the mode says, in five ways", function()
    box:mode { search_faults = 2 }
    local seen = {}
    for index = 1, 10 do
      local reply, value = find { sort = "timestamp", size = 4,
        query = { range = { timestamp = { gte = 0 } } } }
      local what = reply.status
      if reply.status == 200 then
        what = ("%d %d %s"):format(#value.hits.hits, value._shards.failed,
          tostring(value.timed_out))
      end
      seen[index] = what
    end
    local good = "4 0 false"
    assert.same({ good, 429, good, "2 2 false", good, 503, good, "2 0 true", good, 502 }, seen)
  end)

  it("give no answer that is too large", function()
    box:mode { largest_search = 3 }
    local query = { sort = "timestamp", size = 4, query = { range = { timestamp = { gte = 0 } } } }
    local reply, value = find(query)
    assert.equal(200, reply.status)
    assert.matches("payload size", value.errorMessage)
    box:mode { too_large = "status" }
    assert.equal(502, find(query).status)
    query.size = 3
    assert.equal(200, find(query).status)
  end)
end)
