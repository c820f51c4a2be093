-- Every command that the pages about the command show is run in a sandbox, or is at least one that
-- the command line takes.

local api = require "spec.support.api"
local blocks = require "spec.support.blocks"
local command = require "spec.support.command"
local shell = require "spec.support.shell"

--- What a page names that is not there.
local ELSEWHERE = { "%-%-stack", "https://", "%$URL", "%-%-profile shop" }

local function is_elsewhere(line)
  for _, pattern in ipairs(ELSEWHERE) do
    if line:find(pattern) then
      return true
    end
  end
end

--- The lines of a page, with those that a backslash continues.
local function lines_of(page)
  local lines = {}
  for _, language in ipairs { "sh", "console" } do
    for _, block in ipairs(blocks.of(page, language)) do
      local text = block.text:gsub("\\\n%s*", " ")
      for shown in text:gmatch "[^\n]+" do
        local line = language == "sh" and shown or shown:match "^%$ (.*)$"
        if line and line:find "%f[%w]mic%f[^%w]" then
          lines[#lines + 1] = line
        end
      end
    end
  end
  return lines
end

local arguments = require "mic.command.arguments"

--- The examples of the help and of the man page.
local function examples()
  local list = {}
  for _, each in ipairs(arguments.commands) do
    for _, line in ipairs(each.examples or {}) do
      list[#list + 1] = line
    end
  end
  for _, line in ipairs(arguments.examples) do
    list[#list + 1] = line
  end
  return list
end

local function check_lines(sandbox, lines)
  for _, line in ipairs(lines) do
    it("shows what works: " .. line, function()
      local mic = command.new(sandbox)
      local folder = mic.folder
      folder:write("query.json", '{"query":{"query":{"term":{"thingName":"00001570"}}}}')
      folder:write("my.lua", 'local mic = require "mic"; print(mic.assert(mic.get "/user").status)')
      folder:write("mic", ("#!/bin/sh\nexec %s \"$@\"\n"):format(mic.words))
      shell.check("chmod +x " .. folder:at "mic")
      for _, name in ipairs { "lua", "lua5.4" } do -- whichever the page names, it is this one
        shell.check(('ln -s "$(command -v %s)" %s'):format(shell.lua, folder:at(name)))
      end
      mic.variables.CURL_CA_BUNDLE = sandbox.ca_file
      if line:find "mic download" then
        mic:run "upload query.json notes/query.json"
        mic:run "upload query.json logo.png"
      end
      local bash = "cd %s && export PATH=%s:\"$PATH\" && %s bash -c %s 2>&1"
      local text, code = shell.run(bash:format(folder.path, folder.path, mic:env(),
        shell.quote(line)))
      if is_elsewhere(line) then -- no words that it does not know
        assert.is_truthy(code ~= 2 or text:find "without a terminal" or text:find "empty"
          or text:find "no profile" or text:find "needs a value", text)
      elseif not line:find "fish" then
        assert.is_true(code == 0 or line:find "nobody" ~= nil, text)
      end
    end)
  end
end

describe("docs/command.md", function()
  check_lines(api.around(), lines_of "docs/command.md")

  it("has commands", function()
    assert.is_true(#lines_of "docs/command.md" > 10)
  end)
end)

describe("README.md", function()
  local lines = {}
  for _, line in ipairs(lines_of "README.md") do
    lines[#lines + 1] = line:match "^mic .*"
  end
  check_lines(api.around(), lines)
end)

describe("the help", function()
  check_lines(api.around(), examples())
end)
