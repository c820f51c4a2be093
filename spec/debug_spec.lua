-- The debug channel: MIC_DEBUG, MIC_DEBUG_FILE, the option `debug`, and what its lines say.

local api = require "spec.support.api"
local cleanup = require "spec.support.cleanup"
local clock = require "spec.support.clock"
local core = require "mic.core"
local debug_channel = require "mic.debug"
local faults = require "spec.support.faults"
local loops = require "spec.support.loops"
local mic = require "mic"
local native = require "spec.support.native"
local scratch = require "spec.support.scratch"

--- Times, numbers and sizes that differ from run to run, as words.
local function settled(line, first)
  line = line:gsub("^mic %d%d:%d%d:%d%d%.%d%d%d ", "mic TIME ")
  line = line:gsub(" #(%d+)", function(call)
    return (" #%d"):format(tonumber(call) - first + 1)
  end, 1)
  line = line:gsub(" [%d.]+ms", " MS"):gsub(" [%d.]+s", " S")
  line = line:gsub("request %x+%-[%x-]+", "request ID")
  line = line:gsub("%d%d:%d%d:%d%d", "CLOCK"):gsub("about %d%d:%d%d", "about CLOCK")
  return (line:gsub("%d%d%d%d%-%d%d%-%d%d ", ""))
end

local function lines_of(lines)
  local first
  for _, line in ipairs(lines) do
    first = first or tonumber(line:match " #(%d+)")
  end
  local all = {}
  for index, line in ipairs(lines) do
    all[index] = settled(line, first)
  end
  return all
end

