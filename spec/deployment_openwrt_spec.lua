-- docs/deployment.md: the init script for procd of OpenWrt, and the module without the parts that
-- can be removed.

local api = require "spec.support.api"
local clock = require "spec.support.clock"
local deployed = require "spec.support.deployed"
local shell = require "spec.support.shell"
local tree = require "spec.support.tree"

local quote = shell.quote

--- The lines of the page that remove parts of the module.
local REMOVALS = deployed.block_with "cd /usr/lib/lua\n"

describe("on OpenWrt", function()
  local box = api.around()
  local host

  before_each(function()
    host = deployed.new(box)
  end)

  --- The parameters that the init script gives to procd: lists by name.
  local function parameters()
    local script = tree.read(deployed.recipes .. "report.init")
    script = host:write("/report.init", host:localised(script))
    local printed = shell.check(([[
      chown() { [ "$(id -u)" != 0 ] || command chown %d:%d "$2"; }
      procd_open_instance() { :; }
      procd_close_instance() { :; }
      procd_set_param() { name=$1; shift; for v; do printf '%%s\t%%s\n' "$name" "$v"; done; }
      . %s
      [ "$USE_PROCD" = 1 ] && [ "$START" -gt 20 ] && start_service
    ]]):format(deployed.user, deployed.user, script))
    local list = {}
    for name, value in printed:gmatch "(%S+)\t([^\n]*)\n" do
      list[name] = list[name] or {}
      table.insert(list[name], value)
    end
    return list
  end

  --- Starts what procd would start.
  local function start()
    host:own("/etc/report/env /etc/report/password", "0:" .. deployed.user)
    shell.check(host:localised(deployed.block_with("echo 'report"):match "\n(chmod 640 [^\n]+)"))
    host:make("/var/run", "755")
    local list, words = parameters(), {}
    local variables = { PATH = "/usr/sbin:/usr/bin:/sbin:/bin", HOME = "/" }
    for _, pair in ipairs(list.env) do
      local name, value = pair:match "^([%w_]+)=(.*)$"
      variables[name] = value
    end
    for index, word in ipairs(list.command) do
      words[index] = quote(word)
    end
    return host:start("exec " .. host:words(table.concat(words, " "), variables)), list
  end

  it("procd starts the poller as its user, and is told no secret", function()
    local program, list = start()
    assert.is_true(program.prints "demo\ndemo\n", program.printed())
    assert.same({ "report" }, list.user)
    assert.same({ "3600", "60", "0" }, list.respawn)
    for _, values in pairs(list) do
      local all = table.concat(values, " ")
      assert.is_nil(all:find(box.password, 1, true))
      assert.is_nil(all:find(box.api_key, 1, true))
    end
    local arguments = program.arguments()
    assert.is_truthy(arguments:find("poller.lua", 1, true), arguments)
    assert.is_nil(arguments:find(box.api_key, 1, true))
    assert.equal("700 600 600", host:modes "/var/run/report")
    assert.equal(1, box:counters().login)
  end)

  --- Adds what `make install` installs besides.
  local function install_all()
    local folder = host:at "/usr/lib/lua/mic/sandbox"
    shell.check(("mkdir %s && cp sandbox/* %s && rm %s/*.md %s/*.c"):format(folder, folder, folder,
      folder))
  end

  --- The bytes of all Lua files of the module and of its data.
  local function size()
    local command = "find %s -type f ! -name '*.so' -exec cat {} + | wc -c"
    return tonumber((shell.check(command:format(host:at "/usr/lib/lua")):match "%d+"))
  end

  it("the removable parts have the sizes that the page says", function()
    install_all()
    local section = tree.read(deployed.page):match "### Smaller installation\n(.-)\n## "
    local function near(kilobytes, bytes)
      local real = bytes / 1000
      local problem = ("the page says %d KB, it is %.0f KB"):format(kilobytes, real)
      assert(math.abs(kilobytes - real) <= math.max(5, real * 0.2), problem)
    end
    local whole, lines = size(), REMOVALS:gmatch "\n(rm [^\n]*)"
    for kilobytes in section:gmatch "\n| [^\n]* | (%d+) |" do
      local before = size()
      shell.check(("cd %s && %s"):format(host:at "/usr/lib/lua", lines()))
      near(tonumber(kilobytes), before - size())
    end
    assert.is_nil(lines())
    local together, all = section:match "Together that is (%d+) of (%d+) KB"
    near(tonumber(together), whole - size())
    near(tonumber(all), whole)
  end)

  it("logins, refreshes, retries, the file store and batches work without it", function()
    install_all()
    shell.check(host:localised(REMOVALS))
    shell.check("strip " .. host:at "/usr/lib/lua/mic/core.so")
    local program = start()
    assert.is_true(program.prints "demo\n", program.printed())
    box:expire()
    box:answer { path = "/user", status = 503, headers = { ["Retry-After"] = "0" } }
    assert.is_true((clock.eventually(function()
      return box:counters().refresh == 1
    end)), program.printed())
    assert.is_true(program.prints "demo\ndemo\ndemo\n", program.printed())
    program.kill()
    local variables = host:variables_of "/etc/report/env"
    variables.MIC_PASSWORD_FILE = host:at "/etc/report/password"
    variables.HOME, variables.PATH = host:at "/var/run/report", "/usr/bin:/bin"
    local script = host:write("/try.lua", [[
      local mic = require "mic"
      local file = os.getenv "HOME" .. "/users"
      local client = mic.assert(mic.from_env {
        store = mic.store.file(),
        on_event = function() end,
      })
      mic.assert(client:login())
      mic.assert(client:refresh())
      mic.assert(client:get("/users", { save_to = file }))
      print(io.open(file):read "*a" ~= "", #client:batch { { path = "/user" }, { path = "/user" } })
      print(select(2, client:get "/users/nobody").key, tostring(client:status()) ~= "")
      print(select(2, client:post("/users", { userName = "x" })).kind, mic.pretty { 1 } ~= "")
      mic.assert(client:logout())
      print(mic.store.memory().load "k", select(2, pcall(mic.new, { api_keyy = "k" })))
      print(pcall(function() return client.users.get end))
    ]])
    local printed = host:run(host.lua .. " " .. script, variables)
    assert.is_truthy(printed:find '^true\t2\nUSER_NOT_FOUND\ttrue\nhttp\ttrue\nnil\t', printed)
    assert.is_truthy(printed:find('did you mean "api_key"?', 1, true), printed)
    assert.is_truthy(printed:find("\nfalse\t[^\n]*mic%.api%.names cannot be loaded"), printed)
    variables.MIC_BASE_URL = ""
    printed = host:run(host.lua .. " " .. host:at "/usr/lib/report/job.lua", variables)
    assert.is_truthy(printed:find "config: MIC_BASE_URL is missing", printed)
  end)
end)
