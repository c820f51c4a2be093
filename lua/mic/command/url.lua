--- `mic url`: prints the whole URL of a path.

local output = require "mic.command.output"
local failure = require "mic.command.failure"
local raw = require "mic.command.raw"
local target = require "mic.command.target"

local url = {}

--- Runs the command.
---@param _ table
---@param options table of the command line
function url.run(_, options)
  local params = raw.options { params = options.params }.params
  local client = target.client(options)
  local path = raw.path(client, options.path)
  path = failure.checked(require("mic.http.path").fill, path, params)
  output.write(target.connected(client).core:root(), path, "\n")
end

return url