describe("the debug channel", function()
  local box = api.around()
  local lines

  before_each(function()
    lines = {}
  end)

  local function sink(line)
    lines[#lines + 1] = line
  end

  local function client(options)
    options = options or {}
    options.debug = options.debug == nil and sink or options.debug
    return box:automatic(options)
  end

  local function shown(...)
    assert.same({ ... }, lines_of(lines))
    lines = {}
  end

  it("shows one line for each attempt, login and refresh", function()
    local one = client { retry = { base = 0.001 } }
    assert(one:get("/user", { query = { attributes = "userName" } }))
    shown(
      "mic TIME #1 login 200 MS, token until CLOCK, next about CLOCK",
      "mic TIME #2 GET /user?attributes=userName 200 MS 19B h2"
    )
    box:answer { path = "/things/find", status = 429 }
    box:answer { path = "/user", status = 503 }
    one:get "/users/nobody"
    one:post("/things/find", { query = {} })
    one:get "/user"
    shown(
      "mic TIME #1 GET /users/nobody 404 MS (request ID)",
      "mic TIME #2 POST /things/find 429 MS, again in S",
      "mic TIME #2.2 POST /things/find 200 MS 2.0kB h2",
      "mic TIME #3 GET /user 503 MS, again in S",
      "mic TIME #3.2 GET /user 200 MS 126B h2"
    )
    box:expire()
    assert(one:get "/user")
    shown(
      "mic TIME #1 GET /user 401 MS expired",
      "mic TIME #2 refresh 200 MS, token until CLOCK, next about CLOCK",
      "mic TIME #1.2 GET /user 200 MS 126B h2"
    )
  end)

  it("names a new connection, and HTTP/1.1", function()
    local one = client { http_version = "1.1", transport = "blocking" }
    assert(one:get("/metadata/manifest", { auth = false }))
    assert(one:get("/metadata/manifest", { auth = false }))
    assert.is_truthy(lines[1]:find " h1%.1 new$", lines[1])
    assert.is_truthy(lines[2]:find " h1%.1$", lines[2])
  end)

  it("shows how a stack is looked up", function()
    local one = mic.new { stack = box.stack, manifest_url = box.manifest_url, debug = sink,
      tls = { ca_file = box.ca_file }, username = box.username, password = box.password }
    assert(one:get "/user")
    one:close()
    local all = lines_of(lines)
    local path = box.manifest_url:match "^%a+://[^/]*([^?]*)"
    local expected = ("mic TIME #1 GET %s?hostname=%s 200 MS"):format(path, box.stack)
    assert.equal(expected, all[1]:sub(1, #expected))
    assert.is_truthy(all[2]:find("^mic TIME #2 GET /prod/metadata/manifest 200 MS"), all[2])
    assert.is_truthy(all[3]:find "#3 login 200", all[3])
    one = mic.new { stack = "nowhere.example", manifest_url = "https://localhost:1/manifest/",
      debug = sink, retry = false }
    one:get "/user"
    one:close()
    local failed = "/manifest/%?hostname=nowhere.example no answer after [%d.]+ms: network: "
    assert.is_truthy(lines[#lines]:find(failed), lines[#lines])
  end)

  it("shows attempts without an answer, and the pause after a failed login", function()
    local server = faults.start "read\nreset"
    local one = mic.new { base_url = server.url, api_key = "key", username = "u", password = "pass",
      retry = { base = 0.001, attempts = 2 }, debug = sink }
    assert.is_nil((one:get("/user", { auth = false })))
    assert.is_nil((one:get "/user"))
    one:close()
    local all = lines_of(lines)
    local none = " no answer after MS: network: [^()]+ %(CURLE_RECV_ERROR%)"
    assert.equal(6, #all, table.concat(all, "\n"))
    for index, expected in ipairs {
      "#1 GET /user" .. none .. ", again in S",
      "#1.2 GET /user" .. none,
      "#2 POST /auth/login" .. none .. ", again in S",
      "#2.2 POST /auth/login" .. none,
      "#2 pause: next login or refresh in S at the earliest",
      "#2 login: network: .*",
    } do
      local line = all[index]:gsub("in [%d.]+s at", "in S at")
      assert.is_truthy(line:find("^mic TIME " .. expected .. "$"), all[index])
    end
  end)

  it("shows a login that is refused, and what the store does", function()
    local one = client { password = "a wrong one" }
    one:get "/user"
    assert.is_truthy(lines_of(lines)[1]:find(
      "^mic TIME #1 login 401 MS: auth 401 INVALID_LOGIN: Invalid login %(POST /auth/login"))
    lines = {}
    local failing = { load = function() end, lock = function() return "t" end,
      unlock = function() return true end, save = function() return nil, "disk\27[31m full" end }
    assert(client { store = failing }:get "/user")
    assert.is_truthy(table.concat(lines, "\n"):find(
      "store: store: the store could not save: disk [^\n]*full", 1), lines[1])
  end)

  it("numbers calls that are in flight at once", function()
    local one = client()
    assert(one:login())
    lines = {}
    local requests = {}
    for index = 1, 12 do
      requests[index] = { path = "/user", query = { n = index } }
    end
    one:batch(requests)
    local numbers = {}
    for _, line in ipairs(lines) do
      local call, query = line:match " #(%d+) GET /user%?n=(%d+) 200 "
      assert.is_nil(numbers[call], line)
      numbers[call] = query
    end
    assert.equal(12, #lines)
  end)

  it("sees its lines before on_event sees the event, which has no texts", function()
    local events, seen = {}, {}
    local one = client { on_event = function(event)
      events[#events + 1] = event
      for name, value in pairs(event) do
        seen[name] = type(value)
      end
    end, debug = "bodies" }
    cleanup.stderr()
    assert(one:get "/user")
    assert.equal(5, #events)
    assert.same({ type = "string", call = "number", method = "string", path = "string",
      attempt = "number", seconds = "number", status = "number", http_version = "string",
      new_connection = "boolean", auth = "boolean", bytes = "number", expires = "number",
      next_refresh = "number" }, seen)
  end)

  it("shows no value of a query whose name suggests a secret", function()
    client():get("/metadata/manifest?token=a&x=b&X-Amz-Signature=c&d&code=", { auth = false })
    local query = "token=***&x=b&X-Amz-Signature=***&d&code= 200"
    assert.is_truthy(lines[1]:find("GET /metadata/manifest?" .. query, 1, true), lines[1])
  end)

  it("shows a call by hand to the path of a login as a call", function()
    client():post("/auth/login", { userName = "x", password = "secret of x" })
    shown("mic TIME #1 POST /auth/login 401 MS (request ID)")
  end)

  it("shows what on_event raises, once", function()
    local one = client { on_event = function()
      error("broken", 0)
    end }
    assert(one:get "/user")
    local shown_errors = {}
    for _, line in ipairs(lines) do
      shown_errors[#shown_errors + 1] = line:match "^mic: .*"
    end
    assert.same({ "mic: on_event raised an error, which is not shown again: broken" }, shown_errors)
    assert.equal("broken", one:status().event_error)
  end)

  it("ignores what its function raises", function()
    local one = client { debug = function()
      error "no"
    end }
    assert(one:get "/user")
    assert.is_nil(one:status().event_error)
  end)

  it("takes true, 1, the two levels, a function, and false", function()
    for _, value in ipairs { true, 1, "headers", "bodies", sink, false } do
      box:client { debug = value }
    end
    local must = 'option "debug" must be true, 1, "headers", "bodies", false or a function (got %s)'
    local another = "another string"
    for value, got in pairs { [2] = "2", [0] = "0", ["1"] = another, on = another } do
      local ok, message = pcall(box.client, box, { debug = value })
      assert.is_false(ok)
      assert.is_truthy(message:find(must:format(got), 1, true), message)
    end
    local ok, message = pcall(box.client, box, { debug = {} })
    assert.is_false(ok)
    assert.is_truthy(message:find("(got table)", 1, true), message)
  end)

  it("escapes control bytes and cuts long lines", function()
    local one = client()
    assert(one:login())
    lines = {}
    box:answer { path = "/user", status = 400, headers = { ["x-amzn-RequestId"] = "a\194\155b" } }
    one:get("/user", { query = { q = ("x"):rep(3000) } })
    box:answer { path = "/user", status = 400,
      headers = { ["x-amzn-RequestId"] = "a\194\155b\226\128\174\155c" } }
    one:get "/user"
    assert.equal(2000, #lines[1])
    assert.is_truthy(lines[2]:find("(request a\\u009bb\\u202e\\x9bc)", 1, true), lines[2])
  end)

  describe("at the level headers", function()
    local function with(level, task, options)
      local written = cleanup.stderr()
      options = options or {}
      options.debug = level
      task(client(options))
      return table.concat(written)
    end

    it("adds what was sent and received, with secrets as their length", function()
      local text = with("headers", function(one)
        assert(one:get("/user", { headers = { ["X-Mine"] = "plain", ["X-My-Token"] = "hidden" } }))
      end)
      local id = " #%d+ "
      for _, expected in ipairs {
        id .. "> POST https://localhost:%d+/prod/auth/login\n",
        id .. "> GET https://localhost:%d+/prod/user\n",
        id .. "> Authorization: %*%*%* %(%d%d%d+%)\n",
        id .. "> identityId: %*%*%* %(%d+%)\n",
        id .. "> x%-api%-key: %*%*%* %(40%)\n",
        id .. "> X%-Mine: plain\n",
        id .. "> X%-My%-Token: %*%*%* %(6%)\n",
        id .. "< HTTP/2 200\n",
        id .. "< content%-type: application/json\n",
      } do
        assert.is_truthy(text:find(expected), expected .. "\n" .. text)
      end
      assert.is_nil(text:find("[<>] {"), text)
      for line in text:gmatch "[^\n]*\n" do
        assert.is_truthy(line:find "^mic %d%d:%d%d:%d%d%.%d%d%d #%d")
      end
    end)

    it("adds bodies at the level bodies: of logins the names alone", function()
      local text = with("bodies", function(one)
        assert(one:post("/users", { userName = "kari", roleName = "Read", domainName = "root",
          data = { apiKey = "hidden-1", code = 123456, nested = { password = { "hidden-2" } } } }))
        one:post("/users", nil, { body = "no JSON at all" })
        one:post("/auth/sign-up", { userName = "hidden-3", password = "hidden-4" })
      end)
      for _, expected in ipairs {
        '> {"userName":*,"password":*}\n',
        '"credentials":{"identityId":*,"token":*,"refreshToken":*}',
        '> {"data":{"apiKey":"***","code":"***","nested":{"password":"***"}},"domainName":"root"',
        "> <14 bytes>\n",
        '> {"password":*,"userName":*}\n',
      } do
        assert.is_truthy(text:find(expected, 1, true), expected .. "\n" .. text)
      end
      assert.is_nil(text:find "hidden")
      assert.is_nil(text:find "123456")
    end)

    it("shows 4 KB of a body, on lines of their own", function()
      local text = with("bodies", function(one)
        one:post("/things/find", { query = { ids = ("\195\165"):rep(4000) } })
      end)
      local body = {}
      for piece in text:gmatch " > ([{\195][^\n]*)" do
        assert.is_nil(piece:find "^[\128-\191]")
        if not piece:find "userName" then
          body[#body + 1] = piece
        end
      end
      body = table.concat(body)
      assert.equal(4095 + 3, #body) -- no half character
      assert.is_truthy(body:find '^{"query":{"ids":"\195\165')
      for line in text:gmatch "[^\n]+" do
        assert.is_true(#line <= 2000)
      end
    end)

    it("shows bodies that are files or streams by their size", function()
      local folder = scratch.folder()
      folder:write("up", ("x"):rep(1234))
      local text = with("bodies", function(one)
        assert(one:put("/files/report", nil, { body_file = folder:at "up" }))
        assert(one:get("/files/report", { save_to = folder:at "down" }))
        assert(one:get("/files/report", { on_data = function() end }))
      end)
      assert.is_truthy(text:find("> <1234 bytes>", 1, true), text)
      assert.is_truthy(text:find("< <1234 bytes>", 1, true), text)
    end)

    it("shows neither the query of a login nor that of a redirect", function()
      local text = with("bodies", function(one)
        box:answer { path = "/user", status = 302,
          headers = { Location = "https://elsewhere.example/x?code=hidden" } }
        one:get "/user"
      end)
      assert.is_truthy(text:find("< location: https://elsewhere.example/x?...\n", 1, true), text)
      assert.is_nil(text:find "hidden")
    end)
  end)

  describe("tells of a request that has no answer yet", function()
    before_each(function()
      cleanup.replace(debug_channel, "patience", 0.1)
    end)

    --- Options with a server that answers only once the sink has been told of the wait.
    local function options_of(transport, body)
      body = body or "{}"
      local told = scratch.folder():at "told"
      local script = ("read\nawait %s\nsend HTTP/1.1 200 OK\\r\\nContent-Type: application/json"
        .. "\\r\\nContent-Length: %d\\r\\n\\r\\n%s\nhold"):format(told, #body, body)
      local function debug(line)
        sink(line)
        if line:find("still waiting", 1, true) then
          assert(io.open(told, "w")):close()
        end
      end
      return { base_url = faults.start(script).url, api_key = "key", debug = debug, retry = false,
        transport = transport }
    end

    local function assert_told(path)
      local waits = 0
      for _, line in ipairs(lines_of(lines)) do
        if line == "mic TIME #1 " .. path .. " … still waiting (0.1 s)" then
          waits = waits + 1
        end
      end
      assert.equal(1, waits, table.concat(lines, "\n"))
    end

    it("in a plain script", function()
      local one = mic.new(options_of "blocking")
      assert(one:get("/x", { auth = false }))
      assert_told "GET /x"
      assert.is_truthy(lines[2]:find "GET /x 200", lines[2])
      one:close()
    end)

    it("in a batch", function()
      local one = mic.new(options_of "blocking")
      one:batch { { path = "/x", auth = false } }
      assert_told "GET /x"
      one:close()
    end)

    it("in an event loop", function()
      for _, loop in ipairs(loops.all) do
        lines = {}
        local one = mic.new(options_of(loop.transport))
        loop.run(function()
          assert(one:get("/x", { auth = false }))
        end)
        assert_told "GET /x"
        one:close()
      end
    end)

    it("during a login", function()
      local options = options_of("blocking", '{"user":{},"permissions":{},"credentials":'
        .. '{"identityId":"identity","token":"t0ken-of-login","refreshToken":"r3fresh-of-login"}}')
      options.username, options.password = "u", "pass-word"
      local one = mic.new(options)
      assert(one:login())
      assert_told "POST /auth/login"
      assert.is_truthy(lines[2]:find "#%d+ login 200", lines[2])
      one:close()
    end)
  end)
end)

describe("MIC_DEBUG", function()
  local box = api.around()
  local folder = scratch.folder()

  local CHILD = [[
    local mic = require "mic"
    local client = mic.from_env(OPTIONS)
    assert(client:get("/metadata/manifest", { auth = false }))
    io.write(package.loaded["mic.debug"] and "loaded" or "not loaded")
  ]]

  --- What such a program prints on standard output and on standard error.
  local function run(variables, options)
    local command = box:command((CHILD:gsub("OPTIONS", options or "")))
    local errors = folder:at "stderr"
    local shell = require "spec.support.shell"
    local printed = shell.run(("env %s %s 2>%s"):format(variables, command, errors))
    return printed, folder:read "stderr"
  end

  it("is off without a value, and costs nothing", function()
    for _, variables in ipairs { "", "MIC_DEBUG=", "MIC_DEBUG=1" } do
      local options = variables:find "1$" and "{ debug = false }" or ""
      local printed, errors = run(variables, options)
      assert.same({ "not loaded", "" }, { printed, errors })
    end
    for _, variables in ipairs { "MIC_DEBUG=0", "MIC_DEBUG=false" } do
      assert.equal("", select(2, run(variables)))
    end
  end)

  it("has three levels, on standard error", function()
    local expected = { ["1"] = "^[^\n]+\n$", headers = "[<>] %a[%w-]*: ", bodies = "< {" }
    for value, pattern in pairs(expected) do
      local printed, errors = run("MIC_DEBUG=" .. value)
      assert.equal("loaded", printed)
      assert.is_truthy(errors:find(pattern), errors)
      assert.is_truthy(errors:find "^mic [%d:.]+ #1 ", errors)
    end
    assert.is_nil(select(2, run "MIC_DEBUG=headers"):find "< {")
    assert.is_nil(select(2, run "MIC_DEBUG=1"):find " > ")
  end)

  it("takes another value for 1, and says so once", function()
    local _, errors = run "MIC_DEBUG=yes"
    assert.is_truthy(errors:find('^mic: MIC_DEBUG must be 1, headers, bodies or 0; any other value '
      .. "means 1\nmic [^\n]+\n$"), errors)
  end)

  it("gives its level to a function, and yields to another option", function()
    local _, errors =
      run("MIC_DEBUG=headers", "{ debug = function(l) io.stderr:write(l, '|\\n') end }")
    assert.is_truthy(errors:find "< HTTP/2 200|\n", errors)
    _, errors = run("MIC_DEBUG=bodies", "{ debug = 1 }")
    assert.is_truthy(errors:find "^[^\n]+\n$", errors)
  end)

  it("appends to the file of MIC_DEBUG_FILE, which others cannot read", function()
    local file = folder:at "log"
    for count = 1, 2 do
      assert.equal("", select(2, run("MIC_DEBUG=1 MIC_DEBUG_FILE=" .. file)))
      assert.equal(count, select(2, folder:read("log"):gsub("mic [^\n]+\n", "")))
    end
    assert.equal("600\n", require("spec.support.shell").run("stat -c %a " .. file))
  end)

  it("says once that the file cannot be written, and goes on", function()
    local _, errors = run("MIC_DEBUG=headers MIC_DEBUG_FILE=/no/such/folder/log")
    assert.is_truthy(errors:find("^mic: MIC_DEBUG_FILE cannot be written: no such file or folder "
      .. "%(ENOENT%)\nmic "), errors)
    assert.is_nil(errors:find("\nmic: ", 1, true))
    assert.is_truthy(errors:find "/metadata/manifest 200")
  end)

  it("is ignored by a set-uid program, and so is MIC_DEBUG_FILE", function()
    local library = native.build "set_uid"
    local preload = ("LD_PRELOAD=%s MIC_PRELOAD=%s "):format(library, library)
    local printed, errors = run(preload .. "MIC_DEBUG=1 MIC_DEBUG_FILE=" .. folder:at "none")
    assert.same({ "not loaded", "" }, { printed, errors })
    printed, errors = run(preload .. "MIC_DEBUG_FILE=" .. folder:at "none", "{ debug = true }")
    assert.equal("loaded", printed)
    assert.is_truthy(errors:find "^mic ")
    assert.is_nil(folder:read "none")
  end)
end)

describe("core.append_line", function()
  it("never waits for the reader of a pipe", function()
    local folder = scratch.folder()
    require("spec.support.shell").check("mkfifo " .. folder:at "pipe")
    local started = clock.now()
    local ok, kind, code = core.append_line(folder:at "pipe", "x\n")
    assert.same({ nil, "file" }, { ok, kind })
    assert.is_truthy(code)
    assert.is_true(clock.now() - started < 5)
  end)
end)
