-- docs/testing.md: the test of an nginx plugin passes, and fails when the plugin is wrong.

local nginx = require "spec.support.nginx"
local nginx_program = require "spec.support.nginx_program"
local project = require "spec.support.project"
local shell = require "spec.support.shell"

local PAGE = "docs/testing.md"
local COMMAND = "mic sandbox -- sh gateway_test.sh"

describe("the nginx plugin of " .. PAGE, function()
  nginx.build()
  --- The port, the program and its modules are those of this machine.
  local user = project.of(PAGE, "luajit", function(text)
    return (text:gsub("port=8099", "port=$TEST_PORT")
      :gsub('PATH="$PATH:/usr/sbin" nginx ', nginx_program.path .. " ")
      :gsub("load_module /usr/lib/nginx/modules/[^\n]*\n", function(line)
        return nginx_program.load == "" and ""
          or line:gsub("/usr/lib/nginx/modules", nginx_program.modules)
      end))
  end)

  local function run()
    local printed, status
    for _ = 1, 5 do
      printed, status = user:run(("export TEST_PORT=%d; %s"):format(shell.port(), COMMAND))
      if not printed:find "98: Address already in use" then
        break
      end
    end
    return printed, status
  end

  it("is tested by its script", function()
    local printed, status = run()
    assert.equal("passed\n", printed)
    assert.equal(0, status)
  end)

  it("renews a second token within a minute by a call only, and not after a reset", function()
    local good = user.folder:read "project/gateway_test.sh"
    user.folder:write("project/gateway_test.sh", (good:gsub("control /answer.*", [[
      control /expire
      expect 401 /api/user
      expect 401 /api/user
      expect 200 /name
      expect 200 /api/user
      control /reset
      expect 401 /api/user
      expect 401 /api/user
      expect 502 /name
      expect 401 /api/user
      echo "passed, too"
    ]])))
    local printed = run()
    assert.equal("passed, too\n", printed)
    user.folder:write("project/gateway_test.sh", good)
  end)

  it("is shown to be wrong by its script", function()
    local good = user.folder:read "project/gateway.conf.in"
    user.folder:write("project/gateway.conf.in", (good:gsub("log_by_lua_block[^\n]*", "")))
    local printed, status = run()
    assert.equal("/api/user: status 401 instead of 200\n", printed)
    assert.equal(1, status)
    user.folder:write("project/my_mic.lua", "return require('mic').new { baseurl = 'x' }")
    printed, status = run()
    assert.is_truthy(printed:find('did you mean "base_url"', 1, true), printed)
    assert.not_equal(0, status)
  end)

  it("leaves no process", function()
    local left = shell.run("pgrep -f '[n]ginx.*" .. user.folder.path .. "/home'")
    assert.equal("", left)
    assert.equal("", (shell.run("ls " .. user.folder:at "home")))
  end)
end)
