--- `mic logout`: forgets credentials, in memory and in the store.

local failure = require "mic.command.failure"
local output = require "mic.command.output"
local target = require "mic.command.target"

local logout = {}

local function forget(options)
  local client, found = target.client(options)
  local name = client:status().username
  failure.need(client:logout())
  client:close()
  output.note(("Logged out%s (%s)."):format(name and " " .. name or "", found.source))
end

--- Runs the command.
---@param _ table
---@param options table of the command line
function logout.run(_, options)
  if not options.all then
    forget(options)
    return
  elseif options.profile or options.url or options.stack then
    failure.usage "--all cannot be combined with --profile, --url or --stack"
  end
  local made = failure.need(require("mic.command.config").read(options.config))
  local names = {}
  for name in pairs(made.profiles) do
    names[#names + 1] = name
  end
  table.sort(names)
  for _, name in ipairs(names) do
    forget { profile = name, config = options.config, ca_file = options.ca_file }
  end
  if os.getenv "MIC_BASE_URL" or os.getenv "MIC_STACK" then
    forget {}
  end
end

return logout
