--- The API that a command talks to: options, a profile of the configuration file, or variables. A
--- profile is taken whole or not at all.

local errors = require "mic.error"
local failure = require "mic.command.failure"
local output = require "mic.command.output"

local target = {}

local function read(name)
  local value = os.getenv(name)
  return value ~= "" and value or nil
end

--- Raises if an option names another API than the variables do, whose key must not go there.
local function check_other(option, variable, given)
  local set = read(variable)
  if set and set ~= given then
    failure.raise("config",
      ("%s and %s name different APIs; the other variables are for the latter")
      :format(option, variable), { hint = "unset " .. variable .. ", or use --profile" })
  end
end

local function check_options(options)
  if options.url and options.stack then
    failure.usage "use only one of --url and --stack"
  elseif options.profile and (options.url or options.stack) then
    failure.usage("use only one of --profile and %s", options.url and "--url" or "--stack")
  end
end

--- Finds what names the API. Raises for wrong use and configuration.
---@param options table of the command line
---@return table found `kind` ("option", "profile", "environment" or "none"), `source` (text for
--- status), and for a profile `name`, `profile`, `config`
function target.find(options)
  check_options(options)
  if options.url or options.stack then
    check_other("--url", "MIC_STACK", options.url and "" or options.stack)
    check_other(options.url and "--url" or "--stack", "MIC_BASE_URL", options.url or "")
    return { kind = "option", source = options.url and "--url" or "--stack" }
  end
  local variable = read "MIC_BASE_URL" and "MIC_BASE_URL" or read "MIC_STACK" and "MIC_STACK"
  if variable and not options.profile then
    if read "MIC_PROFILE" then
      output.note(("mic: %s is set, so MIC_PROFILE is not used"):format(variable))
    end
    return { kind = "environment", source = variable }
  end
  local config = require "mic.command.config"
  local made = failure.need(config.read(options.config))
  local found = { kind = "profile", config = made }
  if options.profile then
    found.name = options.profile
    found.profile = failure.need(config.profile(made, options.profile, "--profile"))
  else
    local err
    found.name, found.profile, err = config.choose(made)
    failure.need(not err, err)
  end
  if not found.profile then
    return { kind = "none", config = made }
  end
  found.source = "profile " .. found.name
  return found
end

--- Returns the file store of the command.
---@return table store
---@return string path
function target.store()
  local path = read "MIC_CREDENTIALS"
  return require "mic.store.file"(path and { path = path } or nil), path
end

--- Keeps a failure of the store for a note: a call that succeeds without it logs in each time.
local function note_store(event)
  if event.type == "store" and event.err then
    output.last_note = "mic: " .. event.err
  end
end

--- Adds the options of `mic.new` that the command line gives, and the store.
---@param given table options of `mic.new`
---@param options table of the command line
---@return table given
function target.add_options(given, options)
  given.store = target.store()
  if options.ca_file then
    given.tls = given.tls or {}
    given.tls.ca_file, given.tls.ca_path = options.ca_file, nil
  end
  if options.verbose and options.verbose > 0 then
    given.debug = options.verbose > 1 and "headers" or 1
  else
    given.on_event = note_store
  end
  return given
end

local function from_profile(found, options)
  local config = require "mic.command.config"
  local given = failure.need(config.options(found.profile))
  local ok, made = pcall(require("mic.client").new, target.add_options(given, options))
  if ok then
    return made
  end
  errors.pass_memory(made)
  failure.raise("config", ("%s, profile %s: %s"):format(config.shown(found.config.path), found.name,
    (tostring(made):gsub("^[^\n]-:%d+: ", "", 1))))
end

local NOTHING = "no API is configured: no profile, MIC_BASE_URL or MIC_STACK is set"

--- Raises because nothing names an API.
local function refuse(made)
  local names = {}
  for name in pairs(made.profiles) do
    names[#names + 1] = name
  end
  if #names == 0 then
    failure.raise("config", NOTHING, { hint = "run: mic login --stack HOST" })
  end
  table.sort(names)
  failure.raise("config", "no profile is the default; there is " .. table.concat(names, ", "),
    { hint = ("use --profile, or run: mic profile use %s"):format(names[1]) })
end

--- Makes the client.
---@param options table of the command line
---@return table client
---@return table found of `find`
function target.client(options)
  local found = target.find(options)
  if found.kind == "profile" then
    return from_profile(found, options), found
  elseif found.kind == "none" then
    refuse(found.config)
  end
  local given = target.add_options({ base_url = options.url, stack = options.stack }, options)
  local client, err = failure.checked(require("mic.environment").client, given)
  return failure.need(client, err), found
end

--- Returns the state of a client that knows its base URL: a stack is looked up.
---@param client table
---@return table inside
function target.connected(client)
  local inside = require("mic.client").inside_of(client)
  return failure.need(require("mic.client_state").connect(inside))
end

return target
