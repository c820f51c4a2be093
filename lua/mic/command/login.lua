--- `mic login`: finds out what is missing, logs in, then writes the profile.

local config = require "mic.command.config"
local failure = require "mic.command.failure"
local output = require "mic.command.output"
local questions = require "mic.command.questions"
local target = require "mic.command.target"

local login = {}

local function variable(name)
  local value = os.getenv(name)
  return value ~= "" and value or nil
end

--- Returns a variable that belongs to the API of MIC_BASE_URL or MIC_STACK, and to the user of
--- MIC_USERNAME; nil if these are others than the ones to log in with.
local function own_variable(name, values)
  for other, key in pairs { MIC_BASE_URL = "base_url", MIC_STACK = "stack",
    MIC_USERNAME = "username" } do
    local set = variable(other)
    if set and values[key] and set ~= values[key] then
      return nil
    end
  end
  local api = variable "MIC_BASE_URL" or variable "MIC_STACK"
  if api and api ~= values.base_url and api ~= values.stack then
    return nil
  end
  return variable(name)
end

--- Options that are values of a profile.
local from_options = { stack = "stack", url = "base_url", username = "username",
  ca_file = "ca_file", row = "row", auth_url = "auth_url", client_id = "client_id",
  scope = "scope" }

--- Variables that are values of a profile; they count where MIC_BASE_URL or MIC_STACK does.
local from_variables = { MIC_BASE_URL = "base_url", MIC_STACK = "stack", MIC_API_KEY = "api_key",
  MIC_USERNAME = "username", MIC_CA_FILE = "ca_file", MIC_PASSWORD_FILE = "password_file",
  MIC_API = "row", MIC_AUTH_URL = "auth_url", MIC_CLIENT_ID = "client_id",
  MIC_CLIENT_SECRET = "client_secret", MIC_SCOPE = "scope", MIC_MANIFEST_URL = "manifest_url" }

--- A profile keeps an absolute path: it is read from any folder.
local function absolute(path)
  return require("mic.core").absolute_path(path) or path
end

local function copy_of(values)
  local copy = {}
  for key, value in pairs(values or {}) do
    copy[key] = value
  end
  return copy
end

--- The values that variables give. A base URL needs no stack, nor a place to find it.
local function values_of_variables()
  local values = {}
  for from, key in pairs(from_variables) do
    values[key] = variable(from)
  end
  if values.base_url then
    values.stack, values.manifest_url = nil, nil
  end
  return values
end

--- Returns the values to log in with, and the name of the profile to write.
local function find(options)
  if options.url and options.stack then
    failure.usage "use only one of --url and --stack"
  end
  local made = failure.need(config.read(options.config))
  local values
  local name = options.profile
  local names_api = options.url or options.stack
  if not names_api and not name and (variable "MIC_BASE_URL" or variable "MIC_STACK") then
    values = values_of_variables()
  else
    name = name or variable "MIC_PROFILE" or made.default_profile or "default"
    local present = made.profiles[name]
    values = copy_of(present and present.values)
    if names_api and names_api ~= values[options.url and "base_url" or "stack"] then
      values = {} -- another API: nothing of the old one is for it
    end
    if not present and not names_api then -- --profile P with variables
      values = values_of_variables()
    end
  end
  for option, key in pairs(from_options) do
    values[key] = options[option] or values[key]
  end
  if values.stack and (options.stack or made.profiles[name or ""]) then
    values.base_url, values.api_key = nil, nil -- found anew
  end
  if names_api then
    values.ca_file = values.ca_file or variable "MIC_CA_FILE"
    values.manifest_url = options.stack and (values.manifest_url or variable "MIC_MANIFEST_URL")
      or nil
  end
  for _, key in ipairs { "ca_file", "password_file" } do
    values[key] = values[key] and absolute(values[key])
  end
  return made, values, name
end

--- Asks which API, where nothing names one.
local function ask_api(values)
  if values.stack or values.base_url then
    return
  end
  local given = questions.need("Stack (host name) or base URL: ", "--stack or --url")
  if given:find "^%a+://" then
    values.base_url = given
  else
    values.stack = given
  end
end

local function is_mic(values)
  return (values.row or "mic") == "mic"
end

--- Makes a client; a wrong value is the profile's.
local function client_of(values, options, secrets)
  local given = failure.need(config.options { values = values })
  for name, value in pairs(secrets or {}) do
    given[name] = value
  end
  target.add_options(given, options)
  return failure.checked(require("mic.client").new, given)
end

local function host_of(values)
  return values.stack or values.base_url:match "^%a+://([^/]*)" or values.base_url
end

