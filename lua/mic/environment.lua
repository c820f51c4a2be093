--- Makes a client from environment variables.

local auto = require "mic.transport.auto"
local client = require "mic.client"
local errors = require "mic.error"
local file_store = require "mic.store.file"
local password_file = require "mic.password_file"
local pcall_compat = require "mic.pcall_compat"

local environment = {}

--- Options by variable. `tls.ca_file` and `values.scope` are fields of an option, the store's value
--- is the path of a file store, and `password_file` is not an option.
local variables = {
  MIC_BASE_URL = "base_url",
  MIC_STACK = "stack",
  MIC_API_KEY = "api_key",
  MIC_USERNAME = "username",
  MIC_PASSWORD = "password",
  MIC_PASSWORD_FILE = "password_file",
  MIC_CA_FILE = "tls.ca_file",
  MIC_CREDENTIALS = "store",
  MIC_API = "profile",
  MIC_AUTH_URL = "auth_url",
  MIC_CLIENT_ID = "client_id",
  MIC_CLIENT_SECRET = "client_secret",
  MIC_SCOPE = "values.scope",
  MIC_MANIFEST_URL = "manifest_url",
}

local function read(name)
  local value = os.getenv(name)
  return value ~= "" and value or nil
end

local function read_all()
  local given = {}
  for variable, option in pairs(variables) do
    given[option] = read(variable)
  end
  local ca_file = given["tls.ca_file"]
  given["tls.ca_file"] = nil
  given.tls = ca_file and { ca_file = ca_file }
  local scope = given["values.scope"]
  given["values.scope"] = nil
  given.values = scope and { scope = scope }
  given.store = given.store and file_store { path = given.store }
  return given
end

local function config_error(message, hint)
  return errors.new("config", message, { hint = hint })
end

local MISSING = auto.is_in_nginx()
    and "set it when nginx starts; workers see it only if init_by_lua_block makes the client"
  or "set it, or make a client with mic.login or mic.new"
local NO_API = "set it, or MIC_API for another API than MIC"

--- Returns the options of the profile in the command's configuration file, with the store that the
--- command uses. Variables are not mixed in.
---@return table|nil given nil if there is none
---@return table|nil err
local function from_profile()
  if auto.is_in_nginx() then
    return nil
  end
  local config, _, code, message = pcall_compat.load "mic.command.config"
  if not config and (code or not message:find(" not found:", 1, true)) then
    error(message, 0)
  elseif not config then
    return nil -- installed without the command
  end
  local made, problem = config.read()
  local name, profile, given
  if made then
    name, profile, problem = config.choose(made)
  end
  if not profile then
    return nil, problem
  end
  given, problem = config.options(profile)
  if given then
    local path = read "MIC_CREDENTIALS"
    given.store = file_store(path and { path = path } or nil)
  end
  return given, problem, ("%s, profile %s: "):format(config.shown(made.path), name)
end

--- Makes the client of a profile; nil if there is none.
local function profile_client(options)
  local given, problem, where = from_profile()
  if not given then
    return nil, problem
  end
  for name, value in pairs(options) do
    given[name] = value
  end
  local ok, made = pcall(client.new, given)
  if ok then
    return made
  end
  errors.pass_memory(made)
  return nil, config_error(where .. tostring(made):gsub("^.-:%d+: ", ""))
end

--- Returns the error of an option that the profile needs, if that is what a raised error says and
--- a variable can set it.
local function missing_error(text, given)
  local missing = text:match '^option "([%w_]+)" is required'
    or text:match ": {([%w_]+)} has no value"
    or text:match ": unknown placeholder {([%w_]+)}"
  if missing == "client_basic" then
    missing = given.client_id and "client_secret" or "client_id"
  end
  local profile = type(given.profile) == "table" and given.profile.name or given.profile
  for variable, option in pairs(variables) do
    if missing == option:match "[^.]+$" and given[option:match "^[^.]+"] == nil then
      local message = "%s is missing: the profile %s needs it"
      return config_error(message:format(variable, tostring(profile)), MISSING)
    end
  end
