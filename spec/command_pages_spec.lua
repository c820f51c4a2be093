-- The command mic: -q, pages, calls by name, find.

local api = require "spec.support.api"
local command = require "spec.support.command"
local json = require "mic.json"
local shell = require "spec.support.shell"

describe("the command mic", function()
  local sandbox = api.around()
  local mic

  before_each(function()
    mic = command.new(sandbox)
  end)

  local function assert_run(...)
    return mic:assert_run(...)
  end

  local function lines_of(text)
    local lines = {}
    for line in text:gmatch "([^\n]*)\n" do
      lines[#lines + 1] = line
    end
    return lines
  end

  it("prints a part of the answer with -q", function()
    assert.equal("demo\tdemo@example.com\n",
      (assert_run("get /user -q '[.userName, .email] | @tsv'", 0)))
    assert.equal('{"email":"demo@example.com"}\n', (assert_run("whoami -q '{email}'", 0)))
    assert.equal("", (assert_run("get /user -q '.userName +'", 2,
      "^mic: %-q: not in mic's part of jq[^\n]*\n  .userName %+\n +^$")))
    assert.equal("", (assert_run("get /user -q '.userName.x'", 1, "^mic: %-q: Cannot index")))
    assert.equal("", (assert_run("get /users/nobody -q .userName", 1, "^mic: http 404")))
    assert.equal("", (assert_run("get /user -q . -o out", 2, "%-q and %-o")))
    local _, errors = assert_run("get /user -q .a.b.c..d --json-errors", 2, "column")
    assert.equal("usage", json.decode(errors).kind)
    _, errors = assert_run("get /user -q .email.a --json-errors", 1, "query")
    assert.equal("query", json.decode(errors).kind)
    assert.is_nil(sandbox:seen():find "nothing")
  end)

  it("reads all pages, one item a line, as the server wrote it", function()
    local all = json.decode((mic:run "get '/users?category=all'")).users
    local lines = lines_of((assert_run("get '/users?category=all' --paginate", 0)))
    assert.equal(#all, #lines)
    for index, line in ipairs(lines) do
      assert.equal(all[index].userName, json.decode(line).userName)
    end
    local paged = lines_of((assert_run("users list --paginate --page-size 2", 0)))
    assert.equal(#lines_of((mic:run "users list --paginate")), #paged)
    assert.equal(2, #lines_of((assert_run("get /users --paginate --limit 2", 0))))
  end)

  it("makes one array with --slurp, and applies -q to each item", function()
    local names = assert_run("get /users --paginate -q .userName --limit 3", 0)
    local array = json.decode((assert_run("get /users --paginate --slurp -q .userName --limit 3",
      0)))
    assert.equal(names, table.concat(array, "\n") .. "\n")
    assert.equal("[]\n", (assert_run("get '/users?freeText=nobody-there' --paginate --slurp", 0)))
    assert.equal("", (assert_run("get '/users?freeText=nobody-there' --paginate", 0)))
  end)

  it("goes on behind the last item after a failure in the middle", function()
    local head = '{"totalPages":2,"page":1,"metadata":{"count":4},"users":['
    local first = '{"userName":"a","n":1.50},\n {"userName" : "b"}]}'
    for _, slurp in ipairs { "", " --slurp" } do
      sandbox:reset()
      sandbox:answer { path = "/users", body = head .. first,
        headers = { ["Content-Type"] = "application/json" } }
      sandbox:answer { path = "/users", status = 400, body = '{"message":"no"}' }
      local text, errors = assert_run("get /users --paginate --page-size 2 --no-retry" .. slurp, 1,
        "^mic: http 400: no .*; 2 items came, go on with %-%-after [%w_-]+$")
      if slurp == "" then
        assert.equal('{"userName":"a","n":1.50}\n{"userName" : "b"}\n', text)
        local place = errors:match "%-%-after (%S+)"
        local rest = lines_of((assert_run("get /users --paginate --page-size 2 --after " .. place,
          0)))
        assert.equal(#lines_of((mic:run "get /users --paginate")) - 2, #rest)
        assert_run("find observations --since 1h --paginate --after " .. place, 2, "after")
      else
        assert.is_nil(json.decode(text)) -- no array that looks whole
      end
    end
    sandbox:answer { path = "/users", status = 400, body = '{"message":"no"}' }
    local _, errors = assert_run("get /users --paginate --no-retry --json-errors", 1, "^{")
    assert.equal(0, json.decode(errors).items)
  end)

  it("stops without another request when its reader has gone", function()
    local line = mic:line "users list --paginate --page-size 1"
    mic:run "get /user"
    sandbox:control("DELETE", "/log")
    shell.run(("mkfifo %s; { exec 3<>%s; exec 4>%s; exec 3>&-; %s >&4; }"):format(
      mic.folder:at "pipe", mic.folder:at "pipe", mic.folder:at "pipe", line))
    assert.equal("GET /users?page=1&size=1", sandbox:seen())
  end)

  it("refuses what does not go together", function()
    for arguments, pattern in pairs {
      ["get /user --paginate"] = "GET /user has no pages",
      ["get /users --slurp"] = "%-%-slurp requires %-%-paginate",
      ["get /users --page-size 3"] = "%-%-page%-size requires",
      ["get /users --paginate --curl"] = "%-%-paginate and %-%-curl",
      ["find things --paginate --curl"] = "%-%-paginate and %-%-curl",
      ["get /users --paginate -o x"] = "%-%-paginate and %-o",
      ["get '/users?size=3' --paginate"] = "size",
      ["find users"] = "things, observations or events",
      ["find observations --since 24"] = "such as 24h",
      ["find observations -d '{}' --since 1h"] = "the whole body",
      ["find things --since 1h"] = "%-%-since is for observations and events",
      ["find things --until 1h"] = "%-%-until is for observations and events",
      ["find things --size 3 --paginate"] = "%-%-page%-size",
      ["users"] = "mic users needs one of: create, delete, get",
      ["users gte"] = "mic users has no 'gte'",
      ["users creat"] = "did you mean 'create'",
      ["users get"] = "usage: mic users get",
      ["users get a b"] = "usage: mic users get",
      ["users get demo --paginate"] = "has no pages",
      ["files upload a b"] = "no 'upload'",
    } do
      assert.equal("", (assert_run(arguments, 2, "^mic: .*" .. pattern)))
    end
  end)

  it("calls the endpoints by name", function()
    assert.equal((mic:run "get /user"), (assert_run("users get demo", 0)))
    assert.equal((mic:run "get /user"), (assert_run("users me", 0)))
    local types = assert_run("thing-types list -q '.[0].id'", 0)
    assert.equal(types, (assert_run("thing_types list -q '.[0].id'", 0)))
    mic.folder:write("user.json",
      '{"userName":"new","roleName":"Read","domainName":"root","email":"n@example.com"}')
    assert.equal("new\n", (assert_run("users create -d @user.json -q .userName", 0)))
    assert.equal("", (assert_run("users delete new", 0)))
    assert_run("users get new", 1, "USER_NOT_FOUND")
    assert.equal("newer\n", (assert_run("users create -f userName=newer -f roleName=Read "
      .. "-f domainName=root -f email=n@example.com -q .userName", 0)))
    assert.equal('["userName"]\n',
      (assert_run("users get newer -f attributes=userName -q keys", 0)))
    assert_run("users get newer -f atributes=userName", 2, 'did you mean "attributes"%? '
      .. "it has attributes; mic get takes others by %-f$")
  end)

  it("shows the calls of a name in its help", function()
    local help = assert_run("users --help", 0)
    assert.is_truthy(help:find "\n  users get USERNAME +reads a user\n", help)
    assert.is_nil(assert_run("files --help", 0):find "upload KEY")
  end)

  it("finds without a body of Elasticsearch", function()
    local all = assert_run("find observations --since 24h --size 2", 0)
    assert.equal(2, #json.decode(all).hits.hits)
    local lines = lines_of((assert_run("find observations --since 24h --paginate --page-size 50",
      0)))
    assert.equal(json.decode(all).hits.total, #lines)
    local name = json.decode(lines[1]).thingName
    for _, line in ipairs(lines_of((assert_run(("find observations --thing %s --since 24h "
      .. "--paginate"):format(name), 0)))) do
      assert.equal(name, json.decode(line).thingName)
    end
    mic.folder:write("query.json", '{"query":{"query":{"match_all":{}}}}')
    assert_run("find things -d @query.json", 0)
    assert.equal("2\n", (assert_run("find things -q '.hits.hits | length' --size 2", 0)))
  end)
end)