--- Finds the API key: a variable, the profile, the person, or the API's own manifest.
local function find_key(values, options)
  if values.stack and not values.base_url or not is_mic(values) then
    return
  end
  values.api_key = own_variable("MIC_API_KEY", values) or values.api_key
  if values.api_key then
    return
  end
  local terminal = require "mic.terminal"
  local prompt = ("API key for %s (empty: read it from the API): "):format(host_of(values))
  local key = terminal.ask(prompt, true)
  if key and key ~= "" then
    values.api_key = key
    return
  end
  local found = failure.need(config.options { values = values })
  local whose = options.url and "--url" or "the base URL"
  local discovery = require "mic.profile.discovery"
  values.api_key = failure.need(discovery.api_key(values.base_url, found, whose))
end

--- Finds the secret of OAuth2's client: a variable, the profile or, for a login without a user, the
--- person.
local function find_client_secret(values)
  if values.row ~= "oauth2" then
    return
  end
  values.client_secret = own_variable("MIC_CLIENT_SECRET", values) or values.client_secret
  if values.client_secret or values.username or not values.client_id then
    return
  end
  local terminal = require "mic.terminal"
  local prompt = ("Client secret for %s (empty: none): "):format(values.client_id)
  local secret = terminal.ask(prompt, true)
  values.client_secret = secret ~= "" and secret or nil
end

--- The placeholders of a row's login: "username", "password".
local function placeholders(values)
  local row
  if is_mic(values) then
    return { username = true, password = true }
  end
  local given = failure.need(config.options { values = values })
  row = failure.checked(require("mic.profile.profile").make, given).row
  local found = { none = not row.login or nil }
  local texts = { row.login or "", row.login_body or "" }
  for _, line in ipairs(row.login_headers or {}) do
    texts[#texts + 1] = line
  end
  for _, line in ipairs(found.none and row.headers or {}) do
    texts[#texts + 1] = line
  end
  for name in table.concat(texts, "\n"):gmatch "{([%a_][%w_]*)%??}" do
    found[name] = true
  end
  return found
end

local function find_password(values, options)
  if options.password_stdin then
    return questions.first_line()
  elseif own_variable("MIC_PASSWORD", values) then
    return variable "MIC_PASSWORD"
  elseif values.password_file then
    return nil -- the client reads it
  end
  local prompt = ("Password for %s at %s: "):format(values.username, host_of(values))
  return questions.need(prompt, "--password-stdin", true)
end

--- Logs in with user name and password, with a client's own secret, or adopts a token.
local function log_in(values, options)
  local needs = placeholders(values)
  if needs.none and not needs.token then
    failure.raise("config",
      ("the API profile %s has no login; it sends the password with each call")
      :format(values.row), { hint = "set username and password_file in the profile" })
  elseif needs.none then
    local token = options.password_stdin and questions.first_line()
      or questions.need(("Token for %s: "):format(host_of(values)), "--password-stdin", true)
    local client = client_of(values, options)
    failure.need(client:use_credentials { token = token })
    return client
  end
  if needs.username and not values.username then
    values.username = questions.need("User name: ", "--username")
  end
  local password = needs.password and find_password(values, options)
  local client = client_of(values, options,
    not is_mic(values) and { password = password } or nil)
  local session, err
  if needs.password and password then
    session, err = failure.checked(client.login, client, values.username, password)
  else
    session, err = failure.checked(client.login, client)
  end
  failure.need(session, err)
  return client, session
end

local function describe(values, session)
  local user = session and session.user
  if type(user) ~= "table" then
    return values.username and "as " .. values.username or "at " .. host_of(values)
  end
  local facts = {}
  for _, name in ipairs { "roleName", "domainName" } do
    if type(user[name]) == "string" then
      facts[#facts + 1] = user[name]
    end
  end
  return ("as %s%s"):format(values.username,
    #facts > 0 and " (" .. table.concat(facts, ", ") .. ")" or "")
end

--- Adds what was found for a stack, so that later commands need not look for it.
local function add_found(values, client)
  if not values.stack or values.base_url then
    return
  end
  local inside = target.connected(client)
  values.base_url = inside.core:root()
  for _, line in ipairs(inside.profile.row.headers) do
    local name = line:match "^([^:]*):%s*{api_key}"
    values.api_key = name and failure.need(client:auth_headers())[name] or values.api_key
  end
end

--- Runs the command.
---@param _ table
---@param options table of the command line
function login.run(_, options)
  local made, values, name = find(options)
  ask_api(values)
  find_key(values, options)
  find_client_secret(values)
  local client, session = log_in(values, options)
  local line = "Logged in " .. describe(values, session) .. "."
  if name then
    add_found(values, client)
    failure.need(require("mic.command.config_changes").save(made, name, values))
    line = line .. (' Profile "%s" written to %s.'):format(name, config.shown(made.path))
  end
  client:close()
  output.note(line)
end

return login
