-- docs/deployment.md: its files, and the recipes for systemd and cron, as the user and with the
-- environment that these give to a program.

local api = require "spec.support.api"
local blocks = require "spec.support.blocks"
local deployed = require "spec.support.deployed"
local shell = require "spec.support.shell"
local tree = require "spec.support.tree"

local PAGE, FOLDER = deployed.page, deployed.recipes
local block_with = deployed.block_with
local quote = shell.quote

describe(PAGE, function()
  it("shows the files as they are, and names all", function()
    local text = tree.read(PAGE)
    for _, name in ipairs { "report.service", "report.timer", "report.cron", "report.init" } do
      local shown = "\n" .. tree.read(FOLDER .. name) .. "```\n"
      assert.is_truthy(text:find(shown, 1, true), name)
    end
    local kubernetes, count = tree.read(FOLDER .. "kubernetes.yaml"), 0
    for _, block in ipairs(blocks.of(PAGE, "yaml")) do
      count = count + 1
      assert.is_truthy(kubernetes:find(block.text, 1, true), block.name)
    end
    assert.equal(2, count)
    for _, path in ipairs(tree.files(FOLDER:sub(1, -2), ".")) do
      assert.is_truthy(text:find("(../" .. path .. ")", 1, true), path)
    end
  end)

  it("puts no secret into a command line, a unit or an image", function()
    local variables = block_with("MIC_BASE_URL="):gsub("%p", "%%%0")
    local texts = { [PAGE] = tree.read(PAGE):gsub(variables, "") }
    for _, path in ipairs(tree.files(FOLDER:sub(1, -2), ".")) do
      texts[path] = tree.read(path)
    end
    for path, text in pairs(texts) do
      for _, name in ipairs { "MIC_PASSWORD", "MIC_API_KEY", "MIC_CLIENT_SECRET" } do
        assert.is_nil(text:find(name .. "[=:]"), path)
        assert.is_nil(text:find("name: " .. name .. "%f[^%w_]"), path)
      end
    end
  end)

  it("installs the files of the service for their reader alone", function()
    local host = deployed.new(api.start())
    local folder, programs = host:at "/etc/report", host:at "/usr/local/lib/report"
    shell.check(("rm -r %s %s"):format(folder, programs))
    shell.check("umask 022; " .. host:localised(block_with "install -d /etc/report"))
    assert.equal("600\n600\n644\n644\n", shell.check(([[
      stat -c %%a %s/env %s/password %s/job.lua %s/poller.lua
    ]]):format(folder, folder, programs, programs)))
  end)

  it("quotes messages that exist", function()
    local section, sources = tree.read(PAGE), ""
    for _, path in ipairs(tree.files("lua", "%.lua$")) do
      sources = sources .. tree.read(path)
    end
    for _, path in ipairs(tree.files("src", "%.c$")) do
      sources = sources .. tree.read(path)
    end
    for _, words in ipairs { "cannot be read: ", "MIC_BASE_URL is missing",
      "the host name could not be resolved", "not valid yet" } do
      assert.is_truthy(section:find(words, 1, true), words)
      assert.is_truthy(sources:find(words, 1, true), words)
    end
  end)
end)

describe("under systemd", function()
  local box = api.around()
  local host, text

  before_each(function()
    host, text = deployed.new(box), tree.read(FOLDER .. "report.service")
  end)

  --- What `systemd-analyze verify` says of units; nothing where it is not installed.
  local function verify(units)
    if not deployed.has "systemd-analyze" then
      return ""
    end
    local command = "SYSTEMD_LOG_LEVEL=warning systemd-analyze verify --man=no"
    for name, unit in pairs(units) do
      command = command .. " " .. host:write("/etc/systemd/system/" .. name, host:localised(unit))
    end
    return (shell.run(command .. " 2>&1"))
  end

  it("its units have no mistake", function()
    local timer = tree.read(FOLDER .. "report.timer")
    assert.equal("", verify { ["report.service"] = text, ["report.timer"] = timer })
    local wrong = text:gsub("DynamicUser", "DinamicUser")
    local found = verify({ ["report.service"] = wrong }):find "DinamicUser" ~= nil
    assert.equal(deployed.has "systemd-analyze", found)
  end)

  it("the job runs with what it gives, and has a saved login the next time", function()
    local command, variables = host:service(deployed.unit(text), "report.service")
    for name, value in pairs(variables) do
      assert.is_nil(value:find(box.password, 1, true), name)
    end
    for _, expected in ipairs { "demo\tlogged in\n", "demo\twith a saved login\n" } do
      local printed, status = host:run(command, variables)
      assert.equal(expected, printed)
      assert.equal(0, status)
    end
    assert.equal("700 600 600", host:modes "/var/lib/report")
  end)

  it("the poller runs with the lines of the page, until SIGTERM", function()
    local changes = block_with "[Service]\nType=exec"
    local service, install = changes:match "^%[Service%]\n(.-\n)\n(%[Install%]\n.*)$"
    for line, name in service:gmatch "((%a+)=[^\n]*)\n" do
      local count
      text, count = text:gsub("\n" .. name .. "=[^\n]*", "\n" .. line)
      text = count == 0 and text .. line .. "\n" or text
    end
    text = text .. install
    assert.equal("", verify { ["report.service"] = text })
    local command, variables = host:service(deployed.unit(text), "report.service")
    local program = host:start("exec " .. host:words(command, variables))
    assert.is_true(program.prints "demo\ndemo\n", program.printed())
    program.signal "TERM"
    assert.is_true(program.ends())
    assert.equal(1, box:counters().login)
  end)
end)

describe("under cron", function()
  local box = api.around()

  --- The variables and the command of a file in /etc/cron.d.
  local function read(text)
    local variables, command = {}, nil
    for line in text:gmatch "[^\n]+" do
      local name, value = line:match "^([%w_]+)=(.*)$"
      if name then
        variables[name] = value
      elseif not line:find "^#" then
        local minute, user
        minute, user, command = line:match "^(%S+) %S+ %S+ %S+ %S+%s+(%S+)%s+(.+)$"
        assert.same({ "*/5", "report" }, { minute, user })
      end
    end
    return variables, command
  end

  it("the job runs as its user, and has a saved login the next time", function()
    local host = deployed.new(box)
    host:own("/etc/report/env /etc/report/password", "0:" .. deployed.user)
    shell.check(host:localised(block_with("useradd"):match "\n(chmod 640 [^\n]+)"))
    host:make("/var/lib/report", "755")
    local variables, command = read(host:localised(tree.read(FOLDER .. "report.cron")))
    variables.HOME, variables.LOGNAME = host:at "/var/lib/report", "report"
    variables.PATH, variables.MAILTO = "/usr/bin:/bin", nil
    local function run(line)
      return host:run(variables.SHELL .. " -c " .. quote(line), variables)
    end
    assert.equal("", (run(command)))
    assert.equal(1, box:counters().login)
    assert.equal("demo\twith a saved login\n", (run((command:gsub(" >/dev/null$", "")))))
    assert.equal("700 600 600", host:modes "/var/lib/report/.local/state")
    host:write("/etc/report/env", "MIC_BASE_URL=\n")
    local printed, status = run(command)
    assert.equal(1, status)
    assert.is_truthy(printed:find "MIC_BASE_URL is missing", printed)
  end)
end)
