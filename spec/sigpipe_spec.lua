-- A server that goes away while this side is writing: the program goes on, although it does not
-- ignore SIGPIPE as many test runners do.

local scratch = require "spec.support.scratch"
local tls_server = require "spec.support.tls_server"

--- Sends 64 MB to a server that is killed after the first of it, then asks once more.
local PROGRAM = [[
local mic = require "mic"
local folder, url, pid = ...
local client = mic.new { base_url = url, api_key = "k", retry = false,
  tls = { ca_file = folder .. "/ca.pem" } }
local killed = false
local _, err = client:put("/", nil, { auth = false, body_file = folder .. "/large",
  progress = function(sent)
    if sent > 0 and not killed then
      killed = true
      os.execute("kill -9 " .. pid)
    end
  end })
local _, again = client:get("/", { auth = false })
client:close()
print(killed, err.kind, again.kind)
]]

describe("a connection that breaks while something is sent", function()
  it("does not end the program by SIGPIPE", function()
    local folder = scratch.folder()
    finally(function()
      folder:remove()
    end)
    tls_server.certificates(folder)
    folder:write("program.lua", PROGRAM)
    scratch.run("truncate -s 64M " .. folder:at "large")
    local server = tls_server.start(folder, "good")
    local lua = os.getenv "LUA" or (rawget(_G, "jit") and "luajit" or "lua5.4")
    local words = { lua, folder:at "program.lua", folder.path, server.url, server.pid }
    local command = "env --default-signal=PIPE " .. table.concat(words, " ") .. "; echo $?"
    local printed = scratch.run(command)
    server.stop()
    assert.are.equal("true\tnetwork\tnetwork\n0\n", printed)
  end)
end)