end

--- Turns a raised option error into an error about its variable. Errors about the caller's own
--- options are raised again.
local function blame(problem, given, own)
  errors.pass_memory(problem)
  local text = tostring(problem):gsub("^.-:%d+: ", "")
  local err = missing_error(text, given)
  if err then
    return err
  end
  for variable, option in pairs(variables) do
    local whole = option:match "^[^.]+"
    if own[whole] == nil and text:find('option "' .. whole .. '[".]') == 1 then
      return config_error(variable .. ": " .. text)
    end
  end
  error(problem, 0)
end

--- Returns the password of MIC_PASSWORD or MIC_PASSWORD_FILE.
---@param text string|nil
---@param path string|nil
---@return string|function|nil password
---@return table|nil err
local function choose_password(text, path)
  if not path then
    return text
  end
  if text then
    local message = "MIC_PASSWORD and MIC_PASSWORD_FILE are both set; set only one of them"
    return nil, config_error(message)
  end
  return password_file.option("MIC_PASSWORD_FILE", path)
end

--- Makes a client from MIC_BASE_URL or MIC_STACK (with MIC_MANIFEST_URL), MIC_API_KEY,
--- MIC_USERNAME, MIC_PASSWORD or MIC_PASSWORD_FILE, MIC_CA_FILE, and MIC_CREDENTIALS, the path of a
--- file store; for other APIs also MIC_API (the name of a profile), MIC_AUTH_URL, MIC_CLIENT_ID,
--- MIC_CLIENT_SECRET, MIC_SCOPE. Where neither of the first two is set, a profile of the command's
--- configuration file names the API: that of MIC_PROFILE, or the default one. In nginx that file is
--- not read. Empty variables count as unset. Raises for misuse: an invalid `options`.
---@param options? table of `mic.new`; they override the variables
---@return table|nil client
---@return table|nil err of kind `config`, naming the variable that is missing or wrong
function environment.client(options)
  if options ~= nil and type(options) ~= "table" then
    errors.raise(("mic.from_env takes a table of options (got %s)"):format(type(options)))
  end
  options = options or {}
  local given = read_all()
  if options.base_url or options.stack then
    given.base_url, given.stack = nil, nil
  end
  local path, problem = given.password_file, nil
  given.password_file = nil
  if given.base_url or options.base_url then
    given.manifest_url = nil -- of a stack
  end
  if options.password == nil then
    given.password, problem = choose_password(given.password, path)
  end
  for name, value in pairs(options) do
    given[name] = value
  end
  if not given.base_url and not given.stack then
    local made
    made, problem = profile_client(options)
    if made or problem then
      return made, problem
    end
    return nil, config_error("MIC_BASE_URL is missing (or MIC_STACK, a stack's host name)", MISSING)
  end
  if given.base_url and given.stack then
    return nil, config_error "MIC_BASE_URL and MIC_STACK are both set; set only one of them"
  end
  local is_mic = (given.profile or "mic") == "mic"
  if is_mic and given.base_url and not given.api_key then
    local is_other = given.profile == nil and (given.auth_url or given.client_id)
    return nil, config_error("MIC_API_KEY is missing", is_other and NO_API or MISSING)
  end
  if problem then
    return nil, problem
  end
  if given.password and not given.username and type(given.profile) ~= "table" then
    local variable = path and "MIC_PASSWORD_FILE" or "MIC_PASSWORD"
    return nil, config_error("MIC_USERNAME is missing: " .. variable .. " requires it")
  end
  local ca_file_name = not options.tls and given.tls and "MIC_CA_FILE" or nil
  local ok, made = pcall(client.new, given, ca_file_name)
  if not ok then
    return nil, blame(made, given, options)
  end
  return made
end

return environment
