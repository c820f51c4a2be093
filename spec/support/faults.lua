--- Starts sandbox/faults, the server that misbehaves as it is told.

local faults = {}

local function quote(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

local function run(command)
  local ok = os.execute(command)
  assert(ok == true or ok == 0, command)
end

local function root()
  return (os.getenv "MIC_BUILD" or "build/lua5.4"):gsub("/[^/]*$", "")
end

--- Builds the server once for a run of the specs; several may run at the same time.
local function build()
  local program = root() .. "/faults"
  local make = "[ PROGRAM -nt sandbox/faults.c ] || { cc -std=c11 -D_GNU_SOURCE -O1 "
    .. "-o PROGRAM.$$ sandbox/faults.c && mv PROGRAM.$$ PROGRAM; }"
  run((make:gsub("PROGRAM", program)))
  return program
end

local function wait_for_port(file)
  for _ = 1, 500 do
    local handle = io.open(file, "r")
    local line = handle and handle:read "*l"
    if handle then
      handle:close()
    end
    local port = line and line:match "^PORT=(%d+)$"
    if port then
      return port
    end
    require("mic.core").sleep(0.01)
  end
  error "faults did not start"
end

--- Starts it; each connection plays one script, the last one serves all further ones.
---@param ... string scripts, see sandbox/faults.c
---@return table server url, `requests()` (the request lines so far), `header_names()` (of all of
--- them, in lower case), `stop()`
function faults.start(...)
  local words = { build() }
  for _, script in ipairs { ... } do
    words[#words + 1] = quote(script)
  end
  local file = os.tmpname()
  local input = assert(io.popen(table.concat(words, " ") .. " > " .. file, "w"))
  local server = { url = "http://127.0.0.1:" .. wait_for_port(file) .. "/prod" }

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

  function server.stop()
    input:close()
    os.remove(file)
  end

  return server
end

--- A script that sends a second answer behind the first.
faults.TWICE = "read\n"
  .. 'send HTTP/1.1 200 OK\\r\\nContent-Length: 14\\r\\n\\r\\n{"first":true}\n'
  .. 'wait 5\n'
  .. 'send HTTP/1.1 200 OK\\r\\nContent-Length: 14\\r\\n\\r\\n{"stale":true}\nhold'

return faults
