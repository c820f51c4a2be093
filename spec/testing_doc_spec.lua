-- docs/testing.md: its files make a project, whose specs pass in the sandbox; its commands work.
-- What needs an nginx is in spec/nginx_testing_doc_spec.lua.

local blocks = require "spec.support.blocks"
local project = require "spec.support.project"
local shell = require "spec.support.shell"

local PAGE = "docs/testing.md"

--- The commands of the page: shell blocks that are no file.
local function commands()
  local found = {}
  for _, block in ipairs(blocks.of(PAGE, "sh")) do
    if not project.file_of(block) then
      found[#found + 1] = block
    end
  end
  return found
end

describe(PAGE, function()
  local user = project.of(PAGE)

  it("names each file once, and each of its Lua and nginx blocks is one", function()
    local seen = {}
    for _, block in ipairs(blocks.read(PAGE)) do
      local name = project.file_of(block)
      assert.is_truthy(name or block.language == "sh", block.name)
      assert.is_nil(name and seen[name], name)
      seen[name or ""] = name
    end
    assert.is_truthy(seen["spec/faults_spec.lua"] and seen["gateway_test.sh"] and seen["ci.sh"])
  end)

  for _, block in ipairs(commands()) do
    local text = block.text
    if text:find "^apt%-get" then
      it(block.name .. " installs packages that exist", function()
        assert.is_nil(blocks.problem_with(block.lines[1]))
      end)
    elseif not text:find "gateway_test" then
      it(block.name .. " works: " .. block.lines[1], function()
        local printed, status = user:run((text:gsub("lua5%.4", shell.lua)))
        assert.equal(0, status, printed)
        if text:find "busted" then
          local passed = printed:match "(%d+) successes / 0 failures / 0 errors"
          assert.is_true((tonumber(passed) or 0) > 15, printed)
        else
          local expected = text:find "eval" and "sandbox: runs until Ctrl-C, or: curl -X POST "
            .. "$MIC_SANDBOX_CONTROL/stop\nanna, demo\n{}" or block.output or "anna, demo\n"
          assert.equal(expected, printed)
        end
      end)
    end
  end

  it("has specs that fail when the script is wrong", function()
    user.folder:write("project/report.lua", "return { users = function() return { 'anna' } end }")
    local printed, status = user:run "mic sandbox -- busted spec/report_spec.lua"
    assert.not_equal(0, status)
    assert.is_truthy(printed:find("0 successes / 3 failures", 1, true), printed)
  end)

  it("says how to run a spec that was run without the sandbox", function()
    local printed = user:run "busted spec/sent_spec.lua"
    assert.is_truthy(printed:find("run the specs by: mic sandbox -- busted", 1, true), printed)
  end)

  it("has a CI script of commands that work", function()
    local script
    for _, block in ipairs(blocks.of(PAGE, "sh")) do
      script = project.file_of(block) == "ci.sh" and block.text or script
    end
    script = script:gsub("\\\n%s*", "")
    local packages = script:match "apt%-get install %-y %-%-no%-install%-recommends ([^\n]*)"
    assert.is_nil(blocks.problem_with("apt-get install " .. packages))
    for arguments in script:gmatch "\nmake %-C lua%-mic ([^\n]*)" do
      assert.is_nil(blocks.problem_with("make " .. arguments))
    end
    for command in script:gmatch "\nmic sandbox %-%- ([^\n]*)" do
      assert.is_truthy(command:find "^busted" or command == "sh gateway_test.sh", command)
    end
    assert.equal("", shell.check("sh -n " .. user.path .. "/ci.sh"))
  end)

  it("describes all and only the modes, members of an answer and requests", function()
    local box = require("spec.support.sandbox").start()
    local function listed(heading)
      local found = {}
      local text = require("spec.support.tree").read(PAGE)
      local rows = text:match("\n| " .. heading .. " |[^\n]*\n|[-|]*\n(.-)\n\n")
      for cell in ("\n" .. rows):gmatch "\n| ([^|]*) |" do
        for name in cell:gmatch "`([^`]*)`" do
          found[#found + 1] = name
        end
      end
      table.sort(found)
      return found
    end
    local modes = {}
    for name in pairs((box:get "/mode")) do
      modes[#modes + 1] = name
    end
    table.sort(modes)
    assert.same(modes, listed "mode")
    local known = box:post("/answer", { nope = 1 }).error:match "known: ([^)]*)"
    local members = {}
    for name in known:gmatch "[%w_]+" do
      members[#members + 1] = name
    end
    table.sort(members)
    assert.same(members, listed "member of an answer")
    known = box:get("/nope").error
    for _, request in ipairs(listed "request") do
      local method, path = request:match "^(%u+) (/%l+)"
      assert.is_truthy(known:find(method .. " " .. path, 1, true), request .. ": " .. known)
      known = known:gsub(method .. " " .. path, "", 1)
    end
    assert.is_nil(known:find "%u+ /", known)
  end)

  it("has no dead link", function()
    assert.same({}, blocks.dead_links(PAGE))
  end)
end)
