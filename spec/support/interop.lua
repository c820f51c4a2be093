--- One of the servers of tools/interop (JavaScript), for the specs of `make interop`.

local cjson = require "cjson.safe"
local curl = require "spec.support.curl"
local server_process = require "spec.support.server_process"
local shell = require "spec.support.shell"

local quote = shell.quote

local interop = {}
local interop_methods = {}
local interop_mt = { __index = interop_methods }

local function first_line(process)
  return process:printed():match "(%b{})\n"
end

--- How often the server has done what (see its file).
---@return table<string, integer>
function interop_methods:counters()
  return assert(curl.request { url = self.base_url .. "/counters" }).data
end

--- Starts a server.
---@param name string its file in tools/interop, without ".mjs"
---@param options? table<string, integer> lives in seconds: token_life, refresh_token_life
---@return table server its facts (base_url, username, password, …: see its file), `stop()`, the
---  methods above
function interop.start(name, options)
  local installed = io.open "build/interop/installed"
  assert(installed, "build/interop is missing: make interop"):close()
  local file = shell.folder() .. "/tools/interop/" .. name .. ".mjs"
  local process = server_process.start {
    command = function()
      return ("exec node %s %s"):format(quote(file), quote(cjson.encode(options or { _ = "" })))
    end,
    ready = first_line,
  }
  local self = assert(cjson.decode(first_line(process)))
  self.process, self.stop = process, process.stop
  return setmetatable(self, interop_mt)
end

return interop
