--- Starts spec/c/relay, a path to a server that forgets its connections when it is told to.

local core = require "mic.core"
local sandbox = require "spec.support.sandbox"

local relay = {}

local START_SECONDS = 5

local function build()
  local program = (os.getenv "MIC_BUILD" or "build/lua5.4"):gsub("/[^/]*$", "") .. "/relay"
  local make = "[ PROGRAM -nt spec/c/relay.c ] || { cc -std=c11 -D_GNU_SOURCE -O1 "
    .. "-o PROGRAM.$$ spec/c/relay.c && mv PROGRAM.$$ PROGRAM; }"
  local output, status = sandbox.run((make:gsub("PROGRAM", program)))
  assert(status == 0, output)
  return program
end

--- Starts one; it ends with this process at the latest.
---@param url string of the server: its port counts
---@return table relay url (that of the server, by way of the relay), `drop()` (the connections that
--- there are swallow everything from now on), `reset()` (those are reset), `opened()`, `closed(n)`
--- (whether the client has closed connection n), `stop()`
function relay.start(url)
  local file = os.tmpname()
  local before, port, after = url:match "^(%a+://[^/:]+:)(%d+)(.*)$"
  local input = assert(io.popen(("exec %s %s >%s"):format(build(), port, file), "w"))

  local function count(pattern)
    local found = 0
    for line in io.lines(file) do
      found = found + (line:match(pattern) and 1 or 0)
    end
    return found
  end

  local function wait_for(pattern, wanted)
    local ends = core.now() + START_SECONDS
    while count(pattern) < wanted do
      assert(core.now() < ends, "the relay does not answer")
      core.sleep(0.002)
    end
  end

  local commands = 0
  local function command(character)
    commands = commands + 1
    input:write(character)
    input:flush()
    wait_for("^done$", commands)
  end

  wait_for("^PORT=%d+$", 1)
  local handle = assert(io.open(file))
  local own = handle:read("*l"):match "%d+"
  handle:close()

  return {
    url = before .. own .. after,
    drop = function()
      command "d"
    end,
    reset = function()
      command "r"
    end,
    opened = function()
      return count "^opened"
    end,
    closed = function(number)
      return count(("^closed %d$"):format(number)) == 1
    end,
    stop = function()
      input:close()
      os.remove(file)
    end,
  }
end

return relay
