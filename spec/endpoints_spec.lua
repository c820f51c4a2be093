-- The table of endpoints: its form, what the sandbox serves of it, the swagger document made of it,
-- and rows that a client is given.

local api = require "spec.support.api"
local endpoints = require "mic.api.endpoints"
local mic = require "mic"
local searches = require "mic.profile.mic".searches
local shell = require "spec.support.shell"
local tree = require "spec.support.tree"

local data, refused = api.data, api.assert_refused

local box = api.around()

local by_name = {}
for _, row in ipairs(endpoints) do
  by_name[row.name] = row
end

local function names_in(path)
  local names = {}
  for name in path:gmatch "{([^{}]*)}" do
    names[#names + 1] = name
  end
  return names
end

describe("the table of endpoints", function()
  it("has rows of one form, as the option endpoints checks them", function()
    for _, row in ipairs(endpoints) do
      assert.is_truthy(row.summary and row.reply and row.confidence, row.name)
      assert.are.equal("boolean", type(row.idempotent), row.name)
      local parameters = " " .. table.concat(row.parameters or {}, " ") .. " "
      for _, name in ipairs(names_in(row.path)) do
        assert.is_truthy(parameters:find(" " .. name .. " ", 1, true), row.name)
      end
    end
    local copies = {}
    for _, row in ipairs(endpoints) do
      copies[#copies + 1] = row
    end
    local client = mic.new { base_url = "https://localhost/prod", api_key = "-",
      endpoints = copies }
    assert.matches("client.users\n", tostring(client.users))
    client:close()
  end)

  it("names each row once", function()
    local count = 0
    for _ in pairs(by_name) do
      count = count + 1
    end
    assert.are.equal(#endpoints, count)
  end)

  it("repeats the searches that a verb repeats, too, and no other POST", function()
    for _, row in ipairs(endpoints) do
      if row.method == "POST" then
        assert.are.equal(searches[row.path] or false, row.idempotent, row.name)
      end
    end
    for path in pairs(searches) do
      local found = false
      for _, row in ipairs(endpoints) do
        found = found or row.path == path
      end
      assert.is_true(found, path)
    end
  end)

  it("has a kind of pages for each list", function()
    local kinds = {}
    for _, row in ipairs(endpoints) do
      if row.paging then
        kinds[row.name] = row.paging
        assert.is_truthy(row.pages.items, row.name)
      end
    end
    assert.are.same({
      ["users.list"] = "page", ["things.find"] = "from", ["thing_types.list"] = "one",
      ["observations.find"] = "time", ["events.find"] = "time", ["files.list"] = "token",
    }, kinds)
  end)
end)

describe("docs/api.md", function()
  it("is what tools/api_doc.lua makes of the table", function()
    local tool = assert(io.popen(shell.lua .. " tools/api_doc.lua"))
    local made = tool:read "*a"
    tool:close()
    assert.are.equal(made, tree.read "docs/api.md")
  end)
end)

--- Rows that the sandbox does not serve, each with the reason.
local NOT_SERVED = {}

--- Routes of the sandbox that no row has: its own choice, marked in sandbox/routes.lua.
local ONLY_SANDBOX = { ["PATCH /things"] = true, ["DELETE /things"] = true }

describe("the sandbox", function()
  it("serves every row", function()
    local client = box:logged_in()
    for _, row in ipairs(endpoints) do
      local path = row.path:gsub("{[^{}]*}", "x")
      if not NOT_SERVED[row.name] and not row.discovery then
        local _, err = client:request { method = row.method, path = path }
        local problem = err and err.message or ""
        assert.is_nil(problem:find("Invalid key=value pair", 1, true), row.name)
        assert.is_nil(problem:find("Missing Authentication Token", 1, true), row.name)
      end
    end
    for name, reason in pairs(NOT_SERVED) do
      assert.is_truthy(by_name[name] and reason ~= "", name)
    end
  end)

  it("serves no MIC route that is in no row, but for its own", function()
    local known = {}
    for _, row in ipairs(endpoints) do
      known[row.method .. " " .. row.path:gsub("{[^{}]*}", "*")] = true
    end
    local routes = tree.read("sandbox/routes.lua"):match "\nlocal ROUTES = (%b{})"
    local count = 0
    for method, list in routes:gmatch '{ "(%u+)", ({[^{}]*})' do
      local path = ""
      for part in list:gmatch '"([^"]*)"' do
        path = path .. "/" .. part
      end
      count = count + 1
      local route = method .. " " .. path
      assert.are.equal(not ONLY_SANDBOX[route], known[route] or false, route)
    end
    assert.is_true(count > 40)
  end)

  it("answers every example", function()
    local client = box:logged_in { retry = { base = 0.001 } }
    local load_text = rawget(_G, "loadstring") or load
    local count = 0
    for _, row in ipairs(endpoints) do
      if row.example and not row.unnamed and not row.discovery then
        local code = ("local client, mic = ... return client%s%s(%s)"):format(
          row.name:find(".", 1, true) and "." or ":", row.name:gsub("%.", ":"), row.example)
        local response, err = assert(load_text(code))(client, mic)
        assert(response, row.name .. ": " .. tostring(err))
        count = count + 1
      end
      assert.are.equal(not row.own, row.example ~= nil, row.name)
    end
    assert.is_true(count > 38)
  end)

  it("needs no login and no key where the table says so", function()
    local client = box:client()
    for _, row in ipairs(endpoints) do
      if not row.discovery then
        local path = row.path:gsub("{[^{}]*}", "x")
        local _, err = client:request { method = row.method, path = path, auth = false }
        local denied = err and err.message == "Forbidden"
        assert.are.equal(row.open ~= nil, not denied, row.name)
      end
    end
    for _, row in ipairs(endpoints) do
      if row.open and not row.discovery then
        local keyless = box:client { api_key = "wrong" }
        local _, err = keyless:request { method = row.method, path = row.path }
        local denied = err and err.message == "Forbidden"
        assert.are.equal(row.open == "key", not denied, row.name)
      end
    end
  end)

  it("describes itself by the table", function()
    local document = data(box:client():swagger())
    assert.are.equal("2.0", document.swagger)
    assert.are.equal("/prod", document.basePath)
    local operations = {}
    for path, methods in pairs(document.paths) do
      for method, operation in pairs(methods) do
        operations[operation.operationId] = method:upper() .. " " .. path
      end
    end
    for _, row in ipairs(endpoints) do
      local wanted = not row.unnamed and not row.discovery and row.method .. " " .. row.path or nil
      assert.are.equal(wanted, operations[row.name], row.name)
    end
    local get = document.paths["/users/{userName}"].get
    assert.are.same({ "path", true }, { get.parameters[1]["in"], get.parameters[1].required })
    assert.are.same({ "query", false }, { get.parameters[2]["in"], get.parameters[2].required })
    assert.are.same({ "userName", "roleName", "domainName" },
      document.paths["/users"].post.parameters[1].schema.required)
    assert.are.same({}, document.paths["/metadata/manifest"].get.security)
  end)

  it("refuses user data of more than 10 MB as the gateway does", function()
    local client = box:logged_in()
    local big = ("x"):rep(1024 * 1024)
    assert.are.equal(#big, #data(client.users:update_data("demo", { big = big })).userdata.big)
    local _, err = client.users:update_data("demo", { big = ("x"):rep(10485760) })
    assert.are.equal(413, err.status)
    assert.are.equal("HTTP content length exceeded 10485760 bytes.", err.response.body)
    assert.are.equal(#big, #data(client.users:me { attributes = "data" }).data.big)
    local list = data(client.users:list { category = "all", attributes = "userName" })
    assert.are.equal(42, #list.users)
  end)

  it("creates a batch of things, and groups", function()
    local client = box:logged_in()
    assert.is_truthy(data(client.thing_batches:create {
      thingType = "door", domain = "oslo", requestedSize = 1000,
    }).batchId)
    assert.are.equal(1002, data(client.things:find { type = "door", size = 0 }).hits.total)
    refused(400, "PROPERTY_NOT_IN_RANGE", "requestedSize", client.thing_batches:create {
      thingType = "door", domain = "oslo", requestedSize = 1001,
    })
    refused(400, "PROPERTY_NOT_A_NUMBER", "requestedSize", client.thing_batches:create {
      thingType = "door", domain = "oslo", requestedSize = "3",
    })
    local group = data(client.thing_groups:create { domain = "oslo", description = "Doors" })
    local child = data(client.thing_groups:create {
      domain = "oslo", description = "Back doors", parent = group.id,
    })
    assert.are.equal(group.id, child.parent)
    assert.are.equal("Gates",
      data(client.thing_groups:update(child.id, { description = "Gates" })).description)
    refused(404, "THING_GROUP_NOT_FOUND", "parent", client.thing_groups:create {
      domain = "oslo", description = "x", parent = "none",
    })
    refused(400, "INVALID_ARGUMENTS", "domainId", client.permissions:create_privilege {
      roleId = "r", objectName = "Things", read = 1,
    })
    assert.is_truthy(data(client.permissions:create_privilege {
      roleId = "r", objectName = "AppBoard",
    }).id)
  end)

  it("keeps who has seen an event", function()
    local client = box:logged_in()
    local found = data(client.events:find { type = "191", size = 1 }).hits.hits[1]._source
    assert.is_nil(found.acknowledgedBy)
    data(client.events:acknowledge(found.id))
    found = data(client.events:find { filter = { term = { id = found.id } } }).hits.hits[1]._source
    assert.are.equal("demo", found.acknowledgedBy)
    refused(404, "EVENT_NOT_FOUND", "id", client.events:acknowledge "x")
    local reader = box:client()
    assert(reader:login("per@example.com", box.password))
    refused(403, "NOT_AUTHORIZED", nil, reader.events:acknowledge(found.id))
  end)
end)

describe("rows that a client is given", function()
  local function new(rows, more)
    local options = { endpoints = rows, username = box.username, password = box.password }
    for name, value in pairs(more or {}) do
      options[name] = value
    end
    return (box:client(options))
  end

  local function raised(rows, more)
    local ok, problem = pcall(new, rows, more)
    assert.is_false(ok)
    return (problem:gsub("^.-:%d+: ", ""))
  end

  it("are names beside those of MIC, and replace them", function()
    local client = new {
      { name = "files.download", method = "GET", path = "/files/{key}" },
      { name = "users.get", method = "GET", path = "/users/{userName}",
        query = { "attributes", "fields" } },
      { name = "ping", method = "GET", path = "/user", alias = "pong" },
    }
    assert.are.equal("Be kind.\n", assert(client.files:download "public/terms.txt").body)
    assert.are.equal(2, #data(client.files:list { root = true }).files)
    assert.are.equal("anna", data(client.users:get("anna", { fields = "x" })).userName)
    assert.are.equal(42, #data(client.users:list { category = "all" }).users)
    assert.matches("%f[%a]fields", select(2, pcall(client.users.get, client.users, "a", { x = 1 })))
    assert.are.equal(200, assert(client:ping()).status)
    assert.are.equal(200, assert(client:pong { timeout = 3 }).status)
  end)

  it("are the only names with another profile", function()
    box:mode { profile = "oauth2" }
    local client = mic.new {
      profile = "oauth2", base_url = box.base_url, tls = { ca_file = box.ca_file },
      auth_url = box.base_url .. "/oauth2/token", client_id = "demo", client_secret = box.password,
      endpoints = {
        { name = "thing.get", method = "GET", path = "/thing" },
        { name = "thing.secret", method = "GET", path = "/forbidden" },
      },
    }
    assert.are.equal(200, assert(client.thing:get()).status)
    local _, err = client.thing:secret()
    assert.are.equal(403, err.status)
    assert.is_nil(client.users)
    assert.is_nil(client.whoami)
    assert.are.equal(2, #mic.endpoints(client))
    client:close()
    local plain = mic.new { profile = "bearer", base_url = "https://localhost/v1" }
    assert.is_nil(plain.users)
    assert.are.same({}, mic.endpoints(plain))
    plain:close()
  end)

  it("say where arguments go, and whether a call is repeated", function()
    local client = new({
      { name = "t.find", method = "POST", path = "/things/find", body = "object",
        idempotent = false },
      { name = "t.one", method = "GET", path = "/things", parameters = { "thingName" } },
      { name = "t.store", method = "PUT", path = "/files/{key}", body = "bytes",
        query = { "mode" }, joined = { "mode" } },
      { name = "t.remove", method = "DELETE", path = "/files/{key}", idempotent = false },
      { name = "t.open", method = "POST", path = "/auth/consent", body = "object", open = "login" },
    }, { retry = { base = 0.001 } })
    assert.are.equal("00001570", data(client.t:one "00001570").thingName)
    box:answer { path = "/things/find", status = 503, headers = { ["Retry-After"] = "0" } }
    local _, err = client.t:find { query = {} }
    assert.are.equal(1, err.attempts)
    assert(client.t:store("a/b", { mode = { "x", "y" } },
      { body = "text", headers = { ["Content-Type"] = "text/plain" } }))
    local log = box:log()
    assert.are.equal("/prod/files/a%2Fb?mode=x%2Cy", log[#log].path)
    box:answer { path = "/files/a%2Fb", status = 503, headers = { ["Retry-After"] = "0" } }
    _, err = client.t:remove "a/b"
    assert.are.equal(1, err.attempts)
    refused(400, "PROPERTY_REQUIRED", "userName", client.t:open {})
    log = box:log()
    assert.is_false(log[#log].authorization)
  end)

  it("are copied", function()
    local rows = { { name = "a.b", method = "GET", path = "/user", query = { "attributes" } } }
    local client = new(rows)
    rows[1].path, rows[1].query[1] = "/users", "x"
    assert.is_truthy(data(client.a:b { attributes = "userName" }).userName)
  end)

  it("have pages", function()
    local client = new {
      { name = "orders.list", method = "GET", path = "/shops/{shop}/orders",
        query = { "page", "limit", "state" }, paging = "page",
        pages = { items = "data", page = "page", size = "limit", last = "pages", key = "id",
          page_size = 2, first = 0 } },
      { name = "logs.find", method = "POST", path = "/observations/find", members = { "query" },
        find = { thing = "thingName", time = "timestamp" }, paging = "time",
        pages = { items = "hits.hits", item = "_source", total = "hits.total",
          key = { "_id" }, window = 10000, page_size = 7 } },
    }
    for page, ids in ipairs { '{"id":1},{"id":2}', '{"id":3}' } do
      box:answer { path = "/shops/a%2Fb/orders",
        body = ('{"data":[%s],"pages":2,"page":%d}'):format(ids, page - 1) }
    end
    local ids = {}
    for order in client.orders:each("a/b", { state = "open" }) do
      ids[#ids + 1] = order.id
    end
    assert.are.same({ 1, 2, 3 }, ids)
    local log = box:log()
    assert.are.equal("/prod/shops/a%2Fb/orders?limit=2&page=1&state=open", log[#log].path)
    local count = 0
    for observation in client.logs:each { thing = "00001570", since = -86400 * 2 } do
      assert.are.equal("00001570", observation.thingName)
      count = count + 1
    end
    assert.are.equal(24, count)
    assert.are.equal("shop", select(2, pcall(client.orders.each, client.orders, {}))
      :match "needs the (%w+)")
  end)

  for name, case in pairs {
    ["not a table"] = { { "x" }, 'option "endpoints[1]" must be a table (got string)' },
    ["one row, not a list"] = { { name = "a", method = "GET", path = "/" },
      'option "endpoints" must be a list of rows, { { name = …, path = …, … }, … }' },
    ["no path"] = { { { name = "a.b", method = "GET" } }, 'option "endpoints[1].path" is missing' },
    ["a wrong path"] = { { { name = "a.b", method = "GET", path = "users" } },
      'option "endpoints[1].path" must be a path that begins with "/", without a query '
        .. "(got another string)" },
    ["a wrong name"] = { { { name = "a.b.c", method = "GET", path = "/" } },
      'option "endpoints[1].name" must be "method" or "collection.method" (got another string)' },
    ["a wrong method"] = { { { name = "a", method = "get", path = "/" } },
      'option "endpoints[1].method" must be an HTTP method in capitals (got another string)' },
    ["a parameter that is missing"] = {
      { { name = "a.b", method = "GET", path = "/{x}", parameters = { "y" } } },
      'option "endpoints[1].parameters" lacks "x", which is in the path' },
    ["no list"] = { { { name = "a.b", method = "GET", path = "/", query = { x = 1 } } },
      'option "endpoints[1].query" must be a list of names (got another table)' },
    ["a name of every client"] = { { { name = "get.all", method = "GET", path = "/" } },
      'option "endpoints": "get.all" is not allowed: client:get is a method of every client' },
    ["an alias of every client"] = {
      { { name = "x", method = "GET", path = "/", alias = "login" } },
      'option "endpoints": "x" has the alias "login", a method of every client' },
    ["a name of pages"] = { { { name = "a.each", method = "GET", path = "/" } },
      'option "endpoints": "a.each" is not allowed: each is a method for pages' },
    ["the same name twice"] = {
      { { name = "a.b", method = "GET", path = "/" },
        { name = "a.b", method = "GET", path = "/x" } },
      'option "endpoints": "a.b" is a duplicate name' },
    ["a collection that is a method, too"] = {
      { { name = "a.b", method = "GET", path = "/" }, { name = "a", method = "GET", path = "/x" } },
      'option "endpoints": "a.b" is not allowed: "a" is an endpoint' },
    ["another row that is none"] = { { { name = "a", method = "GET", path = "/", with = "b" } },
      'option "endpoints": "a" has with = "b", which is not in the list' },
    ["pages that lack something"] = {
      { { name = "a.b", method = "GET", path = "/", paging = "token",
        pages = { items = "x", token = "y" } } },
      'option "endpoints[1].pages.next" is missing: paging is "token"' },
    ["pages of no kind"] = {
      { { name = "a.b", method = "GET", path = "/", pages = { items = "x" } } },
      'option "endpoints[1].pages" needs paging' },
    ["pages by a time that is not named"] = {
      { { name = "a.b", method = "POST", path = "/", paging = "time" } },
      'option "endpoints[1].paging" is "time", which needs find.time' },
    ["a wrong number in pages"] = {
      { { name = "a.b", method = "GET", path = "/", paging = "one", pages = { window = -1 } } },
      'option "endpoints[1].pages.window" must be a whole number, not negative (got -1)' },
    ["a kind of pages that is none"] = {
      { { name = "a.b", method = "GET", path = "/", paging = "cursor" } },
      'option "endpoints[1].paging" must be "page", "from", "time", "token" or "one" '
        .. "(got another string)" },
  } do
    it("raise for " .. name, function()
      assert.are.equal(case[2], raised(case[1]))
    end)
  end

  it("raise for an unknown field, with the one that is meant", function()
    assert.matches('unknown option "endpoints%[1%].pth"; did you mean "endpoints%[1%].path"%?',
      raised { { name = "a", method = "GET", pth = "/" } })
    assert.matches('option "endpoints" must be a list of rows %(got string%)',
      raised("x"))
  end)
end)
