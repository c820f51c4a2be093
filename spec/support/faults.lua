--- Starts sandbox/faults, a server that misbehaves as its script says.

local cleanup = require "spec.support.cleanup"
local clock = require "spec.support.clock"
local native = require "spec.support.native"
local scratch = require "spec.support.scratch"
local shell = require "spec.support.shell"

local faults = {}

local function read_port(file)
  local handle = assert(io.open(file, "r"))
  local line = handle:read "*l"
  handle:close()
  return line and line:match "^PORT=(%d+)$"
end

--- Starts it; each connection plays one script, further connections the last one. It ends with the
--- test or the block.
---@param ... string scripts, see sandbox/faults.c
---@return table server url, `requests()` (the request lines so far), `header_names()` (of all of
--- them, in lower case), `await_said(count)` (waits until scripts have said something this often),
--- `output` (the file that it prints to), `stop()`
function faults.start(...)
  local words = { native.program "sandbox/faults.c" }
  for _, script in ipairs { ... } do
    words[#words + 1] = shell.quote(script)
  end
  local file = os.tmpname()
  local input = assert(io.popen(table.concat(words, " ") .. " > " .. file, "w"))
  assert(clock.eventually(function()
    return read_port(file)
  end), "faults did not start")
  local server = { url = "http://127.0.0.1:" .. read_port(file) .. "/prod", output = file }

  local function lines(pattern)
    local found = {}
    for line in io.lines(file) do
      found[#found + 1] = line:match(pattern)
    end
    return found
  end

  function server.requests()
    return lines "^%u+ .*"
  end

  function server.header_names()
    return table.concat(lines "^  (.*)", " "):lower()
  end

  function server.await_said(count)
    assert(clock.eventually(function()
      return #lines "^said .*" >= count
    end), "the script does not come to that line")
  end

  server.stop = cleanup.call(function()
    input:close()
    os.remove(file)
  end)

  return server
end

--- A script that sends a second answer behind the first, and says so.
faults.TWICE = "read\n"
  .. 'send HTTP/1.1 200 OK\\r\\nContent-Length: 14\\r\\n\\r\\n{"first":true}\n'
  .. 'wait 5\n'
  .. 'send HTTP/1.1 200 OK\\r\\nContent-Length: 14\\r\\n\\r\\n{"stale":true}\nsay sent\nhold'

--- Starts a server that answers nothing until a file exists.
---@return table server as of `start`; `file`: its path
function faults.gate()
  local file = scratch.folder():at "open"
  local server = faults.start(("read\nawait %s\n"):format(file)
    .. "send HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\n{}")
  server.file = file
  return server
end

return faults
