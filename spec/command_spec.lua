-- The command mic: verbs, output, errors, exit codes; in pipes.

local api = require "spec.support.api"
local command = require "spec.support.command"
local echo = require "spec.support.echo"
local json = require "mic.json"
local shell = require "spec.support.shell"

local USER = '{"userName":"demo",'

describe("the command mic", function()
  local sandbox, echoes = api.around(), echo.start()
  local mic

  before_each(function()
    mic = command.new(sandbox)
  end)

  --- Asserts what a run printed and how it ended.
  local function assert_run(...)
    return mic:assert_run(...)
  end

  local function assert_refused(arguments, code, pattern, before)
    local text, errors = assert_run(arguments, code, pattern, before)
    assert.equal("", text)
    assert.is_nil(errors:find "\n", errors)
    assert.is_truthy(errors:find "^mic: ", errors)
  end

  it("prints the server's bytes, nothing added", function()
    local body = '{ "b" : 1.50, "a":12345678901234567890,"\\u00e9":[ ] }'
    sandbox:answer { path = "/user", body = body, times = 4,
      headers = { ["Content-Type"] = "application/json" } }
    assert.equal(body, (assert_run("get /user", 0)))
    assert.equal(body, (assert_run("get user --timeout 20 --no-retry -H 'X-One: 1'", 0)))
  end)

  it("shows what is no JSON as it came, even if its type says so", function()
    sandbox:answer { path = "/user", body = "{ no json", times = 2,
      headers = { ["Content-Type"] = "application/json" } }
    assert.equal("{ no json", (assert_run("get /user", 0)))
    assert.equal("{ no json", (assert_run("get /user -H 'A: b'", 0)))
  end)

  it("prints nothing for an answer without a body", function()
    sandbox:answer { path = "/user", status = 204 }
    assert.equal("", (assert_run("get /user", 0)))
    sandbox:answer { path = "/user", body = "text" }
    assert.equal("", (assert_run("head /user", 0)))
  end)

  it("fills {name}, takes a path without slash, and a URL below the base URL", function()
    assert.equal(1, (assert_run("get users/{n} -p n=demo", 0)):find(USER, 1, true))
    assert.equal(1, (assert_run("get " .. sandbox.base_url .. "/user", 0)):find(USER, 1, true))
    assert_refused("get https://example.com/user", 2, "not below")
    assert_refused("get " .. sandbox.base_url .. "x/user", 2, "not below")
    assert_refused("get '/a b'", 2, "space.*use %-p name=VALUE")
    assert_refused("get /users/{n}", 2, "n")
    assert_refused("get /user -p n=1", 2, "params.n .*use %-f")
    assert.equal(sandbox.base_url .. "/users/a%20b%2F\n",
      (assert_run("url /users/{n} -p 'n=a b/'", 0)))
  end)

  it("takes options before and after the command", function()
    local line = "mic: http 404 USER_NOT_FOUND: User not found: userName %(GET /users/x, request "
    assert_refused("-s get --no-retry /users/x", 1, line)
    assert_refused("--timeout=5 --no-retry get -- /users/x", 1, line)
  end)

  it("sends a body as it is, as JSON if it is JSON", function()
    local function sent(arguments, before)
      local seen = echo.parse((assert_run("post /metadata/x " .. arguments, 0, nil, before)))
      return seen.headers["Content-Type"], seen.body
    end
    mic.variables.MIC_BASE_URL = echoes.base_url
    mic.folder:write("body.json", '{"a":[1]}\n')
    mic.folder:write("body.txt", "plain\n")
    assert.equal("application/json", sent "-d '{\"a\": 1}'")
    assert.is_nil(sent "-d 'a=b'")
    assert.equal("application/json", sent "-d @body.json")
    assert.is_nil(sent "-d @body.txt")
    assert.same({ "application/json", "[1]\n" }, { sent("-d -", "echo '[1]' |") })
    assert.equal("text/plain", sent "-d '{}' -H 'Content-Type: text/plain'")
    assert.equal("", select(2, sent ""))
    assert_refused("post /echo -d @missing", 5, "no such file")
  end)

  it("makes body or query from fields", function()
    mic.variables.MIC_BASE_URL = echoes.base_url
    local function seen(arguments, before)
      return echo.parse((assert_run(arguments, 0, nil, before)))
    end
    local request = seen "post /metadata/x -f name=00001570 -F size=3 -F a[b]=[] -f list[]=x"
    assert.equal('{"name":"00001570","size":3,"a":{"b":[]},"list":["x"]}', request.body)
    assert.equal("application/json", request.headers["Content-Type"])
    assert.equal("POST /metadata/x HTTP/1.1", request.line)
    assert.equal("GET /metadata/x?a=1&b=x%20y&l=1&l=2 HTTP/1.1",
      seen("get '/metadata/x?a=1' -f 'b=x y' -F l[]=1 -F l[]=2").line)
    request = seen "put /metadata/x -f a=1 -d text"
    assert.equal("PUT /metadata/x?a=1 HTTP/1.1", request.line)
    assert.equal("text", request.body)
    request = seen("post /metadata/x -F a=@-", "echo from stdin |")
    assert.equal('{"a":"from stdin\\n"}', request.body)
    local _, errors = assert_run("post /metadata/x -f a=1 -f a=2", 2, "^mic: %-f: ")
    assert.is_truthy(errors:find "\n +%^$", errors)
    assert_run("get /metadata/x -F a=null", 2, "null")
  end)

  it("never reads standard input unasked", function()
    local text, code = shell.run(("cd %s && mkfifo input && { sleep 30 >input & } && %s <input; "
      .. "code=$?; kill $!; exit $code"):format(mic.folder.path, mic:line "get /user"))
    assert.equal(0, code)
    assert.equal(1, text:find(USER, 1, true), text)
  end)

  it("sends -H, and refuses the headers that the client sets", function()
    mic.variables.MIC_BASE_URL = echoes.base_url
    local text = assert_run("get /metadata/x -H 'X-Test: a: b' -H 'Two:1' -H Two:2", 0)
    local seen = echo.parse(text)
    assert.equal("a: b", seen.headers["X-Test"])
    assert.same({ "1", "2" }, seen.headers.Two)
    assert_refused("get /user -H 'authorization: x'", 2, "set by the client")
    assert_refused("get /user -H nothing", 2, "NAME: VALUE")
  end)

  it("shows status and headers with -i on standard error, of an error too", function()
    local text, errors = assert_run("get /user -i", 0, "^HTTP/2 200\n")
    assert.equal(1, text:find(USER, 1, true))
    assert.is_truthy(errors:find "\ncontent%-type: application/json\n")
    local _, seen = assert_run("get /users/nobody -i", 1, "^HTTP/2 404\n")
    assert.is_truthy(seen:find "\nmic: http 404")
  end)

  it("saves with -o, complete or not at all", function()
    assert.equal("", (assert_run("get /user -o out", 0)))
    assert.equal(1, mic:read("out"):find(USER, 1, true))
    mic.folder:write("out", "before")
    assert_refused("get /users/nobody -o out", 1, "404")
    assert.equal("before", mic:read "out")
    assert_refused("get /user -o missing/out", 5, "no such file")
    assert.equal(1, (assert_run("get /user -o -", 0)):find(USER, 1, true))
    assert.equal(".local errors out", mic.folder:names())
  end)

  it("finds an error that comes with status 200", function()
    local answer = { path = "/user", body = '{"errorMessage":"broken thing"}', times = 5 }
    sandbox:answer(answer)
    assert_refused("get /user", 1, "broken thing")
    assert_refused("get /user -H 'A: b'", 1, "broken thing")
    assert_refused("get /user -o out", 1, "broken thing")
    assert.is_nil(mic:read "out")
    mic.folder:write("out", "before")
    assert_refused("get /user -o out", 1, "broken thing")
    assert.equal("before", mic:read "out")
    assert.equal(".local errors out", mic.folder:names())
    sandbox:reset()
    sandbox:answer { path = "/user", body = '{"errorMessage":null,"a":"errorMessage"}' }
    assert_run("get /user", 0)
  end)

  it("notes a failure of the store where a call succeeds without it", function()
    mic.variables.MIC_CREDENTIALS = "/proc/no/such/place"
    local text, code, errors = mic:run "get /user -q .userName"
    assert.same({ "demo\n", 0 }, { text, code })
    assert.is_truthy(errors:find "^mic: store: [^\n]+%(ENOENT%)", errors)
    assert.same({ "demo\n", 0, "" }, { mic:run "get /user -q .userName -s" })
  end)

  it("tells by its code what kind of failure it was", function()
    assert_refused("get /nothing/here", 1, "403")
    assert_refused("get /user --nothing", 2, "no option")
    assert_refused("get /user --timout 3", 2, "did you mean '%-%-timeout'%?")
    assert_refused("gte /user", 2, "no command 'gte'")
    assert_refused("user list", 2, "no command 'user'; did you mean 'users'%?$")
    assert_refused("thing-type list", 2, "did you mean 'thing%-types'%?$")
    assert_refused("get /user --password x", 2,
      "other users could read its value; use %-%-password%-stdin,")
    assert_refused("login --api-key=x", 2, "use MIC_API_KEY")
    assert_refused("get /users/{name}", 2, "mic: %-p name=VALUE is missing: the path has {name}$")
    assert_refused("get", 2, "needs PATH")
    assert_refused("get a b", 2, "unexpected argument 'b'")
    assert_refused("get /user --url ''", 2, "%-%-url needs a value")
    assert_refused("get /user --timeout", 2, "%-%-timeout needs a value")
    assert_refused("get /user --timeout 1 --timeout=2", 2, "given twice")
    assert_refused("get /user --silent=1", 2, "takes no value")
    assert_refused("get /user -xi", 2, "no option '%-x' in '%-xi'")
    assert_refused("", 2, "no command")
    assert_refused("get /user --timeout x", 2, "positive number")
    assert_refused("get /user --retry 1 --no-retry", 2, "use only one of")
    sandbox:answer { path = "/user", status = 503, times = 2 }
    assert_refused("get /user --no-retry", 4, "http 503")
    assert_refused("get /user --retry 1", 4, "http 503")
    sandbox:reset()
    sandbox:answer { path = "/user", status = 429, times = 1 }
    assert_refused("get /user --no-retry", 4, "http 429")
    sandbox:reset()
    sandbox:answer { path = "/user", delay = 5 }
    assert_refused("get /user --no-retry --timeout 0.2", 4, "timeout")
    sandbox:answer { path = "/auth/login", status = 503, headers = { ["Retry-After"] = "60" } }
    mic.variables.MIC_CREDENTIALS = mic.folder:at "paused"
    assert_refused("get /user --no-retry", 4, "http 503")
    assert_refused("get /user", 4, "auth: the last login or refresh failed in another process")
    mic.variables.MIC_CREDENTIALS = mic.folder:at "repaired"
    mic.variables.MIC_CA_FILE = "/nonexistent"
    assert_refused("get /user", 4, 'tls: MIC_CA_FILE "/nonexistent": no such file')
    mic.variables.MIC_CA_FILE = sandbox.ca_file
    assert_run("get /user", 0)
    mic.variables.MIC_PASSWORD = "wrong"
    mic.variables.MIC_CREDENTIALS = mic.folder:at "other"
    assert_refused("get /user", 3, "auth 4%d%d")
    mic.variables.MIC_PASSWORD = nil
    assert_refused("get /user", 3, "not logged in; nothing was sent .* %- run: mic login$")
    mic:without_api()
    assert_refused("get /user", 2, "run: mic login %-%-stack HOST")
    mic.variables.MIC_BASE_URL, mic.variables.MIC_API_KEY = "https://localhost:1/prod", "key"
    assert_refused("get /metadata/x --no-retry", 4,
      "could not connect to localhost:1 .*CURLE_COULDNT_CONNECT")
    mic.variables.MIC_API_KEY = nil
    assert_refused("get /user", 2, "MIC_API_KEY is missing %- set it, or use %-%-profile")
    mic.variables.MIC_BASE_URL, mic.variables.MIC_API_KEY = sandbox.base_url, sandbox.api_key
    mic.variables.MIC_CA_FILE = nil
    assert_refused("get /metadata/x --no-retry", 4, "name its certificate with %-%-ca%-file$")
  end)

  it("is told no secret by an error, and tells none", function()
    local text, _, errors = mic:run "get /user -v -i"
    for _, secret in ipairs { sandbox.password, sandbox.api_key } do
      assert.is_nil((text .. errors):find(secret, 1, true))
    end
  end)

  it("reports an error as one JSON object", function()
    local function object(arguments, code)
      local text, found, errors = mic:run(arguments)
      assert.equal(code, found, errors)
      assert.equal("", text)
      assert.is_nil(errors:find "\n")
      return assert(json.decode(errors), errors)
    end
    local err = object("get /users/nobody --json-errors", 1)
    assert.equal("http", err.kind)
    assert.equal(404, err.status)
    assert.equal("USER_NOT_FOUND", err.key)
    assert.equal("userName", err.property)
    assert.equal("User not found", err.message)
    assert.is_truthy(err.request_id)
    assert.is_false(err.retryable)
    assert.equal(1, err.attempts)
    assert.equal(1, err.exit)
    assert.equal("usage", object("get --nothing --json-errors", 2).kind)
    mic.variables.MIC_JSON_ERRORS = "1"
    assert.equal("usage", object("nothing", 2).kind)
  end)

  it("shows the API's error body with --error-body", function()
    local _, errors = assert_run("get /users/nobody --error-body", 1, "^mic: http 404")
    assert.is_truthy(json.decode(errors:match "\n(.*)"))
  end)

  it("writes every byte, or ends with 5", function()
    for _, arguments in ipairs { "get /user", "--help", "--version", "get --help", "url /user" } do
      local line = mic:line(arguments)
      local text, code = shell.run("{ " .. line .. " >/dev/full; } 2>&1")
      assert.equal(5, code, arguments)
      assert.equal("mic: cannot write the output: no space left on device\n", text)
      text, code = shell.run("{ " .. line .. " >&-; } 2>&1")
      assert.equal(5, code, arguments)
      assert.is_truthy(text:find "cannot write the output", text)
    end
    assert.equal(0, select(2, shell.run(mic:line "get /user" .. " <&- 2>&-")))
  end)

  it("ends silently when its reader has gone", function()
    sandbox:answer { path = "/user", body = ("x"):rep(1000), ["repeat"] = 2000 }
    local line = mic:line "get /user"
    local errors = mic.folder:at "errors"
    shell.run(("cd / && { %s 2>%s; echo $? >%s; } | head -c 1"):format(line, errors,
      mic.folder:at "code"))
    assert.equal("141\n", mic:read "code")
    assert.equal("", mic:read "errors")
  end)

  it("shows help and version on standard output", function()
    local help = assert_run("--help", 0)
    for _, name in ipairs { "login", "get", "Exit codes" } do
      assert.is_truthy(help:find(name, 1, true), name)
    end
    assert.equal(help, (assert_run("help", 0)))
    assert.equal(help, (assert_run("-h", 0)))
    local get = assert_run("get --help", 0)
    assert.equal(get, (assert_run("help get", 0)))
    assert.is_truthy(get:find "%-%-timeout SECONDS")
    assert.is_truthy(assert_run("--version", 0):find "^mic %d+%.%d+%.%d+ ")
    for line in (help .. get):gmatch "[^\n]+" do
      assert.is_true(#line <= 80, line)
    end
    assert_refused("help nothing", 2, "no command 'nothing'")
  end)

  it("does not load the command for a program", function()
    local loaded = sandbox:run [[
      local client = require("mic").from_env()
      client:get "/user"
      for name in pairs(package.loaded) do
        if name:find "^mic%.command" or name == "mic.terminal" then print(name) end
      end
    ]]
    assert.equal("", loaded)
  end)
end)
