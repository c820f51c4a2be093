-- A server that resets a connection which waits for its next use: closing that writes to it, and
-- the program goes on, although it does not ignore SIGPIPE as many test runners do.

local api = require "spec.support.api"
local scratch = require "spec.support.scratch"
local shell = require "spec.support.shell"

--- The second call is left in the server's socket, unread, so that its death resets the connection.
local PROGRAM = [[
local mic = require "mic"
local client = mic.assert(mic.from_env { retry = false })
local function look(options)
  local response, err = client:get("/user", options)
  print(response and "answered" or err.kind)
end
look()
local server = arg[1]
os.execute("kill -STOP " .. server)
look { timeout = 0.3 }
os.execute("kill -9 " .. server .. "; sleep 0.1")
look()
client:close()
]]

describe("a connection that was reset", function()
  it("does not end the program by SIGPIPE", function()
    local box = api.start()
    local folder = scratch.folder()
    local port = box.base_url:match ":(%d+)"
    local server = shell.check("ss -ltnpH 'sport = :" .. port .. "'"):match "pid=(%d+)"
    local printed = shell.check(("MIC_BASE_URL=%s MIC_API_KEY=%s MIC_USERNAME=%s MIC_PASSWORD=%s "
      .. "MIC_CA_FILE=%s env --default-signal=PIPE %s %s %s; echo $?"):format(box.base_url,
      box.api_key, box.username, box.password, box.ca_file, shell.lua,
      folder:write("program.lua", PROGRAM), server))
    assert.are.equal("answered\ntimeout\nnetwork\n0\n", printed)
  end)
end)
