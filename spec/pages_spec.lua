-- Loops over lists: users, files, thing types, and what each loop takes and raises for.

local api = require "spec.support.api"
local json = require "mic.json"
local mic = require "mic"
local paging = require "spec.support.paging"

local keys, joined, refused = paging.keys, paging.joined, paging.refused

describe("a loop over pages", function()
  local box = api.around()
  local client

  before_each(function()
    client = box:logged_in { retry = { base = 0.001, cap = 0.002 } }
    box:seen()
  end)

  describe("of users", function()
    it("is one request, unless a page size is given", function()
      local all = keys(client.users:each { category = "all" })
      assert.are.equal(42, #all)
      assert.are.equal("GET /users?category=all", box:seen())
      assert.are.same(all, keys(client.users:each { category = "all", page_size = 10 }))
      assert.are.equal(("GET /users?category=all&page=%d&size=10\n"):rep(5):format(1, 2, 3, 4, 5),
        box:seen() .. "\n")
    end)

    it("tells their number, and makes pages of an answer that is too large", function()
      box:answer { path = "/users", body = '{"errorMessage":"too large"}' }
      local it = client.users:each { category = "all" }
      assert.is_nil(it:total())
      assert.are.equal(42, #keys(it))
      assert.are.equal(42, it:total())
      assert.is_false(it.changed)
      it = client.users:each { freeText = "a" }
      assert(it:next())
      assert.is_nil(it:total())
    end)

    it("leaves out who was handed out, and says that the list has changed", function()
      local it = client.users:each { category = "all", page_size = 5 }
      local names = keys(it, 5)
      mic.assert(client:post("/users",
        { userName = "aaa", roleName = "Read", domainName = "root" }))
      names = joined(names, keys(it))
      assert.are.equal(42, #names)
      local set = {}
      for _, name in ipairs(names) do
        assert.is_nil(set[name])
        set[name] = true
      end
      assert.is_true(it.changed)
    end)

    it("goes on behind a position", function()
      local all = keys(client.users:each { category = "all" })
      for _, options in ipairs { {}, { page_size = 5 }, { page_size = 7 } } do
        for _, count in ipairs { 1, 4, 5, 6, 41, 42 } do
          local it = client.users:each { category = "all", page_size = 5 }
          local first = keys(it, count)
          local rest = client.users:each { category = "all", page_size = options.page_size,
            after = it:position() }
          assert.are.same(all, joined(first, keys(rest)))
          assert.is_false(rest.changed)
        end
      end
    end)

    it("finds the last one of a position although the list was changed before it", function()
      local all = keys(client.users:each { category = "all" })
      local it = client.users:each { category = "all" }
      local first = keys(it, 9)
      mic.assert(client:delete("/users/{n}", { params = { n = all[2] } }))
      local rest = keys(client.users:each { category = "all", after = it:position() })
      assert.are.same(all, joined(first, rest))
    end)
  end)

  describe("of users in pages that become smaller", function()
    it("begins where nothing is lost, though one was deleted", function()
      local all = keys(client.users:each { category = "all" })
      local it = client.users:each { category = "all", page_size = 10 }
      local first = keys(it, 10)
      mic.assert(client:delete("/users/{n}", { params = { n = all[2] } }))
      box:answer { path = "/users", body = '{"errorMessage":"too large"}' }
      assert.are.same(all, joined(first, keys(it)))
    end)
  end)

  describe("of files", function()
    it("follows the continuation token, and gives the decoded key", function()
      local all = keys(client.files:each { listAll = true })
      assert.are.equal("GET /files?listAll=true&maxKeys=1000", box:seen())
      assert.are.same(all, keys(client.files:each { listAll = true, page_size = 7 }))
      local file, key = client.files:each({ listAll = true }):next()
      assert.are.equal("table", type(file))
      assert.are.equal("string", type(file.Key))
      assert.is_nil(key:find "%%")
      assert.is_nil(client.files:each({ listAll = true }):total())
    end)

    it("takes a plus in a key for a space", function()
      box:answer { path = "/files", body = json.encode { encodingType = "url", isTruncated = false,
        files = { { Key = "a+b%2Bc%C3%A5" } } } }
      local _, key = client.files:each({ root = true }):next()
      assert.are.equal("a b+c\195\165", key)
    end)

    it("goes on behind a position", function()
      local all = keys(client.files:each { listAll = true })
      for _, count in ipairs { 1, 6, 7, 8, #all } do
        local it = client.files:each { listAll = true, page_size = 7 }
        local first = keys(it, count)
        local rest = client.files:each { listAll = true, page_size = 7, after = it:position() }
        assert.are.same(all, joined(first, keys(rest)))
      end
    end)

    it("does not go round in circles, and ends where there is no token", function()
      local body = json.encode { files = { { Key = "a" } }, isTruncated = true,
        nextContinuationToken = "same" }
      box:answer { path = "/files", body = body, times = 2 }
      local it = client.files:each { root = true }
      assert(it:next())
      local none, err = it:next()
      assert.is_nil(none)
      assert.are.equal(
        'http: the response has the same "nextContinuationToken" as the previous one',
        api.line(err))
      box:answer { path = "/files", body = '{"files":[],"isTruncated":true}' }
      none, err = client.files:each({ root = true }):next()
      assert.is_nil(none)
      assert.matches('has no "nextContinuationToken"', err.message)
    end)
  end)

  describe("of thing types", function()
    it("takes a list and an object with one", function()
      local list = client.thing_types:all()
      assert.are.equal(5, #list)
      box:answer { path = "/thingtypes", body = '{"thingtypes":[{"id":"a"},{"id":"b"}]}' }
      local found = {}
      local it = client.thing_types:each()
      while true do
        local item = it:next()
        if not item then
          break
        end
        found[#found + 1] = item.id
      end
      assert.are.same({ "a", "b" }, found)
      assert.are.equal(2, #client.thing_types:all { limit = 2 })
    end)
  end)

  describe("takes", function()
    it("for, with each item", function()
      local count = 0
      for user in client.users:each { category = "all", limit = 10 } do
        assert.are.equal("string", type(user.userName))
        count = count + 1
      end
      assert.are.equal(10, count)
    end)

    it("a break, and close", function()
      local it = client.users:each { page_size = 5 }
      for user in it do
        if user.userName then
          break
        end
      end
      local position = it:position()
      it:close()
      it:close()
      assert.is_nil(it:next())
      assert.is_nil(it.err)
      assert.are.equal(position, it:position())
      assert.matches("^mic.iterator", tostring(it))
      it = client.users:each()
      getmetatable(it).__close(it)
      assert.is_nil(it:next())
    end)

    it("pages, as whole responses, with a limit of items", function()
      local sizes, statuses = {}, {}
      local it = client.users:pages { category = "all", page_size = 10, limit = 25 }
      local response = it:next()
      while response do
        sizes[#sizes + 1], statuses[#statuses + 1] = #response.data.users, response.status
        response = it:next()
      end
      assert.are.same({ 10, 10, 5 }, sizes)
      assert.are.same({ 200, 200, 200 }, statuses)
      local all = keys(client.users:each { category = "all" })
      local rest = keys(client.users:each { category = "all", after = it:position() })
      assert.are.equal(all[26], rest[1])
    end)

    it("pages of hits, without what a page before had", function()
      box:mode { observations = 400 }
      local ids, pages = {}, 0
      local it = client.observations:pages { page_size = 50 }
      local response = it:next()
      while response do
        pages = pages + 1
        assert.is_true(#response.data.hits.hits > 0)
        local sent = json.decode(response.body).hits.hits
        for index, hit in ipairs(response.data.hits.hits) do
          assert.are.equal(hit._id, sent[response.indexes[index]]._id)
          assert.is_nil(ids[hit._id])
          ids[hit._id] = true
          ids[#ids + 1] = true
        end
        response = it:next()
      end
      assert.are.equal(400, #ids)
      assert.is_true(pages > 4)
      response = client.observations:pages({ thing = "nothing" }):next()
      assert.are.same({}, response.data.hits.hits)
    end)

    it("all, with a limit where there are pages", function()
      assert.are.equal(7, #client.users:all { limit = 7 })
      assert.matches("requires a limit", refused(function()
        client.users:all()
      end))
      client = box:logged_in { retry = false }
      box:answer { path = "/users", status = 500 }
      local list, err = client.users:all { limit = 7 }
      assert.is_nil(list)
      assert.are.equal(500, err.status)
    end)

    it("options of a call in either table", function()
      box:control("DELETE", "/log")
      assert(client.users:each({ headers = { ["X-One"] = "1" } }, { timeout = 5 }):next())
      local seen = {}
      for _, name in ipairs(box:log()[1].headers) do
        seen[name:lower()] = true
      end
      assert.is_true(seen["x-one"])
      assert(client.users:each({ attributes = { "userName", "email" } },
        { query = { category = "all" } }):next())
      assert.are.equal("/prod/users?attributes=userName%2Cemail&category=all",
        box:log()[2].path)
      assert.matches('"timeout" is in both tables', refused(function()
        client.users:each({ timeout = 1 }, { timeout = 2 })
      end))
    end)

    it("events like any call: with the path, and the retry of a part", function()
      local types = {}
      client = box:logged_in { retry = { base = 0.001 }, on_event = function(event)
        types[#types + 1] = event.type .. (event.reason and ":" .. event.reason or "")
      end }
      types = {}
      box:mode { observations = 3 }
      box:answer { path = "/observations/find", body = '{"timed_out":true}' }
      assert.are.equal(3, #keys(client.observations:each()))
      assert.are.same({ "request", "response", "retry:partial answer", "request", "response" },
        types)
    end)
  end)

  describe("of an API of one's own", function()
    local function own(row, options)
      row.name, row.method, row.path = "doors.list", row.method or "GET", "/rooms/{room}/doors"
      options = options or {}
      options.endpoints = { row }
      return box:logged_in(options)
    end

    local function answer(data)
      box:answer { path = "/rooms/7/doors", body = json.encode(data) }
    end

    local function ids(it)
      local list = {}
      while true do
        local item, err = it:next()
        if item == nil then
          assert(it.err == nil, tostring(err))
          return table.concat(list, " ")
        end
        list[#list + 1] = item.id
      end
    end

    local function queries()
      local list = {}
      for _, entry in ipairs(box:log()) do
        list[#list + 1] = entry.path:match "doors%??(.*)$"
      end
      return list
    end

    it("counts pages from zero, and ends where there are no more", function()
      local door = own { query = { "kind", "page" }, paging = "page", pages = { items = "data",
        key = "id", page = "page", size = "pageSize", first = 0, more = "hasNext",
        total = "totalElements", page_size = 2 } }
      answer { data = { { id = "a" }, { id = "b" } }, hasNext = true, totalElements = 3 }
      answer { data = { { id = "c" } }, hasNext = false, totalElements = 3 }
      local it = door.doors:each("7", { kind = "gate" })
      assert.are.equal("a b c", ids(it))
      assert.are.equal(3, it:total())
      local seen = queries()
      assert.are.equal("kind=gate&page=0&pageSize=2", seen[#seen - 1])
      assert.are.equal("kind=gate&page=1&pageSize=2", seen[#seen])
    end)

    it("goes by offset and size in the query", function()
      local door = own { paging = "from", pages = { items = "data.list", key = "id",
        from = "offset", size = "max", total = "data.count", page_size = 2 } }
      answer { data = { list = { { id = "a" }, { id = "b" } }, count = 3 } }
      answer { data = { list = { { id = "b" }, { id = "c" } }, count = 3 } }
      assert.are.equal("a b c", ids(door.doors:each("7", { page_size = 2 })))
      local seen = queries()
      assert.are.equal("max=2&offset=0", seen[#seen - 1])
      assert.are.equal("max=2&offset=2", seen[#seen])
    end)

    it("follows a cursor until there is none", function()
      local door = own { paging = "token", pages = { items = "data", key = "id", token = "cursor",
        next = "meta.next" } }
      answer { data = { { id = "a" } }, meta = { next = "x=1" } }
      answer { data = { { id = "b" } }, meta = { next = mic.null } }
      assert.are.equal("a b", ids(door.doors:each "7"))
      assert.are.equal("cursor=x%3D1", queries()[#queries()])
    end)

    it("has a row that is checked", function()
      local function problem(row)
        row.name, row.method, row.path = "doors.list", "POST", "/doors"
        return refused(mic.new,
          { base_url = "https://localhost", api_key = "k", endpoints = { row } })
      end
      assert.matches('unknown option "endpoints[1].pages.item_s"',
        problem { paging = "one", pages = { item_s = "x" } }, 1, true)
      assert.matches('option "endpoints[1].pages.page" is missing', problem { paging = "page" }, 1,
        true)
      assert.matches('option "endpoints[1].pages.next" is missing',
        problem { paging = "token", pages = { token = "t" } }, 1, true)
      assert.matches("needs find.time", problem { paging = "time", find = { thing = "name" } })
      assert.matches('option "endpoints[1].pages.window"',
        problem { paging = "from", find = {}, pages = { window = 0.5 } }, 1, true)
    end)

    it("searches by time, with the names of Elasticsearch", function()
      local logs = box:logged_in { endpoints = { { name = "logs.find", method = "POST",
        path = "/logs/find", body = "object", paging = "time", idempotent = true,
        find = { thing = "host", time = "at" } } } }
      box:answer { path = "/logs/find", body = json.encode { hits = { total = 1, hits = {
        { _id = "a", _source = { host = "x" }, sort = { 5 } } } } } }
      local list = logs.logs:all { thing = "x", limit = 10, since = 1700000000000 }
      assert.are.same({ { host = "x" } }, list)
      local log = box:log()
      assert.are.equal('{"query":{"query":{"bool":{"filter":[{"term":{"host":"x"}},{"range":{"at"'
        .. ':{"gte":1700000000000}}}]}},"size":10,"sort":[{"at":"asc"}]}}', log[#log].body)
    end)

    it("has a list that is one answer", function()
      local door = own { paging = "one" }
      answer { { id = "a" }, { id = "b" } }
      assert.are.equal("a b", ids(door.doors:each "7"))
      answer(json.array {})
      assert.are.equal("", ids(door.doors:each "7"))
      answer { { id = "a" } }
      assert.are.equal(1, #door.doors:all "7")
    end)
  end)

  describe("raises for", function()
    it("size and page, which it sets itself", function()
      for _, name in ipairs { "size", "page" } do
        assert.matches('the loop sets "' .. name .. '" itself; use page_size per request',
          refused(function()
            client.users:each { [name] = 5 }
          end))
      end
      assert.matches('"maxKeys"', refused(function()
        client.files:each { root = true, maxKeys = 5 }
      end))
      assert.matches('"size"', refused(function()
        client.things:each { query = { size = 5 } }
      end))
      assert.matches('"continuationToken"', refused(function()
        client.files:each({ root = true }, { query = { continuationToken = "x" } })
      end))
    end)

    it("unknown names and wrong values", function()
      assert.matches('did you mean "limit"', refused(function()
        client.users:each { limt = 5 }
      end))
      assert.matches('query = { foo = … }', refused(function()
        client.users:each { foo = 5 }
      end), 1, true)
      assert.matches('option "limit" must be a positive whole number', refused(function()
        client.users:each { limit = 0 }
      end))
      assert.matches("page_size must not be larger than 10000", refused(function()
        client.observations:each { page_size = 10001 }
      end))
      assert.matches('unknown option "key"', refused(function()
        client.observations:each { key = "thingName" }
      end))
      assert.matches("looks like seconds", refused(function()
        client.observations:each { since = 1606219200 }
      end))
      assert.matches("set by the client", refused(function()
        client.users:each { headers = { Authorization = "x" } }
      end))
    end)

    it("a parameter that is given twice, and a list that is none of texts", function()
      assert.matches("query.category is given twice", refused(function()
        client.users:each({ category = "all" }, { query = { category = "active" } })
      end), 1, true)
      assert.matches("attributes must be a list of strings", refused(function()
        client.users:each { attributes = { {} } }
      end))
    end)

    it("a position that is none, or of another loop", function()
      for _, after in ipairs { "x", "eyJ", "####", "bnVsbA" } do
        assert.matches("after must be the position() of a loop", refused(function()
          client.users:each { after = after }
        end), 1, true)
      end
      local it = client.users:each()
      assert(it:next())
      local position = it:position()
      assert.matches("^[%w_-]+$", position)
      assert.matches("another loop %(users.list%)", refused(function()
        client.files:each { root = true, after = position }
      end))
      box:mode { observations = 5 }
      it = client.observations:each()
      assert.is_nil(it:position())
      assert(it:next())
      assert.matches("another loop", refused(function()
        client.observations:each { after = it:position(), sort = { { timestamp = "desc" } } }
      end))
    end)

    it("a call with a dot", function()
      local it = client.users:each()
      assert.matches("it:next%(%)", refused(it.next))
    end)
  end)
end)
