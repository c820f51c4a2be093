--- Starts spec/c/relay, a TCP relay whose connections can be made silent or reset.

local cleanup = require "spec.support.cleanup"
local clock = require "spec.support.clock"
local native = require "spec.support.native"

local relay = {}

--- Starts one; it ends with the test or the block.
---@param url string of the server: its port counts
---@return table relay url (that of the server, by way of the relay), `drop()` (the present
--- connections discard everything from now on), `reset()` (they are reset), `opened()`, `closed(n)`
--- (whether the client has closed connection n), `stop()`
function relay.start(url)
  local file = os.tmpname()
  local before, port, after = url:match "^(%a+://[^/:]+:)(%d+)(.*)$"
  local program = native.program "spec/c/relay.c"
  local input = assert(io.popen(("exec %s %s >%s"):format(program, port, file), "w"))

  local function count(pattern)
    local found = 0
    for line in io.lines(file) do
      found = found + (line:match(pattern) and 1 or 0)
    end
    return found
  end

  local function wait_for(pattern, wanted)
    assert(clock.eventually(function()
      return count(pattern) >= wanted
    end), "the relay does not answer")
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
    stop = cleanup.call(function()
      input:close()
      os.remove(file)
    end),
  }
end

return relay
