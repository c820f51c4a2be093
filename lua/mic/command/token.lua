--- `mic token`: the token, or the headers of a call, for another program.

local failure = require "mic.command.failure"
local output = require "mic.command.output"
local target = require "mic.command.target"

local token = {}

local function write_headers(client, headers)
  local names = require("mic.client").inside_of(client).profile.header_names
  for _, name in ipairs(names) do
    if headers[name] then
      output.write(name, ": ", headers[name], "\n")
    end
  end
end

--- Runs the command.
---@param _ table
---@param options table of the command line
function token.run(_, options)
  local client = target.client(options)
  local headers = failure.need(client:auth_headers()) -- renewed first, if that is due
  local is_hidden = output.is_terminal() and not options.show
  local found = client:credentials()
  local text = found and found.token
  if is_hidden then
    output.write(("*** (%d bytes; use a pipe or --show to print it)\n"):format(#(text or "")))
  elseif options.headers then
    write_headers(client, headers)
  elseif text then
    output.write(text, "\n")
  else
    failure.raise("config", "this API has no token; use --headers to print the headers of a call")
  end
end

return token
