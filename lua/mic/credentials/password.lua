--- Option `password`: a string or a function that returns one.

local core = require "mic.core"
local errors = require "mic.error"
local pcall_compat = require "mic.pcall_compat"

local password = {}

local REASON_LIMIT = 200 -- bytes of a reason that a message shows

--- Returns the first line of what a function of the user's raised or returned as its reason, after
--- ": " and masked; "" for none.
---@param reason any
---@param mask fun(text: string): string hides the client's secrets
---@return string text
function password.first_line(reason, mask)
  if type(reason) == "table" then
    local meta = getmetatable(reason)
    local ran, text = pcall_compat.call(tostring, reason)
    reason = type(meta) == "table" and meta.__tostring and ran and text
  elseif type(reason) == "number" or type(reason) == "boolean" then
    reason = tostring(reason)
  end
  if type(reason) ~= "string" then
    return ""
  end
  local line = errors.one_line(mask(reason:match "^%s*([^\r\n]*)"), REASON_LIMIT)
  return line ~= "" and ": " .. line or ""
end

--- Returns the password; calls it if it is a function.
---@param given string|function|nil
---@param mask fun(text: string): string hides the client's secrets
---@return string|nil password
---@return table|nil err
function password.get(given, mask)
  if type(given) ~= "function" then
    return given
  end
  local ran, value, reason = pcall_compat.user(given)
  local problem
  if not ran then
    errors.pass_memory(value)
    problem, reason = "raised an error", value
  elseif type(value) ~= "string" or value == "" then
    problem = ("returned no string (got %s)"):format(value == "" and "an empty one" or type(value))
  elseif #value > core.secret_max then
    problem, reason = ("returned more than %d bytes"):format(core.secret_max), nil
  else
    return value
  end
  if errors.is(reason) and reason.kind == "config" then
    return nil, reason
  end
  local message = ("the password function %s%s"):format(problem, password.first_line(reason, mask))
  return nil, errors.new("auth", message, { cause = reason })
end

--- Hint for a refused password that ends in white space.
---@param text string
---@return string|nil hint
function password.ending(text)
  if text:find "[\r\n]$" then
    return "the password ends in a line break, possibly added by a file or a command"
  elseif text:find "%s$" then
    return "the password ends in a space"
  end
  return nil
end

return password
