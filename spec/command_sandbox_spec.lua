-- mic sandbox: the variables for a shell, the command's exit code, signals, and what is missing.
-- What the sandbox does itself is in spec/sandbox_start_spec.lua.

local command = require "spec.support.command"
local json = require "mic.json"
local shell = require "spec.support.shell"

describe("mic sandbox", function()
  local mic = command.new()

  --- Runs shell text, in which `mic` is the command.
  local function script(text)
    mic.folder:write("mic", "#!/bin/sh\nexec " .. mic.words .. ' "$@"\n')
    return shell.run(("cd %s && chmod +x mic && export PATH=$PWD:$PATH && { %s\n} 2>&1"):format(
      mic.folder.path, text))
  end

  it("prints the variables for a shell, which stops it by its control", function()
    local out, code = script [[
      eval "$(mic sandbox &)"
      for name in BASE_URL API_KEY USERNAME PASSWORD CA_FILE SANDBOX_CONTROL SANDBOX_STACK \
        MANIFEST_URL; do
        eval "[ -n \"\$MIC_$name\" ] || echo no $name"
      done
      sh -c 'echo $MIC_USERNAME'
      curl -q -s --noproxy '*' -X POST "$MIC_SANDBOX_CONTROL/stop"
      until [ ! -e "$(dirname "$MIC_CA_FILE")" ]; do sleep 0.01; done]]
    assert.equal("sandbox: runs until Ctrl-C, or: curl -X POST $MIC_SANDBOX_CONTROL/stop\n"
      .. "demo\n{}", out)
    assert.equal(0, code)
  end)

  it("runs a command, and ends with its exit code", function()
    for line, expected in pairs {
      ["sh -c 'exit 7'"] = 7,
      ["sh -c 'kill -TERM $$'"] = 143,
      ["/nowhere/at/all"] = 127,
      ["/etc/passwd"] = 126,
      ["true"] = 0,
    } do
      local out, code = mic:run("sandbox -- " .. line .. " 2>/dev/null")
      assert.equal("", out)
      assert.equal(expected, code, line)
    end
  end)

  it("does the same with JSON errors, when nothing is missing", function()
    local out, code = mic:run "sandbox --json-errors -- sh -c 'echo $MIC_USERNAME; exit 7'"
    assert.equal("demo\n", out)
    assert.equal(7, code)
  end)

  it("leaves options and standard input to the command", function()
    local out, code = mic:run([[sandbox -- sh -c 'printf "<%s>" "$@"; cat' x --help -- "a  b"]],
      "printf hello |")
    assert.equal("<--help><--><a  b>hello", out)
    assert.equal(0, code)
  end)

  it("gives it its own credentials and configuration, and this module", function()
    mic.folder:write("my.lua", [[
      local mic = require "mic"
      local store = mic.store.file {}
      local client = mic.assert(mic.from_env { store = store })
      print(mic.assert(client:get "/user").data.userName, tostring(store))
    ]])
    local out, code = mic:run(("sandbox -- %s my.lua"):format(shell.lua))
    assert.is_truthy(out:find "^demo\tmic%.store%.file %(.*/mic%-sandbox%.%w+/state/lua%-mic/", out)
    assert.equal(0, code)
    assert.is_nil(mic.folder:names():find "%.local")
    out, code = mic:run(("sandbox -- %s get /user"):format(mic.words))
    assert.equal("demo@example.com", json.decode(out).email)
    assert.equal(0, code)
  end)

  it("lets the command log in, and write a profile where it says", function()
    local out, code = script [[
      mic sandbox -- sh -c '
        export MIC_CONFIG=$XDG_STATE_HOME/config
        echo "$MIC_PASSWORD" | mic login --profile test --password-stdin
        unset MIC_BASE_URL MIC_API_KEY MIC_USERNAME MIC_PASSWORD MIC_CA_FILE MIC_MANIFEST_URL
        mic get /user --profile test | grep -c demo@example.com']]
    assert.is_truthy(out:find '^Logged in as demo %(ReadWrite, root%). Profile "test" written to ',
      out)
    assert.is_truthy(out:find "\n1\n$", out)
    assert.equal(0, code)
  end)

  it("is the process that signals reach", function()
    local out = script [[
      mic sandbox -- sh -c 'echo "$MIC_CA_FILE" >ca; exec sleep 600' &
      until [ -s ca ]; do sleep 0.01; done
      kill -TERM $!
      wait $! 2>/dev/null
      echo $?
      until [ ! -e "$(dirname "$(cat ca)")" ]; do sleep 0.01; done
      rm ca]]
    assert.equal("143\n", out)
  end)

  it("ends at Ctrl-C with the command", function()
    local shown, code = mic:play({ "expect=ready", "send=\\x03" },
      "sandbox -- sh -c 'echo ready; exec sleep 600'")
    assert.equal(130, code, shown)
  end)

  it("answers on when the command goes on after Ctrl-C", function()
    local shown, code = mic:play({ "expect=ready", "send=\\x03" }, "sandbox -- sh -c "
      .. shell.quote [[trap 'done=1' INT; echo ready; until [ "$done" ]; do sleep 0.05; done
        curl -q -s --noproxy '*' "$MIC_SANDBOX_CONTROL/counters"; exit 4]])
    assert.is_truthy(shown:find('"throttled":0', 1, true), shown)
    assert.equal(4, code)
  end)

  it("ends when its terminal is closed", function()
    local native = require "spec.support.native"
    local out = script(([[
      %s expect=ready signal=9 -- sh -c "exec mic sandbox -- sh -c 'echo "\$MIC_CA_FILE" >ca
        echo ready; exec sleep 600'" >/dev/null
      until [ ! -e "$(dirname "$(cat ca)")" ]; do sleep 0.01; done
      rm ca
      echo gone]]):format(native.program "spec/c/in_terminal.c"))
    assert.is_truthy(out:find "gone\n$", out)
  end)

  it("says when it cannot print", function()
    for _, to in ipairs { ">/dev/full", ">&-" } do
      local _, code, err = mic:run("sandbox " .. to)
      assert.equal(5, code)
      assert.is_truthy(err:find("sandbox: cannot write to its standard output", 1, true), err)
    end
  end)

  it("says why the Lua of the command does not find the module", function()
    local function run(version, text)
      local place = mic.folder:at("share/lua/" .. version)
      shell.check(("mkdir -p %s && cp -r lua/mic %s/ && cp -r sandbox %s/mic/"):format(place, place,
        place))
      local out, code = shell.run(("env -i PATH=\"$PATH\" LUA_PATH='/nowhere/?' "
        .. "LUA_CPATH='/nowhere/?' sh %s/mic/sandbox/start -- %s -e '%s' 2>&1"):format(place,
        shell.lua, text))
      return code, out:match "sandbox: .*" or out, place
    end
    local code, said = run("5.9", 'require "mic"')
    assert.equal(1, code)
    assert.equal(("sandbox: %s is %s, and this lua-mic is for Lua 5.9\n"):format(shell.lua,
      _VERSION), said)
    local _, place
    _, said, place = run(_VERSION:match "5%.%d", 'require "mic"')
    assert.equal(("sandbox: %s does not look for modules in %s: set LUA_PATH and LUA_CPATH\n")
      :format(shell.lua, place), said)
    assert.equal("", select(2, run("5.9", "")))
  end)

  it("says when it is not installed", function()
    local place = mic.folder:at "elsewhere"
    shell.check(("mkdir -p %s && cp -r lua %s/"):format(place, place))
    local run = ("env LUA_PATH='%s/lua/?.lua;;' %s sandbox"):format(place, mic.words)
    local out, code = shell.run(run .. " 2>&1")
    assert.equal(2, code)
    assert.equal(("mic: the sandbox is not installed: there is no %s/lua/mic/sandbox/start - "
      .. "LuaRocks and make install install it with the module\n"):format(place), out)
    out, code = shell.run(run .. " --json-errors -- true 2>&1")
    assert.equal(2, code)
    assert.equal("config", json.decode(out).kind)
  end)

  it("says which program is missing, and how to get it", function()
    local words = mic.words:gsub("^%S+", function(lua)
      return (shell.run("command -v " .. lua):gsub("\n", ""))
    end)
    local out, code = shell.run(([[
      mkdir %s/few
      for name in dirname sed sh; do ln -s "$(command -v $name)" %s/few/; done
      PATH=%s/few %s sandbox -- true 2>&1]]):format(mic.folder.path, mic.folder.path,
      mic.folder.path, words))
    assert.equal(2, code, out)
    local as_json
    as_json, code = shell.run(("MIC_JSON_ERRORS=1 PATH=%s/few %s sandbox -- true 2>&1"):format(
      mic.folder.path, words))
    assert.equal(2, code)
    local problem = json.decode(as_json)
    assert.equal("config", problem.kind)
    assert.equal(out, "sandbox: " .. problem.message .. "\n")
    assert.is_truthy(out:find("^sandbox: openssl is missing. Debian and Ubuntu: apt%-get install"),
      out)
  end)

  it("has a help", function()
    local out, code = mic:run "sandbox --help"
    assert.equal(0, code)
    assert.is_truthy(out:find("mic sandbox [-- PROGRAM", 1, true), out)
  end)
end)

describe("a configuration file that is none", function()
  local changes = require "mic.command.config_changes"
  local terminal = require "mic.terminal"

  it("is not replaced, though root could", function()
    local folder = require("spec.support.scratch").folder()
    shell.check("mkfifo " .. folder:at "pipe")
    for _, path in ipairs { folder:at "pipe", folder.path } do
      local ok, problem = terminal.write_private(path, "text")
      assert.is_nil(ok)
      assert.equal("it is not a regular file", problem)
    end
    assert.equal("pipe", folder:names())
    shell.check("test -p " .. folder:at "pipe")
  end)

  it("gets no profile: in the sandbox it is /dev/null", function()
    local write = terminal.write_private
    terminal.write_private = error -- so that a mistake costs no machine its /dev/null
    local made = { path = "/dev/null", text = "", profiles = {} }
    local ok, err = changes.save(made, "test", { username = "demo" })
    local used, other = changes.use(made, "test")
    terminal.write_private = write
    assert.is_nil(ok)
    assert.equal("file", err.kind)
    assert.is_truthy(err.message:find("/dev/null", 1, true))
    assert.is_nil(used)
    assert.equal("file", other.kind)
  end)
end)
