-- Loops over searches: things, observations; failures in the middle.

local api = require "spec.support.api"
local json = require "mic.json"
local mic = require "mic"
local paging = require "spec.support.paging"

local keys, sorted, joined, refused = paging.keys, paging.sorted, paging.joined, paging.refused

describe("a loop over hits", function()
  local box = api.around()
  local client

  before_each(function()
    client = box:logged_in { retry = { base = 0.001, cap = 0.002 } }
    box:seen()
  end)

  describe("of things", function()
    it("is one request of the whole window, or of the limit", function()
      local all = sorted(keys(client.things:each()))
      assert.are.equal(40, #all)
      assert.are.equal("POST /things/find", box:seen())
      assert.are.equal(3, #keys(client.things:each { limit = 3 }))
      assert.are.equal('{"query":{"from":0,"query":{"match_all":{}},"size":3}}', box:log()[1].body)
      assert.are.same(all, sorted(keys(client.things:each { page_size = 7 })))
    end)

    it("reads once more when things are missing, and leaves out those that come twice", function()
      local function answer(ids)
        local hits = {}
        for index, id in ipairs(ids) do
          hits[index] = { _index = "i", _type = "thing", _id = id, _source = { id = id } }
        end
        box:answer { path = "/things/find",
          body = json.encode { hits = { total = 4, hits = hits } } }
      end
      answer { "a", "b" }
      answer { "b", "c" }
      answer { "d", "a" }
      answer { "c", "b" }
      local it = client.things:each { page_size = 2 }
      assert.are.same({ "a", "b", "c", "d" }, keys(it))
      assert.is_false(it.changed)
      for _ = 1, 2 do
        answer { "a", "b" }
        answer { "b", "a" }
      end
      it = client.things:each { page_size = 2 }
      assert.are.same({ "a", "b" }, keys(it))
      assert.is_true(it.changed)
    end)

    it("refuses more than the window before the first one, unless the limit is within", function()
      local body = json.encode { hits = { total = 12345, hits = { { _id = "a",
        _source = { thingName = "a" } } } } }
      box:answer { path = "/things/find", body = body, times = 2 }
      local none, err = client.things:each():next()
      assert.is_nil(none)
      assert.are.equal("too_large: 12345 things, but the API returns at most 10,000 this way;"
        .. ' use key = "thingName" to read all', api.line(err))
      assert(client.things:each({ limit = 1 }):next())
    end)

    it("goes on by a unique key", function()
      local all = sorted(keys(client.things:each()))
      for _, size in ipairs { 1, 2, 7, 500 } do
        assert.are.same(all, keys(client.things:each { key = "thingName", page_size = size }))
      end
      local it = client.things:each { key = "thingName", page_size = 7 }
      local first = keys(it, 10)
      assert.are.same(all, joined(first,
        keys(client.things:each { key = "thingName", after = it:position() })))
      assert.matches("key and sort cannot be combined", refused(function()
        client.things:each { key = "thingName", sort = "label" }
      end))
    end)

    it("goes on behind a position, whatever the order is", function()
      local all = sorted(keys(client.things:each()))
      local it = client.things:each { page_size = 7, sort = { { thingName = "asc" } } }
      local first = keys(it, 10)
      local rest = client.things:each { page_size = 9, sort = { { thingName = "desc" } },
        after = it:position() }
      assert.are.same(all, sorted(joined(first, keys(rest))))
    end)
  end)

  describe("of observations", function()
    before_each(function()
      box:mode { observations = 100 }
    end)

    it("hands out items and hits, oldest first, and newest first when sorted so", function()
      local item, hit = client.observations:each({ since = -86400 }):next()
      assert.are.equal("many-000001", hit._id)
      assert.are.equal(item, hit._source)
      local rising = keys(client.observations:each { page_size = 7 })
      assert.are.equal(100, #rising)
      local it = client.observations:each { page_size = 7, sort = { { timestamp = "desc" } } }
      local _, last = it:next()
      assert.are.equal("many-000100", last._id)
      assert.are.same(sorted(rising), sorted(joined({ last._id }, keys(it))))
      assert.are.equal(100, it:total())
    end)

    it("takes a filter on what comes back, and one on what is looked for", function()
      local all = keys(client.observations:each { fields = { "thingName" }, page_size = 9 })
      assert.are.equal(100, #all)
      local it = client.observations:each { fields = false, thing = "many-3", page_size = 3 }
      local item = it:next()
      assert.is_nil(item._source)
      assert.are.equal(9, #keys(it))
      local whole = { query = { query = { term = { thingName = "many-3" } } },
        queryScope = { thingTypes = { "191" } } }
      assert.are.equal(10, #keys(client.observations:each { query = whole.query, page_size = 3,
        queryScope = whole.queryScope }))
      assert.are.equal(0, #keys(client.observations:each { type = "door", thing = "many-3" }))
    end)

    it("ends at till, and begins at since", function()
      local first = box:control("GET", "/observations").first
      for _, order in ipairs { "asc", "desc" } do
        local it = client.observations:each { since = first + 1000, till = first + 9000,
          page_size = 4, sort = { timestamp = { order = order } } }
        assert.are.equal(9, #keys(it))
      end
    end)

    it("goes on behind a position, in the middle of a millisecond too", function()
      local all = sorted(keys(client.observations:each()))
      for _, order in ipairs { "asc", "desc" } do
        for _, size in ipairs { 1, 7, 30 } do
          for _, count in ipairs { 1, 49, 52, 57, 60, 76, 100 } do
            local options = { page_size = size, sort = { { timestamp = order } } }
            local it = client.observations:each(options)
            local first = keys(it, count)
            options.after = it:position()
            assert.are.same(all, sorted(joined(first, keys(client.observations:each(options)))))
          end
        end
      end
    end)

    it("goes on in another process, and finds what has arrived since", function()
      local it = client.observations:each { page_size = 7 }
      local first = keys(it)
      assert.are.equal(100, #first)
      local position = it:position()
      local added = box:control("POST", "/observations",
        { timestamp = box:control("GET", "/observations").last + 5, count = 3 }).ids
      local output = box:run(([[
        local client = require("mic").from_env()
        local it = client.observations:each { since = -60, page_size = 2, after = %q }
        while true do
          local _, hit = it:next()
          if not hit then
            break
          end
          print(hit._id)
        end
      ]]):format(position))
      local ids = {}
      for id in output:gmatch "%S+" do
        ids[#ids + 1] = id
      end
      assert.are.same(sorted(added), sorted(ids))
    end)

    it("sorts by another field with from and size", function()
      box:mode { observations = 0 }
      local it = client.observations:each { sort = { { thingName = "asc" } }, page_size = 50 }
      assert.are.equal(192, #keys(it))
      assert.are.equal(192, it:total())
    end)

    it("reads a millisecond with more hits than fit into a page or an answer", function()
      box:mode { observations = 400, largest_search = 60 }
      local all = keys(client.observations:each { page_size = 7 })
      assert.are.equal(400, #all)
      local set = {}
      for _, id in ipairs(all) do
        set[id] = true
      end
      for number = 1, 400 do
        assert.is_true(set[("many-%06d"):format(number)])
      end
    end)

    it("reads a millisecond again until nothing new comes", function()
      box:mode { observations = 400 }
      local it = client.observations:each { page_size = 7 }
      local ids, before, added = {}, nil, nil
      while true do
        local item, hit = it:next()
        if not item then
          break
        end
        ids[#ids + 1] = hit._id
        if item.timestamp == before and not added and #ids > 230 then
          added = box:control("POST", "/observations", { timestamp = before, count = 5 }).ids
        end
        before = item.timestamp
      end
      assert.is_nil(it.err)
      assert.are.equal(405, #ids)
      assert.are.equal(5, #added)
    end)

    it("does not read what arrives after the start, newest first", function()
      local it = client.observations:each { page_size = 7, sort = { { timestamp = "desc" } } }
      assert(it:next())
      local last = box:control("GET", "/observations").last
      box:control("POST", "/observations", { timestamp = last + 5, count = 3 })
      assert.are.equal(99, #keys(it))
    end)

    --- Scripts an answer with these ids; by default all are at one time.
    local function answer(total, ids, times, time)
      local hits = json.array {}
      for id in ids:gmatch "%S+" do
        hits[#hits + 1] = { _id = id, sort = { time or tonumber(id) } }
      end
      box:answer { path = "/observations/find", times = times,
        body = json.encode { hits = { total = total, hits = hits } } }
    end

    it("reads the parts of a millisecond again, too", function()
      answer(3, "1 2", 1, 5)
      box:answer { path = "/observations/find", body = '{"errorMessage":"too large"}' }
      answer(3, "1 2", 1, 5)
      answer(3, "3", 1, 5)
      answer(4, "1 2", 1, 5)
      answer(4, "3 4", 1, 5)
      answer(4, "2 1", 1, 5)
      answer(4, "4 3", 1, 5)
      answer(1, "6", 1)
      assert.are.same({ "1", "2", "3", "4", "6" },
        keys(client.observations:each { page_size = 2 }))
    end)

    it("goes on where the API gives fewer than were asked for", function()
      answer(4, "1 2", 1)
      answer(3, "2 3", 1)
      answer(2, "3 4", 1)
      answer(1, "4", 1)
      assert.are.same({ "1", "2", "3", "4" }, keys(client.observations:each { page_size = 5 }))
    end)

    it("bounds a page by its deadline, not the loop", function()
      for _ = 1, 4 do
        box:answer { path = "/observations/find", delay = 0.9 }
      end
      local it = client.observations:each { page_size = 30, deadline = 3 }
      assert.are.equal(100, #keys(it))
      box:answer { path = "/observations/find", delay = 3 }
      local _, err = client.observations:each({ deadline = 0.3 }):next()
      assert.are.equal("timeout", err.kind)
    end)

    it("gives up a millisecond whose hits never all come", function()
      answer(4, "1 2", 1, 5)
      box:answer { path = "/observations/find", body = '{"errorMessage":"too large"}' }
      answer(4, "1 2", 20, 5)
      local it = client.observations:each { page_size = 2 }
      assert.are.same({ "1", "2" }, keys(it, 2))
      local none, err = it:next()
      assert.is_nil(none)
      assert.are.equal("http: the API returned only 2 of 4 hits in 10 attempts", api.line(err))
      assert.are.same({ true, 22 }, { err.retryable, #box:log() })
    end)

    it("halves a page that is too large, and keeps it small", function()
      box:mode { largest_search = 30 }
      box:control("DELETE", "/log")
      assert.are.equal(100, #keys(client.observations:each { page_size = 100 }))
      local sizes = {}
      for _, entry in ipairs(box:log()) do
        sizes[#sizes + 1] = entry.body:match '"size":(%d+)'
      end
      assert.are.same({ "100", "50", "25" }, { sizes[1], sizes[2], sizes[3] })
      assert.are.equal("25", sizes[#sizes])
    end)

    it("halves after a 502 at most twice in a row", function()
      client = box:logged_in { retry = false }
      box:mode { largest_search = 30, too_large = "status" }
      assert.are.equal(100, #keys(client.observations:each { page_size = 100 }))
      box:mode { largest_search = 3 }
      box:control("DELETE", "/log")
      local it = client.observations:each { page_size = 100 }
      local none, err = it:next()
      assert.is_nil(none)
      assert.are.equal(502, err.status)
      assert.are.equal(3, #box:log())
    end)

    it("refuses more at one millisecond than the API gives", function()
      local last = box:control("GET", "/observations").last
      box:control("POST", "/observations", { timestamp = last, count = 10001 })
      local it = client.observations:each { since = last, page_size = 1000 }
      local count = 0
      local item, err
      repeat
        item, err = it:next()
        count = count + (item and 1 or 0)
      until not item
      assert.are.equal(1000, count)
      assert.are.equal(("too_large: more than 10,000 observations at %d; narrow the search by thing"
        .. " or type"):format(last), api.line(err))
    end)
  end)

  describe("and failures:", function()
    local PART = '{"timed_out":%s,"_shards":{"total":5,"failed":%d},"hits":{"total":1,"hits":[]}}'

    it("a part of an answer is retried, then an error", function()
      box:mode { observations = 10 }
      box:answer { path = "/observations/find", body = PART:format("true", 0), times = 2 }
      assert.are.equal(10, #keys(client.observations:each()))
      box:answer { path = "/observations/find", body = PART:format("false", 2), times = 3 }
      local it = client.observations:each()
      local none, err = it:next()
      assert.is_nil(none)
      assert.are.equal("http: 2 of 5 shards failed; the response is incomplete", api.line(err))
      assert.are.same({ 200, true, 3, "POST", "/observations/find" },
        { err.status, err.retryable, err.attempts, err.method, err.path })
      assert.are.equal(err, select(2, it:next()))
      assert.are.equal(10, #keys(it:retry()))
      client = box:logged_in { retry = false }
      box:answer { path = "/observations/find", body = PART:format("true", 0) }
      none, err = client.observations:each():next()
      assert.is_nil(none)
      assert.are.equal(1, err.attempts)
    end)

    it("an error comes again until retry, and the position stays", function()
      client = box:logged_in { retry = false }
      box:mode { observations = 100 }
      local it = client.observations:each { page_size = 7 }
      local first = keys(it, 7)
      local position = it:position()
      box:answer { path = "/observations/find", status = 500, times = 1 }
      local _, err = it:next()
      assert.are.equal(500, err.status)
      assert.are.equal(err, it.err)
      assert.are.equal(err, select(2, it:next()))
      assert.are.equal(position, it:position())
      assert.are.equal(100, #joined(first, keys(it:retry())))
    end)

    it("for raises the one line, and the object stays", function()
      client = box:logged_in { retry = false }
      box:answer { path = "/users", status = 500 }
      local it = client.users:each()
      local ok, problem = pcall(function()
        for _ in it do
          error "handed out"
        end
      end)
      assert.is_false(ok)
      assert.are.equal("string", type(problem))
      assert.are.equal(tostring(it.err), problem)
      assert.are.equal(500, it.err.status)
    end)

    it("an expired token in the middle costs one refresh", function()
      box:mode { observations = 100 }
      local it = client.observations:each { page_size = 7 }
      local first = keys(it, 20)
      box:expire()
      assert.are.equal(100, #joined(first, keys(it)))
      assert.are.equal(1, box:counters().refresh)
    end)

    it("a refused refresh is the loop's error, and position goes on after a login", function()
      box:mode { observations = 100 }
      local it = client.observations:each { page_size = 7 }
      local first = keys(it, 20)
      box:expire(true)
      local item, err
      repeat
        item, err = it:next()
        first[#first + 1] = item and "x"
      until not item
      assert.are.equal("auth", err.kind)
      mic.assert(client:login(box.username, box.password))
      assert.are.equal(100, #first
        + #keys(client.observations:each { after = it:position(), page_size = 7 }))
    end)

    it("an answer that is no list, or not in order, is an error", function()
      box:answer { path = "/users", body = '{"people":[]}' }
      local _, err = client.users:each():next()
      assert.are.equal('http: the response has no array "users"', api.line(err))
      local hits = { { _id = "a", sort = { 2 } }, { _id = "b", sort = { 1 } } }
      box:answer { path = "/observations/find",
        body = json.encode { hits = { total = 2, hits = hits } } }
      _, err = client.observations:each():next()
      assert.are.equal('http: the response is not sorted by "timestamp"', api.line(err))
      box:answer { path = "/observations/find",
        body = json.encode { hits = { total = 1, hits = { { _id = "a" } } } } }
      _, err = client.observations:each():next()
      assert.matches("not sorted", err.message)
    end)

    it("the client of a stack finds its API first", function()
      client = mic.new { stack = box.stack, manifest_url = box.manifest_url,
        tls = { ca_file = box.ca_file }, username = box.username, password = box.password }
      assert.are.equal(5, #client.users:all { limit = 5 })
      client:close()
    end)

    it("a closed client is one, too", function()
      local it = client.users:each()
      client:close()
      local none, err = it:next()
      assert.is_nil(none)
      assert.are.equal("closed", err.kind)
    end)
  end)
end)
