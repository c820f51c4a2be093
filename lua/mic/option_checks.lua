--- Checks of client options that few clients have: `headers`, `values`, `secrets`.

local core = require "mic.core"
local errors = require "mic.error"
local json = require "mic.json"

local option_checks = {}

--- Checks the option `headers`. A value may be a function, called for each call.
---@param value table
---@return boolean ok
---@return string|nil problem
function option_checks.headers(value)
  for name, content in pairs(value) do
    local kind = type(content)
    if type(name) ~= "string" then
      return false, ("must have header names as keys (got a key of type %s)"):format(type(name))
    elseif kind ~= "string" and kind ~= "number" and kind ~= "function" then
      return false, ('must contain strings, numbers or functions (%q is a %s)'):format(name, kind)
    end
    local text = kind == "string" and content or kind == "number" and json.number(content) or ""
    local ok, problem = core.check_header(name, text)
    if not ok or (text == "" and kind == "number") then
      return false, problem and "has an invalid header: " .. problem
        or ("must contain finite numbers (%q is not)"):format(name)
    end
  end
  return true
end

--- Placeholders that are built in: as a list, and as a set.
option_checks.placeholders = { "username", "password", "client_id", "client_secret", "api_key",
  "token", "refresh_token", "identity", "basic", "client_basic" }

local built_in_values = {}
for _, name in ipairs(option_checks.placeholders) do
  built_in_values[name] = true
end
option_checks.built_in_values = built_in_values

--- Checks the option `values`: strings by the names of placeholders. The core repeats the checks
--- that its memory safety depends on. No message shows a value.
---@param value table
---@return boolean ok
---@return string|nil problem
function option_checks.values(value)
  for name, text in pairs(value) do
    if type(name) ~= "string" or type(text) ~= "string" then
      return false, "must map names to strings"
    elseif not name:find "^[A-Za-z_][A-Za-z0-9_]*$" then
      return false, "has an invalid name; allowed are letters, digits and _"
    elseif built_in_values[name] then
      return false, ('must not set "%s", which is already set'):format(name)
    elseif #text > core.secret_max then
      return false,
        ('must not contain a value longer than %d bytes ("%s")'):format(core.secret_max, name)
    end
  end
  return true
end

--- Checks the option `secrets`: as `values`, but at most 16, because masking has no room for more.
---@param value table
---@return boolean ok
---@return string|nil problem
function option_checks.secrets(value)
  local ok, problem = option_checks.values(value)
  local count = 0
  for _ in pairs(value) do
    count = count + 1
  end
  if ok and count > 16 then
    return false, "must not contain more than 16 values"
  end
  return ok, problem
end

--- Raises if `values` and `secrets` have the same name.
---@param given table the client's options
function option_checks.names(given)
  for name in pairs(given.secrets) do
    if given.values[name] then
      errors.raise(
        ('option "secrets" must not set "%s", which is already set'):format(name)
      )
    end
  end
end

local only_mic = { "identity", "stack", "manifest_url" }

--- Raises for options that are valid only with MIC's profile.
---@param given table the client's options
function option_checks.other_profile(given)
  for _, name in ipairs(only_mic) do
    if given[name] ~= nil then
      errors.raise(('option "%s" is only for the profile mic'):format(name))
    end
  end
end

return option_checks
