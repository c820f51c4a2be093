-- Every command that the pages about the command show is run in a sandbox, or is at least one that
-- the command line takes.

local api = require "spec.support.api"
local blocks = require "spec.support.blocks"
local command = require "spec.support.command"
local parser = require "mic.command.parser"
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
      for line in text:gmatch "[^\n]+" do
        line = language == "sh" and line or line:match "^%$ (.*)$"
        if line and line:find "%f[%w]mic%f[^%w]" then
          lines[#lines + 1] = line
        end
      end
    end
  end
  return lines
end

describe("docs/command.md", function()
  local sandbox = api.around()

  for _, line in ipairs(lines_of "docs/command.md") do
    it("shows what works: " .. line, function()
      local mic = command.new(sandbox)
      local folder = mic.folder
      folder:write("query.json", '{"query":{"query":{"term":{"thingName":"00001570"}}}}')
      folder:write("mic", ("#!/bin/sh\nexec %s \"$@\"\n"):format(mic.words))
      shell.check("chmod +x " .. folder:at "mic")
      if line:find "mic download" then
        mic:run "upload query.json notes/query.json"
      end
      local bash = "cd %s && export PATH=%s:\"$PATH\" && %s bash -c %s 2>&1"
      local text, code = shell.run(bash:format(folder.path, folder.path, mic:env(),
        shell.quote(line)))
      if is_elsewhere(line) then -- no words that it does not know
        assert.is_truthy(code ~= 2 or text:find "no terminal" or text:find "empty"
          or text:find "no profile", text)
      else
        assert.is_true(code == 0 or line:find "nobody" ~= nil, text)
      end
    end)
  end

  it("has commands", function()
    assert.is_true(#lines_of "docs/command.md" > 10)
    assert.is_function(parser.parse)
  end)
end)
