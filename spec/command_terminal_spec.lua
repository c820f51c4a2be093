-- The command mic at a terminal: a real pseudo-terminal, spec/c/in_terminal.c.

local api = require "spec.support.api"
local clock = require "spec.support.clock"
local command = require "spec.support.command"
local faults = require "spec.support.faults"
local shell = require "spec.support.shell"

local JSON = { ["Content-Type"] = "application/json" }
local TEXT = { ["Content-Type"] = "text/plain" }

describe("the command mic at a terminal", function()
  local sandbox = api.around()
  local mic

  before_each(function()
    mic = command.new(sandbox)
    mic:run "get /user" -- from now on a stored token is used
  end)

  local function play(arguments, expected_code, steps, redirect)
    local shown, code, echoes = mic:play(steps or {}, arguments, redirect)
    assert.equal(expected_code or 0, code, shown)
    assert.is_true(echoes)
    return shown
  end

  it("indents JSON and colours it, in the server's order", function()
    sandbox:answer { path = "/user", body = '{"b":1.50,"a":["x",null],"c":{}}', headers = JSON,
      times = 12 }
    local plain = '{\n  "b": 1.50,\n  "a": [\n    "x",\n    null\n  ],\n  "c": {}\n}\n'
    local shown = play "get /user"
    assert.is_truthy(shown:find("\27[", 1, true), shown)
    assert.equal(plain, (shown:gsub("\27%[[%d;]*m", "")))
    assert.equal(plain, play "get /user --color never")
    assert.equal('{"b":1.50,"a":["x",null],"c":{}}', play "get /user --raw")
    assert.equal("1.50\n", (play("get /user -q .b"):gsub("\27%[[%d;]*m", "")))
    mic.variables.NO_COLOR = "1"
    assert.equal(plain, play "get /user")
    mic.variables.CLICOLOR_FORCE = "1"
    assert.equal(plain, play "get /user")
    assert.is_truthy(play("get /user --color always"):find("\27[", 1, true))
    mic.variables.NO_COLOR, mic.variables.CLICOLOR_FORCE = "", nil
    mic.variables.TERM = "dumb"
    assert.equal(plain, play "get /user")
    mic.variables.CLICOLOR_FORCE = "1"
    assert.is_truthy(mic:run("get /user --pretty"):find("\27[", 1, true))
    mic.variables.CLICOLOR_FORCE = "0"
    assert.equal(plain, (mic:run "get /user --pretty"))
  end)

  it("shows no control character of an answer or an error", function()
    mic.folder:write("in", '{"path":"/label"}\n')
    sandbox:answer { path = "/label", body = '"x\127y"', headers = JSON }
    local label = "a\\u001b[31m\\u007f\\u009bZ"
    local raw = "a\27[31m\127\194\155Z \\xc3\\xa5\n"
    sandbox:answer { path = "/user", body = raw, headers = TEXT }
    local shown = play "get /user"
    assert.equal("a\\x1b[31m\\u007f\\u009bZ \\xc3\\xa5\n", shown)
    sandbox:answer { path = "/user", body = '{"a":"' .. label .. '"}', headers = JSON, times = 2 }
    assert.equal("a\\x1b[31m\\u007f\\u009bZ\n", play "get /user -q .a")
    assert.is_truthy(play("get /user --color never"):find(label, 1, true))
    sandbox:answer { path = "/user", status = 400, body = '{"message":"x\27]0;t\7\194\155y"}' }
    local line = play("get /user --no-retry", 1)
    assert.is_nil(line:find "[%z\1-\8\11-\31\127]", line)
    sandbox:answer { path = "/user", status = 400, body = '{"message":"x\127y\194\155"}' }
    line = play("get /user --no-retry --json-errors", 1)
    assert.is_truthy(line:find("x\\u007fy\\u009b", 1, true) or line:find("x y", 1, true), line)
    local batch = play("batch in", 0)
    assert.is_truthy(batch:find("x\\u007fy", 1, true), batch)
    sandbox:answer { path = "/user", body = raw, headers = TEXT, times = 2 }
    assert.equal(raw, (mic:run "get /user"))
    local include = play "get /user -i"
    assert.is_nil(include:find("\27", 1, true))
    sandbox:answer { path = "/user", status = 400, body = "x\27]0;t\7y" }
    line = play("get /user --no-retry --error-body", 1)
    assert.is_truthy(line:find("\nx\\x1b]0;t\\x07y\n", 1, true), line)
  end)

  it("shows nothing binary, unless told to", function()
    sandbox:answer { path = "/user", body_base64 = "AAECA/8=", times = 4,
      headers = { ["Content-Type"] = "application/octet-stream" } }
    assert.equal("mic: the response is binary; use -o FILE to save it, "
      .. "-o - to print it to the terminal\n", play("get /user", 2))
    assert.equal("\0\1\2\3\255", play "get /user -o -")
    assert.equal("", play "get /user -o out")
    assert.equal("\0\1\2\3\255", mic:read "out")
  end)

  it("asks before a DELETE", function()
    sandbox:control("DELETE", "/log")
    local shown = play("delete /users/anna", 1, { "expect=DELETE /users/anna? [y/N] ", "send=\\n" })
    assert.is_truthy(shown:find "nothing was sent")
    play("delete /users/anna", 1, { "expect=[y/N] ", "send=no\\n" })
    assert.equal("", sandbox:seen())
    play("delete /users/anna", 130, { "expect=[y/N] ", "send=\\x03" })
    play("delete /users/anna", 0, { "expect=[y/N] ", "send=y\\n" })
    assert.equal("DELETE /users/anna", sandbox:seen())
    play("users delete per@example.com", 0, { "expect=DELETE /users/per@example.com? [y/N] ",
      "send=y\\n" })
    play("delete /users/nobody -y", 1)
    assert.equal(1, select(2, mic:run "delete /users/nobody </dev/null")) -- without a terminal
    play("delete /users/nobody", 1, {}, "</dev/null")
  end)

  it("shows no token unasked", function()
    local token = mic:run("token"):gsub("\n$", "")
    assert.is_truthy(token:find "^eyJ")
    for _, arguments in ipairs { "token", "token --headers" } do
      local shown = play(arguments)
      assert.is_nil(shown:find(token, 1, true), arguments)
      assert.is_truthy(shown:find("--show", 1, true))
    end
    assert.equal(token .. "\n", play "token --show")
  end)

  --- A body that comes piece by piece for three seconds, and then no more.
  local function slow_body()
    local script = { "read", "send HTTP/1.1 200 OK\\r\\nContent-Length: 10000000\\r\\n\\r\\n" }
    for _ = 1, 30 do
      script[#script + 1] = "repeat 1000 0123456789"
      script[#script + 1] = "wait 100"
    end
    script[#script + 1] = "hold"
    mic.variables.MIC_BASE_URL = faults.start(table.concat(script, "\n")).url
  end

  it("shows the progress of a download in one line, and removes the part at Ctrl-C", function()
    for step, signal in pairs { ["send=\\x03"] = 2, ["signal=15"] = 15, ["signal=1"] = 1 } do
      slow_body()
      local shown = play("get /metadata/x -o out", 128 + signal, { "expect= of 10 MB", step })
      local line = "%[%.+%]   %d %%  %d+ kB of 10 MB  [%d.]+ k?B/s  [%d:]+:%d%d left"
      assert.is_truthy(shown:find(line), shown)
      assert.is_truthy(shown:find("\27%[K$") or shown:find "\27%[K[^\n]*%^C", shown)
      assert.is_nil(shown:find("interrupted", 1, true), shown)
      assert.equal(".local errors", mic.folder:names())
    end
  end)

  --- A step that waits until the sandbox has got a request for this path.
  local function received(path)
    return ("until=curl -q -s --noproxy '*' %s/log | tr -d '\\\\' | grep -q '\"/prod%s\"'"):format(
      sandbox.control_url, path)
  end

  it("ends at Ctrl-C wherever it waits", function()
    sandbox:answer { path = "/user", delay = 20, times = 3 }
    sandbox:answer { path = "/users", delay = 20 }
    sandbox:answer { path = "/auth/login", delay = 20 }
    for arguments, steps in pairs {
      ["get /user"] = { received "/user", "send=\\x03" },
      ["batch"] = { 'send={"path":"/users/demo"}\\n', 'expect="data"', "send=\\x03" },
      ["get /users --paginate"] = { received "/users", "send=\\x03" },
      ["post /things -d -"] = { "reading", "send={}\\n", "expect={}\r\n", "reading",
        "send=\\x03" },
      ["login"] = { received "/auth/login", "send=\\x03" },
    } do
      sandbox:control("DELETE", "/log")
      local started = clock.now()
      local shown = play(arguments, 130, steps)
      assert.is_nil(shown:find("interrupted", 1, true), shown)
      assert.is_true(clock.now() - started < 15, arguments)
    end
  end)

  it("is silent with -s, and in a pipe", function()
    slow_body()
    local shown = mic:play({ "signal=15" }, "get /metadata/x -o out -s --timeout 1 --no-retry")
    assert.equal("", shown)
    slow_body()
    local text, code, errors =
      mic:run "get /metadata/x -o out --timeout 0.5 --deadline 2 --no-retry"
    assert.equal("", text)
    assert.equal(4, code)
    assert.is_truthy(errors:find "^mic: timeout: [^\n]*$", errors)
  end)

  it("ends by the signal, so that a loop ends too", function()
    sandbox:answer { path = "/user", delay = 10, times = 3 }
    mic.folder:write("loop", ("for i in 1 2 3; do %s; echo after; done\n"):format(
      mic:line "get /user"))
    local started = clock.now()
    local program = require("spec.support.native").program "spec/c/in_terminal.c"
    local shown, code = shell.run(("cd %s && (sleep 1; echo) | %s 'expect=begin' 'send=\\x03' -- "
      .. "bash -c 'echo begin; sleep 0.5; . ./loop' 2>&1"):format(mic.folder.path, program))
    assert.equal(130, code, shown)
    assert.is_nil(shown:find "after", shown)
    assert.is_true(clock.now() - started < 9)
  end)
end)
