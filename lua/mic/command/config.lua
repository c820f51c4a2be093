--- Configuration file of the command: profiles, which name an API and a user, in INI form.
---
---     default_profile = test
---     [default]
---     stack = startiot.example.com
---     [profile test]
---     base_url = https://…/prod

local errors = require "mic.error"

local config = {}

--- What a value of a key becomes: an option of `mic.new`, a field of its table, or a number.
local keys = {
  stack = { "stack" },
  base_url = { "base_url" },
  manifest_url = { "manifest_url" },
  api_key = { "api_key" },
  username = { "username" },
  password_file = { "password" },
  identity = { "identity" },
  row = { "profile" },
  auth_url = { "auth_url" },
  client_id = { "client_id" },
  client_secret = { "client_secret" },
  scope = { "scope", inside = "values" },
  ca_file = { "ca_file", inside = "tls" },
  ca_path = { "ca_path", inside = "tls" },
  client_cert = { "client_cert", inside = "tls" },
  client_key = { "client_key", inside = "tls" },
  pinned_public_key = { "pinned_public_key", inside = "tls" },
  timeout = { "timeout", is_number = true },
  connect_timeout = { "connect_timeout", is_number = true },
  deadline = { "deadline", is_number = true },
  proxy = { "proxy" },
  user_agent = { "user_agent" },
  http_version = { "http_version" },
}

--- In the order in which they are written.
local order = { "stack", "base_url", "api_key", "row", "auth_url", "client_id",
  "client_secret", "scope", "username", "password_file", "identity", "ca_file", "manifest_url" }

local function config_error(message, hint)
  return errors.new("config", message, { hint = hint })
end

