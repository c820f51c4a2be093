-- The command mic: batch, token, --curl, files, api, completion, sandbox.

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

  local function objects(text)
    local list = {}
    for line in text:gmatch "[^\n]+" do
      list[#list + 1] = assert(json.decode(line), line)
    end
    return list
  end

  describe("batch", function()
    it("answers in order, whatever comes first", function()
      sandbox:answer { path = "/slow", delay = 0.5, body = "1.50",
        headers = { ["Content-Type"] = "application/json" } }
      mic.folder:write("in", '{"path":"/slow","id":1.0}\n\n'
        .. '{"path":"/users/{n}","params":{"n":"demo"},"id":{"a": 1}}\n{"path":"/users/nobody"}\n'
        .. '{"method":"POST","path":"/things/find","data":{"query":{"size":0}},"id":"x"}\n')
      local text = assert_run("batch -c 4 <in", 1)
      assert.equal('{"id":1.0,"status":200,"data":1.50}\n', text:match "^[^\n]*\n")
      local list = objects(text)
      assert.equal(4, #list)
      assert.equal("demo@example.com", list[2].data.email)
      assert.equal(1, list[2].id.a)
      assert.equal("USER_NOT_FOUND", list[3].error.key)
      assert.equal("x", list[4].id)
      sandbox:answer { path = "/slow", body = "1.50",
        headers = { ["Content-Type"] = "application/json" } }
      local other = assert_run("batch in", 1)
      assert.equal((text:gsub('_id":"[^"]*', "")), (other:gsub('_id":"[^"]*', "")))
    end)

    it("ends with the worst code, a line that is wrong is an answer too", function()
      mic.folder:write("in", '{"path":"/user"}\nno json\n[1]\n{"path":"/user","pth":1}\n'
        .. '{"path":"/u ser"}\n{"path":"/user"}')
      local list = objects((assert_run("batch <in", 2)))
      assert.equal(6, #list)
      for index = 2, 5 do
        assert.equal("usage", list[index].error.kind)
      end
      assert.is_truthy(list[4].error.message:find('unknown member "pth"; did you mean "path"?', 1,
        true))
      assert.equal("demo", list[6].data.userName)
      sandbox:answer { path = "/user", status = 503, times = 9 }
      mic.folder:write("in", '{"path":"/users/nobody"}\n{"path":"/user"}\n')
      assert_run("batch <in", 4)
      assert_run("batch missing", 5, "missing")
      assert.equal("", (assert_run("batch </dev/null", 0)))
    end)

    it("does not wait for more lines before it answers", function()
      local pipe = shell.start(("cd %s && { echo '{\"path\":\"/user\",\"id\":1}'; sleep 3; "
        .. "echo '{\"path\":\"/user\",\"id\":2}'; } | { %s | head -1; echo first; }"):format(
        mic.folder.path, mic:line "batch"))
      assert.equal(1, json.decode(pipe:read "*l").id)
      pipe:close()
    end)

    it("reads an input of any length", function()
      sandbox:answer { path = "/n", body = "1", times = 1000,
        headers = { ["Content-Type"] = "application/json" } }
      local text = assert_run("batch -c 8", 0, "^$",
        "seq 500 | sed 's|.*|{\"path\":\"/n\",\"id\":&}|' |")
      local list = objects(text)
      assert.equal(500, #list)
      for index, answer in ipairs(list) do
        assert.equal(index, answer.id)
      end
    end)
  end)

  it("gives token and headers to another program, not in its arguments", function()
    local token = assert_run("token", 0)
    assert.is_truthy(token:find "^eyJ[%w_-]+%.[%w_-]+%.[%w_-]+\n$")
    mic.folder:write("mic", ("#!/bin/sh\nexec %s \"$@\"\n"):format(mic.words))
    shell.check("chmod +x " .. mic.folder:at "mic")
    local function bash(line)
      return shell.check(("cd %s && export PATH=%s:\"$PATH\" && %s bash -c %s"):format(
        mic.folder.path, mic.folder.path, mic:env(), shell.quote(line)))
    end
    assert.equal((mic:run "get /user"), bash('curl -sS --cacert "$MIC_CA_FILE" '
      .. '-H @<(mic token --headers) "$(mic url /user)"'))
    for _, arguments in ipairs { "get /user", "get /users/{n} -p n=demo -f attributes=email",
      "post /things/find -d '{\"query\":{\"size\":1,\"query\":{\"match_all\":{}}}}'",
      "users get demo -f attributes=email", "thing-types list", "find things --size 1",
      "post /things/find -F query[size]=1 -H \"X-One: it's\"" } do
      local line = assert_run(arguments .. " --curl", 0)
      assert.is_nil(line:find(token:sub(1, -2), 1, true))
      assert.is_nil(line:find(sandbox.api_key, 1, true))
      assert.is_truthy(line:find("^curl %-sS %-H @<%(mic token %-%-headers%) %-%-cacert "), line)
      assert.equal((mic:run(arguments)):gsub('"took":%d+', ""), (bash(line):gsub('"took":%d+', "")))
    end
    sandbox:control("DELETE", "/log")
    assert_run("delete /users/anna --curl", 0)
    assert.equal("", sandbox:seen())
  end)

  it("sends files and fetches them, with any key", function()
    shell.check(("head -c 3000000 /dev/urandom >%s"):format(mic.folder:at "in"))
    assert_run("upload in 'a b/c+d.bin'", 0)
    assert.equal("", (assert_run("download 'a b/c+d.bin' -o out", 0)))
    assert.equal(mic:read "in", mic:read "out")
    assert.equal(mic:read "in", (assert_run("download 'a b/c+d.bin'", 0)))
    assert_run("upload - copy <in", 0)
    assert.equal(mic:read "in", (assert_run("download copy", 0)))
    assert_run("upload missing key", 5, "no such file")
    assert_run("upload . key", 5, "folder")
    assert.equal("", (assert_run("download missing", 1, "^mic: http 404")))
    assert.equal("", (assert_run("download missing -o none", 1, "^mic: http 404")))
    assert.is_nil(mic:read "none")
    local text, code = shell.run(mic:line "download 'a b/c+d.bin'" .. " 2>&1 >/dev/full")
    assert.equal(5, code)
    assert.is_truthy(text:find "no space left", text)
  end)

  it("writes every byte of these, or ends with 5", function()
    mic.folder:write("in", '{"path":"/user"}\n{"path":"/user"}\n')
    for _, arguments in ipairs { "get /users --paginate", "get /users --paginate --slurp",
      "get /users --paginate -q .email", "users list -q .", "find things", "token", "api",
      "token --headers", "batch in", "status", "completion fish", "get /user --curl", "help" } do
      local text, code = shell.run(("cd %s && { %s >/dev/full; } 2>&1"):format(mic.folder.path,
        mic:line(arguments)))
      assert.equal(5, code, arguments .. text)
      assert.equal("mic: cannot write the output: no space left on device\n", text)
    end
  end)

  it("lists what can be called", function()
    local text = assert_run("api", 0)
    assert.is_truthy(text:find "\nusers.get +GET    /users/{userName}\n", text)
    for line in text:gmatch "[^\n]+" do
      local name = line:match "^%S+"
      local shown = assert_run("api " .. name, 0)
      assert.is_truthy(shown:find("^mic "), shown)
    end
    assert.is_truthy(assert_run("api users", 0):find "mic users create")
    assert_run("api nothing", 2, "unknown endpoint 'nothing'")
  end)

  it("compares its list with the API's own", function()
    sandbox:answer { path = "/metadata/swagger", body = '{"basePath":"/prod","paths":{'
      .. '"/users/{name}":{"get":{},"options":{}},"/prod/new/{x}":{"post":{}}}}',
      headers = { ["Content-Type"] = "application/json" } }
    local text = assert_run("api --diff", 0)
    assert.is_truthy(text:find("+ POST   /new/{x}\n", 1, true), text)
    assert.is_truthy(text:find("- PATCH  /users/{userName}  (users.update)\n", 1, true), text)
    assert.is_nil(text:find "users%.get%)")
  end)

  it("runs a program in a sandbox of its own, with its exit code", function()
    local text = assert_run("sandbox -- sh -c 'echo $MIC_USERNAME; exit 7'", 7)
    assert.equal("demo\n", text)
  end)
end)
