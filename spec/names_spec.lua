-- The API by name, against the sandbox: what is sent and returned, and what raises.

local api = require "spec.support.api"
local mic = require "mic"

local load_text = rawget(_G, "loadstring") or load
local data, refused = api.data, api.assert_refused

--- The client is made in the specs' own program: what it sends is in the log.
local box = api.around()
local client

before_each(function()
  client = box:logged_in()
  box:control("DELETE", "/log")
end)

--- The last request: method, path, and its body as it was sent.
local function last()
  local log = box:log()
  local entry = log[#log]
  return entry.method .. " " .. entry.path:gsub("^/prod", ""), entry.body
end

local function raised(task, ...)
  local ok, problem = pcall(task, ...)
  assert.is_false(ok)
  return problem
end

--- The program of a line, with the client and the module.
local function load_line(code)
  return assert(load_text("local client, mic = ... " .. code))
end

local function message(code)
  return (raised(load_line(code), client, mic):gsub("^.-:1: ", ""))
end

describe("a name of the API", function()
  it("sends what the verb would, and returns what it returns", function()
    local response = assert(client.users:get "anna")
    assert.are.equal("anna@example.com", response.data.email)
    assert.are.equal(200, response.status)
    assert.are.equal("GET /users/anna", (last()))
    refused(404, "USER_NOT_FOUND", "userName", client.users:get "nobody")
  end)

  it("encodes what goes into a path or a query", function()
    assert.are.equal("a/b", data(client.users:get "a/b").userName)
    assert.are.equal("GET /users/a%2Fb", (last()))
    assert.are.equal("100%", data(client.users:get("100%", {}, { timeout = 9 })).userName)
    client.things:get "a&b=c"
    assert.are.equal("GET /things?thingName=a%26b%3Dc", (last()))
  end)

  it("puts parameters into the query, lists with commas where the API wants them", function()
    local found = data(client.users:list {
      category = "unconfirmed", attributes = { "userName", "id" },
    })
    assert.are.equal(1, #found.users)
    assert.is_nil(found.users[1].email)
    assert.are.equal("GET /users?attributes=userName%2Cid&category=unconfirmed", (last()))
    client.resources:get("191", { include = { "metadata", "options" } })
    assert.are.equal("GET /resources/191?include=metadata%2Coptions", (last()))
    client.things:get(570)
    assert.are.equal("GET /things?thingName=570", (last()))
  end)

  it("takes other parameters as query, in either table", function()
    client.users:list { size = 2, query = { new = { 1, 2 } } }
    assert.are.equal("GET /users?new=1&new=2&size=2", (last()))
    client.users:list({ size = 2 }, { query = { new = true } })
    assert.are.equal("GET /users?new=true&size=2", (last()))
    client.things:get("x", { query = { deep = 1 } })
    assert.are.equal("GET /things?deep=1&thingName=x", (last()))
    assert.matches("query.size is given twice",
      message "client.users:list({ size = 2 }, { query = { size = 3 } })")
  end)

  it("sends its table as the body", function()
    local user = data(client.users:create {
      userName = "kari", roleName = "Read", domainName = "root",
    })
    assert.are.equal("kari", user.userName)
    data(client.users:update("kari", { city = "Oslo", firstName = mic.null }, { timeout = 9 }))
    assert.are.equal("PATCH /users/kari", (last()))
    user = data(client.users:get("kari", { attributes = "city,firstName" }))
    assert.are.same({ city = "Oslo" }, user)
    assert.are.equal(204, assert(client.users:delete "kari").status)
  end)

  it("sends as the body whatever its members are called", function()
    local body = { body = "x", save_to = "y" }
    assert.are.same({ userdata = body }, data(client.users:update_data("anna", body)))
  end)

  it("fills in what the path says already, and else sends no body", function()
    data(client.users:reset_password "nina")
    assert.are.same({ "POST /users/nina/reset-password", '{"userName":"nina"}' }, { last() })
    data(client.users:revoke_consent("nina", { timeout = 9 }))
    local _, body = last()
    assert.is_truthy(body == nil or body == "")
  end)

  it("has an argument less or more for the same thing", function()
    assert.are.equal("root", data(client.domains:list())[1].id)
    assert.are.equal("GET /domains/list", (last()))
    assert.are.equal("oslo", data(client.domains:list("norway", { timeout = 9 }))[1].id)
    assert.are.equal("GET /domains/norway/list", (last()))
    assert.are.equal("oslo", data(client.domains:list_below "norway")[1].id)
  end)

  it("repeats a change that sets the same values, unless it may not", function()
    client = box:logged_in { retry = { base = 0.001 } }
    box:answer { path = "/users/anna", status = 503, headers = { ["Retry-After"] = "0" } }
    local response = assert(client.users:update("anna", { city = "Oslo" }))
    assert.are.equal(2, response.attempts)
    box:answer { path = "/users/anna", status = 503, headers = { ["Retry-After"] = "0" } }
    local _, err = client.users:update("anna", { city = "Oslo" }, { idempotent = false })
    assert.are.equal(1, err.attempts)
    box:answer { path = "/users", status = 503, headers = { ["Retry-After"] = "0" } }
    _, err = client.users:create { userName = "x" }
    assert.are.equal(1, err.attempts)
    box:answer { path = "/things/find", status = 503, headers = { ["Retry-After"] = "0" } }
    assert.are.equal(2, assert(client.things:find()).attempts)
  end)

  it("is there without a login, before a call, and after the end", function()
    local other = box:client()
    assert.matches("^client.users\n  list%({ attributes, freeText, category, … }%): GET /users\n"
      .. "  get%(userName, { attributes }%): GET /users/{userName}\n", tostring(other.users))
    assert.matches("  find%({ query, … }%): POST /events/find %(not confirmed%)\n",
      tostring(other.events))
    assert.matches("\n  each, pages, all$", tostring(other.files))
    local _, err = other.users:get "anna"
    assert.are.equal("auth", err.kind)
    assert.are.same({}, box:log())
    other:close()
    assert.is_truthy(other.things)
    _, err = other.things:get "x"
    assert.are.equal("closed", err.kind)
  end)

  it("is one object for each client", function()
    assert.are.equal(client.users, client.users)
    assert.are_not.equal(client.users, box:client().users)
    assert.are.equal(client.users.get, client.users.get)
    assert.is_nil(next(client))
  end)

  it("works with a client that is forgotten, and lets go of it", function()
    local users = client.users
    local gone = setmetatable({ client }, { __mode = "v" })
    client = nil
    collectgarbage()
    assert.is_truthy(users:get "anna")
    users = nil -- luacheck: ignore
    collectgarbage()
    collectgarbage()
    assert.is_nil(gone[1])
  end)

  it("goes out with headers of the client and its events", function()
    local seen = {}
    local other = box:automatic {
      headers = { ["X-Trace"] = "t" },
      on_event = function(event)
        seen[#seen + 1] = event.type .. " " .. tostring(event.path)
      end,
    }
    assert(other.users:get("anna", { attributes = "email" }))
    assert.are.equal("response /users/anna", seen[#seen])
  end)
end)

describe("a search by name", function()
  it("takes the whole body", function()
    local found = data(client.observations:find {
      query = { query = { range = { timestamp = { gte = 0 } } }, size = 1 },
      queryScope = { thingTypes = { "191" } },
    })
    assert.are.equal(72, found.hits.total)
  end)

  it("takes the short form", function()
    local found = data(client.observations:find {
      thing = "00001570", since = -86400 * 2, size = 3,
    })
    assert.are.equal(24, found.hits.total)
    assert.are.equal(3, #found.hits.hits)
    found = data(client.things:find { type = "192", size = 0 })
    assert.are.equal(12, found.hits.total)
    found = data(client.things:find { type = "sub_thing", fields = { "label" } })
    assert.are.same({ label = "Door 2" }, found.hits.hits[1]._source)
    found = data(client.events:find { type = "191", filter = { term = { type = "RULE" } } })
    assert.are.equal(6, found.hits.total)
    assert.are.equal(40, data(client.things:find()).hits.total)
  end)

  it("takes call options last", function()
    local _, err = client.things:find({}, { deadline = 0.000001 })
    assert.are.equal("timeout", err.kind)
  end)
end)

describe("GraphQL", function()
  local QUERY = "query ($name: String!) { thing(thingName: $name) { label } }"

  it("takes a query and variables, and returns the whole answer", function()
    local response = assert(client:graphql(QUERY, { name = "00001570" }))
    assert.are.equal("Roof", response.data.data.thing.label)
    local found = data(client:graphql [[{
      allThings(searchOptions: { paging: { page: 2, size: 15 }, sorting: { sort: "-label" } }) {
        things { thingName } pageInfo { pages itemCount totalCount }
      } }]]).data.allThings
    assert.are.equal(15, #found.things)
    assert.are.same({ pages = 3, itemCount = 15, totalCount = 40 }, found.pageInfo)
  end)

  it("is an error when there are errors and no data, under status 200 too", function()
    local response, err = client:graphql "{ thing(thingName: \"x\") { colour } }"
    assert.is_nil(response)
    assert.are.equal("http", err.kind)
    assert.are.equal(200, err.status)
    assert.is_false(err.retryable)
    assert.are.equal('Cannot query field "colour" on type "thing".', err.message)
    assert.are.equal(200, err.response.status)
    assert.matches("POST /graphql, request ", tostring(err))
  end)

  it("is no error when some of it could be answered", function()
    box:answer { path = "/graphql", body = '{"data":{"a":1},"errors":[{"message":"no b"}]}' }
    assert.are.equal(1, data(client:graphql "{ a b }").data.a)
    box:answer { path = "/graphql", body = '{"data":null,"errors":[]}' }
    assert.is_truthy(client:graphql "{ a }")
  end)

  it("masks the client's secrets in such an error", function()
    local token = client:credentials().token
    box:answer { path = "/graphql", body = '{"errors":[{"message":"bad ' .. token .. '"}]}' }
    local _, err = client:graphql "{ a }"
    assert.are.equal("bad ***", err.message)
  end)

  it("is sent again only if it may be", function()
    client = box:logged_in { retry = { base = 0.001 } }
    box:answer { path = "/graphql", status = 503, headers = { ["Retry-After"] = "0" } }
    local _, err = client:graphql(QUERY, { name = "x" })
    assert.are.equal(1, err.attempts)
    box:answer { path = "/graphql", status = 503, headers = { ["Retry-After"] = "0" } }
    local response = assert(client:graphql(QUERY, { name = "x" }, { idempotent = true }))
    assert.are.equal(2, response.attempts)
  end)
end)

describe("methods of the client itself", function()
  it("read who is logged in", function()
    assert.are.equal("demo", data(client:whoami()).userName)
    assert.are.same({ email = "demo@example.com" }, data(client:whoami { attributes = "email" }))
    assert.are.equal("demo", data(client.users:me({}, { timeout = 9 })).userName)
  end)

  it("read what the API says of itself, without a login", function()
    local other = box:client()
    assert.are.equal(box.api_key, data(other:manifest()).ApiKey)
    assert.are.equal("2.0", data(other:swagger { timeout = 9 }).swagger)
    for _, entry in ipairs(box:log()) do
      assert.is_false(entry.authorization)
    end
  end)

  it("read the manifest of a stack", function()
    local other = mic.new { stack = box.stack, manifest_url = box.manifest_url,
      tls = { ca_file = box.ca_file } }
    assert.are.equal("prod", data(other:stack_manifest()).StackName)
    assert.are.same({}, data(other:stack_manifest("other.example", { timeout = 9 })))
    for _, entry in ipairs(box:log()) do
      assert.is_false(entry.authorization)
    end
    assert.matches("needs the host name of a stack",
      raised(client.stack_manifest, client))
  end)
end)

describe("accounts", function()
  it("are made and changed without a login", function()
    local other = box:client()
    local auth = other.auth
    local user = data(auth:sign_up {
      userName = "ola", password = "first", email = "ola@example.com", consent = true,
    })
    assert.are.equal("ola", user.userName)
    refused(400, "USER_USERNAME_EXISTS", "userName",
      auth:sign_up { userName = "ola", password = "x", email = "x" })
    data(auth:resend_code { userName = "ola" })
    refused(401, "INVALID_LOGIN", "token", auth:confirm { userName = "ola", code = "0" })
    data(auth:confirm { userName = "ola", code = "123456" })
    data(auth:consent { userName = "ola", password = "first" })
    data(auth:forgot_password { userName = "ola" })
    data(auth:set_password { userName = "ola", code = "123456", password = "second" })
    refused(401, "INVALID_LOGIN", nil, auth:consent { userName = "ola", password = "first" })
    assert.matches("^https://", data(auth:consent_document()).url)
    for _, entry in ipairs(box:log()) do
      assert.is_false(entry.authorization)
      assert.is_nil(entry.body)
    end
  end)

  it("log in again after a reset, or with a new consent", function()
    data(client.users:reset_password "anna")
    local other = box:client()
    assert.is_nil(other:login("anna", box.password))
    data(other.auth:set_password { userName = "anna", code = "123456", password = "new" })
    assert.is_truthy(other:login("anna", "new"))
    data(client.users:revoke_consent "anna")
    local _, err = box:client():login("anna", "new")
    assert.are.equal("USER_CONSENT_REQUIRED", err.key)
    data(client.auth:consent { userName = "anna", password = "new" })
    assert.is_truthy(box:client():login("anna", "new"))
  end)
end)

describe("misuse of a name raises", function()
  for code, wanted in pairs {
    ["client.users:lst()"] = 'client.users has no "lst"; did you mean list? it has list, get, me, '
      .. "create, update, update_profile, update_data, delete, reset_password, revoke_consent, "
      .. "each, pages, all",
    ["client.thing_typs:list()"] = 'client has no "thing_typs"; did you mean client.thing_types?',
    ["client:whoam()"] = 'client has no "whoam"; did you mean client.whoami?',
    ["client:Get()"] = 'client has no method "Get"; did you mean client:get(…)?',
    ["client:gett()"] = 'client has no method "gett"; did you mean client:get(…)?',
    ['client.users:list { catgory = "all" }'] = 'client.users:list: unknown parameter "catgory"; '
      .. 'did you mean "category"? it has attributes, freeText, category, page, size, sortProp, '
      .. "others go into query = { … }",
    ["client.users:list { colour = 1 }"] = 'client.users:list: unknown parameter "colour"; it has '
      .. "attributes, freeText, category, page, size, sortProp, others go into query = { … }",
    ['client.users:get("anna", { timeout = 3 })'] = 'client.users:get has no parameter "timeout": '
      .. "it is a call option; write client.users:get(userName, { attributes }, options)",
    ["client.users:get()"] = "client.users:get needs the userName, a string (got nil); write "
      .. "client.users:get(userName, { attributes }, options)",
    ["client.users:get {}"] = "client.users:get needs the userName, a string (got table); write "
      .. "client.users:get(userName, { attributes }, options)",
    ['client.users:get ""'] = "client.users:get needs the userName, a string (got an empty "
      .. "string); write client.users:get(userName, { attributes }, options)",
    ['client.users.get "anna"'] = "call it with a colon: client.users:get(…)",
    ["client.users:list { 1 }"] = "client.users:list takes named parameters (got a key of "
      .. "type number); write client.users:list({ attributes, freeText, category, page, size, "
      .. "sortProp }, options)",
    ['client.users:list "all"'] = "client.users:list takes a table (got string); write "
      .. "client.users:list({ attributes, freeText, category, page, size, sortProp }, options)",
    ['client.users:update "anna"'] = "client.users:update requires the body, a table; write "
      .. "client.users:update(userName, { userName, firstName, lastName, … }, options)",
    ["client.users:create()"] = "client.users:create requires the body, a table; write "
      .. "client.users:create({ userName, firstName, lastName, … }, options)",
    ['client.things:get("a", { tiemout = 1 })'] = 'unknown option "tiemout"; did you mean '
      .. '"timeout"? known options: auth, body, body_file, data, deadline, decode, headers, '
      .. "idempotent, max_size, method, on_data, params, path, progress, query, retry, save_to, "
      .. "timeout",
    ['client.things:get("a", {}, {})'] = "client.things:get takes 2 arguments at most (got 3); "
      .. "write client.things:get(thingName, options)",
    ['client.users:get("a", {}, 5)'] = "client.users:get takes a table of options last (got "
      .. "number); write client.users:get(userName, { attributes }, options)",
    ['client.users:list({}, { path = "/x" })'] = 'option "path" is not allowed in '
      .. "client.users:list",
    ['client.users:update("a", {}, { body = "x" })'] = "client:patch: data and option \"body\" "
      .. "cannot be combined: a call has one body",
    ['client.users:get("..")'] = 'params.userName must not be "." or ".."',
    ['client.files:download "x"'] = 'client.files has no "download": the API may not '
      .. 'have it; if it does, call client:request { method = "GET", path = "/files/{key}", … }',
    ["client:graphql()"] = "client:graphql needs a query, a string; write client:graphql(query, "
      .. "variables, options)",
    ['client:graphql("{ a }", "x")'] = "client:graphql takes a table of variables (got string)",
    ['client.graphql("{ a }")'] = "call it with a colon: client:graphql(…)",
    ["client.manifest()"] = "call it with a colon: client:manifest(…)",
    ["mic:endpoints()"] = "call it with a dot: mic.endpoints(…)",
    ["mic.endpoints {}"] = "mic.endpoints takes a client, or nothing",
  } do
    it(code, function()
      assert.are.equal(wanted, message(code))
      assert.are.same({}, box:log())
    end)
  end

  it("at the line of the caller", function()
    assert.matches("^app.lua:2: ", raised(assert(load_text(
      "local client = ...\nclient.users:get()", "@app.lua")), client))
  end)
end)

describe("mic.endpoints", function()
  it("is a fresh list for programs, without what is not confirmed", function()
    local list = mic.endpoints()
    local by_name = {}
    for _, row in ipairs(list) do
      by_name[row.name] = row
    end
    assert.are.same({
      name = "users.get", method = "GET", path = "/users/{userName}", parameters = { "userName" },
      query = { "attributes" }, idempotent = true, confidence = "H", reply = "the user",
      summary = "Reads a user", example = '"anna"',
    }, by_name["users.get"])
    assert.are.equal("page", by_name["users.list"].paging)
    assert.are.equal("object", by_name["users.create"].body)
    assert.is_nil(by_name["files.download"])
    list[1].name, list[1].query[1] = "x", "y"
    assert.are.equal("users.list", mic.endpoints()[1].name)
    assert.are.equal("attributes", mic.endpoints()[1].query[1])
    assert.are.same(mic.endpoints(), mic.endpoints(client))
  end)
end)