--- Returns a path with the home folder as ~, for people.
---@param path string
---@return string
function config.shown(path)
  local home = os.getenv "HOME"
  if home and home ~= "" and path:sub(1, #home + 1) == home .. "/" then
    return "~" .. path:sub(#home + 1)
  end
  return path
end

local function folder_of(variable)
  local value = os.getenv(variable) or ""
  return value:sub(1, 1) == "/" and value:gsub("/+$", "") or nil
end

--- Returns the path of the file.
---@param given? string of the command line
---@return string|nil path nil if HOME is not set
function config.path(given)
  local named = given or os.getenv "MIC_CONFIG"
  if named and named ~= "" then
    return named
  end
  local folder = folder_of "XDG_CONFIG_HOME"
  if not folder and folder_of "HOME" then
    folder = folder_of "HOME" .. "/.config"
  end
  return folder and folder .. "/lua-mic/config"
end

local function near(name, known)
  local found = require("mic.options").near_miss(name, known)
  return found and ('; did you mean "%s"?'):format(found) or ""
end

--- Returns the name of a section: of [default] and [profile NAME].
---@param text string
---@return string|nil
function config.section_name(text)
  local inside = text:match "^%[%s*(.-)%s*%]$"
  if inside == "default" then
    return inside
  end
  return inside and inside:match "^profile%s+([^%s%]]+)$"
end

local function read_line(made, line, number, section)
  local text = line:match "^%s*(.-)%s*$"
  if text == "" or text:find "^[#;]" then
    return section
  elseif text:find "^%[" then
    local name = config.section_name(text)
    if not name then
      return nil, "invalid section; expected [default] or [profile NAME]"
    elseif made.profiles[name] then
      return nil, ('duplicate section "%s"'):format(name)
    end
    made.profiles[name] = { values = {}, line = number }
    return name
  end
  local key, value = text:match "^([%w_-]+)%s*=%s*(.*)$"
  if not key then
    return nil, "invalid line; expected KEY = VALUE, [profile NAME] or a comment"
  end
  if not section then
    if key ~= "default_profile" then
      return nil, ('"%s" must be in a section; only default_profile is allowed before the first')
        :format(key)
    elseif made.default_profile then
      return nil, 'duplicate key "default_profile"'
    end
    made.default_profile = value
    return section
  elseif not keys[key] then
    local why = key == "password" and "; the password is not stored here, use password_file = PATH"
    return nil, ('there is no key "%s"%s'):format(key, why or near(key, keys))
  end
  local values = made.profiles[section].values
  if values[key] then
    return nil, ('duplicate key "%s"'):format(key)
  elseif value == "" then
    return nil, ('"%s" has no value'):format(key)
  elseif keys[key].is_number and not tonumber(value) then
    return nil, ('"%s" is not a number'):format(key)
  end
  values[key] = value
  return section
end

--- Parses the text of a file.
---@param path string for messages
---@param text string
---@return table|nil made
---@return table|nil err
function config.parse(path, text)
  local made = { path = path, text = text, profiles = {} }
  local section, problem
  local number = 0
  for line in (text:gsub("\r\n", "\n") .. "\n"):gmatch "(.-)\n" do
    number = number + 1
    section, problem = read_line(made, line, number, section)
    if problem then
      return nil, config_error(("%s, line %d: %s"):format(config.shown(path), number, problem))
    end
  end
  return made
end

local problems = {
  ["no file"] = "is not a regular file",
  owner = "belongs to another user",
  readable = "is readable by other users",
}

--- Reads the file. One that is missing is empty.
---@param given? string path of the command line
---@return table|nil made path, text, profiles by name, default_profile
---@return table|nil err of kind `config`
function config.read(given)
  local path = config.path(given)
  if not path or path == "/dev/null" then
    return { path = path, text = "", profiles = {} }
  end
  local shown = config.shown(path)
  local problem = require("mic.terminal").privacy_problem(path)
  if problem == "missing" then
    return { path = path, text = "", profiles = {} }
  elseif problem then
    local hint = problem == "readable" and ("run: chmod 600 " .. shown) or nil
    return nil, config_error(shown .. " " .. (problems[problem] or problem), hint)
  end
  local file, message = io.open(path, "rb")
  if not file then
    return nil, config_error(message)
  end
  local text = file:read "*a"
  file:close()
  return config.parse(path, text)
end

--- Finds a profile.
---@param made table of `read`
---@param name string
---@param where string what names it, for messages
---@return table|nil profile values, line
---@return table|nil err
function config.profile(made, name, where)
  local found = made.profiles[name]
  if found then
    return found
  end
  local hint = ("run: mic login%s"):format(name == "default" and "" or " --profile " .. name)
  local place = made.path and config.shown(made.path) or "a configuration file"
  local message = ('%s: there is no profile "%s" in %s%s'):format(where, name, place,
    near(name, made.profiles))
  return nil, config_error(message, hint)
end

--- Chooses the profile that is used when nothing names an API.
---@param made table of `read`
---@return string|nil name nil if there is none
---@return table|nil profile
---@return table|nil err
function config.choose(made)
  local variable = os.getenv "MIC_PROFILE"
  local name, where = variable ~= "" and variable or nil, "MIC_PROFILE"
  if not name then
    name, where = made.default_profile, "default_profile"
  end
  if not name then
    name = made.profiles.default and "default"
    return name, name and made.profiles[name]
  end
  local profile, err = config.profile(made, name, where)
  return profile and name, profile, err
end

--- Returns the options of `mic.new` for a profile. With a base URL the stack is only where that was
--- found.
---@param profile table
---@return table|nil given
---@return table|nil err
function config.options(profile)
  local given = {}
  for key, value in pairs(profile.values) do
    local option = keys[key]
    if option.is_number then
      value = tonumber(value)
    elseif key == "identity" and value == "false" then
      value = false
    elseif key == "password_file" then
      local err
      value, err = require("mic.password_file").option("password_file", value)
      if not value then
        return nil, err
      end
    end
    local target = given
    if option.inside then
      given[option.inside] = given[option.inside] or {}
      target = given[option.inside]
    end
    target[option[1]] = value
  end
  if given.base_url and given.stack then
    given.stack, given.manifest_url = nil, nil
  end
  return given
end

--- Names of the keys, and the order in which they are written.
config.keys, config.order = keys, order

return config
