--- `mic profile`: lists, chooses and removes profiles of the configuration file.

local config = require "mic.command.config"
local failure = require "mic.command.failure"
local output = require "mic.command.output"

local profile = {}

local function names_of(made)
  local names = {}
  for name in pairs(made.profiles) do
    names[#names + 1] = name
  end
  table.sort(names)
  return names
end

local actions = {}

function actions.list(made)
  local chosen = config.choose(made)
  for _, name in ipairs(names_of(made)) do
    local values = made.profiles[name].values
    output.line(table.concat({ name == chosen and "*" or " ", name,
      values.base_url or values.stack or "-", values.username or "-", values.row or "mic" },
      "\t"))
  end
end

function actions.use(made, name)
  failure.need(config.profile(made, name, "mic profile use"))
  failure.need(require("mic.command.config_changes").use(made, name))
  output.note(('Profile "%s" is now the default.'):format(name))
end

--- The credentials go too: without the profile nothing would find them.
function actions.remove(made, name, options)
  failure.need(config.profile(made, name, "mic profile remove"))
  local ok, problem = pcall(require("mic.command.logout").run, nil, { profile = name,
    config = options.config })
  if not ok and not failure.is(problem) then
    error(problem, 0)
  elseif not ok then
    output.note("mic: the credentials were not removed: " .. failure.line(problem))
  end
  failure.need(require("mic.command.config_changes").remove(made, name))
  output.note(('Profile "%s" removed.'):format(name))
end

--- Runs the command.
---@param _ table
---@param options table of the command line
function profile.run(_, options)
  local action = actions[options.action or "list"]
  if not action then
    failure.usage("mic profile takes list, use or remove (got '%s')", options.action)
  elseif options.name and action == actions.list then
    failure.usage("mic profile list: unexpected argument '%s'", options.name)
  elseif not options.name and action ~= actions.list then
    failure.usage("mic profile %s needs NAME", options.action)
  end
  action(failure.need(config.read(options.config)), options.name, options)
end

return profile
