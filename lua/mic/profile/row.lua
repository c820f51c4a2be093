--- Profile of an API for the core: checks a row, fills in what it extends, and the defaults.

local core = require "mic.core"
local errors = require "mic.error"
local json = require "mic.json"
local option_checks = require "mic.option_checks"
local options = require "mic.options"
local rows = require "mic.profile.rows"

local row = {}

local LIST = "table: a list of strings"
local ANSWERS = 'table: a list of { status, text }, such as { 401, "expired" }'
local PATH = "string: a member's name, or a path of names"

local function check_list(value)
  local count = 0
  for index in pairs(value) do
    if type(index) ~= "number" then
      return false, ("must be a list of strings (got a key %q)"):format(tostring(index))
    end
    count = count + 1
  end
  for index = 1, count do
    if type(value[index]) ~= "string" then
      return false, ("must be a list of strings ([%d] is a %s)"):format(index, type(value[index]))
    end
  end
  return true
end

local function check_answers(value)
  for index, answer in pairs(value) do
    local status = type(answer) == "table" and answer[1]
    local text = type(answer) == "table" and answer[2]
    if type(index) ~= "number" or type(status) ~= "number" or status < 100 or status > 599
      or status % 1 ~= 0 or (text ~= nil and (type(text) ~= "string" or text == "")) then
      return false,
        'must be a list of { status, text }, such as { { 401, "expired" } } '
          .. ("([%s] is not)"):format(tostring(index))
    end
  end
  return true
end

local function check_request(value)
  return value:find "^%S+ %S" ~= nil
end

--- Fields of a row, for the option checker.
local spec = {
  aliases = {},
  prefix = "profile.",
  fields = {
    name = "string: a string",
    extends = "string: the name of a built-in profile",
    login = 'string: a method and a path, such as "POST /login"',
    login_body = "string: a template",
    login_headers = LIST,
    refresh = 'string: a method and a path, such as "POST /refresh"',
    refresh_body = "string: a template",
    refresh_headers = LIST,
    token = PATH,
    refresh_token = PATH,
    identity = PATH,
    expires = "string|false: a member's name, or false",
    expires_as = 'string: "seconds", "milliseconds", "epoch" or "iso"',
    lifetime = "number: a positive number of seconds",
    headers = LIST,
    open = LIST,
    expired = ANSWERS,
    refused = ANSWERS,
  },
  checks = {
    login = check_request,
    refresh = check_request,
    login_headers = check_list,
    refresh_headers = check_list,
    headers = check_list,
    open = check_list,
    expired = check_answers,
    refused = check_answers,
    lifetime = function(value)
      return value > 0 and value <= 1e10
    end,
  },
  may_be_empty = { token = true, login_body = true, refresh_body = true },
}

local defaults = {
  token = "access_token",
  refresh_token = "refresh_token",
  expires = "expires_in",
  headers = { "Authorization: Bearer {token}" },
  open = {},
  expired = { { 401, "invalid_token" }, { 401, "expired" } },
  refused = {
    { 400, "invalid_grant" },
    { 401 },
    { 400, "invalid_client" },
    { 400, "unauthorized_client" },
    { 400, "invalid_scope" },
    { 400, "unsupported_grant_type" },
  },
}

local function names()
  local list = {}
  for name in pairs(rows) do
    list[#list + 1] = '"' .. name .. '"'
  end
  table.sort(list)
  return table.concat(list, ", ")
end

local function built_in(name, option, given)
  local found = rows[name]
  if not found then
    errors.raise(
      ('option "%s": there is no profile "%s"; built in: %s'):format(option, name, names())
    )
  end
  return type(found) == "function" and found(given) or found
end

--- A field's value, or a copy of a list and of the { status, text } in it, so that a later change
--- of the original changes nothing.
local function copy_of(value)
  if type(value) ~= "table" then
    return value
  end
  local copy = {}
  for index, item in pairs(value) do
    copy[index] = type(item) == "table" and { item[1], item[2] } or item
  end
  return copy
end

--- Copies a row with what it extends. A login of its own needs a refresh of its own: the other one
--- may belong to another server.
local function complete(own, base)
  local copy = {}
  for name, value in pairs(base) do
    copy[name] = value
  end
  if own.login then
    copy.refresh, copy.refresh_body, copy.refresh_headers = nil, nil, nil
  end
  for name, value in pairs(own) do
    copy[name] = copy_of(value)
  end
  copy.extends, copy.is_default = nil, nil
  return copy
end

--- Raises if a built-in login has no place to go to: its path "/" stands for the auth URL.
local function check_place(copy, own, given)
  local is_needed = copy.login == "POST /" and not own.login and not given.authenticate
  if is_needed and given.auth_url == nil then
    errors.raise(
      ('option "auth_url" is required by the profile "%s": the URL that gives tokens'):format(
        copy.name
      )
    )
  end
end

--- Raises for the body of a request that the row does not have.
local function check_requests(copy, own)
  for _, request in ipairs { "login", "refresh" } do
    if own[request .. "_body"] and not copy[request] then
      errors.raise(('option "profile.%s_body" needs profile.%s'):format(request, request))
    end
  end
end

--- The text that stands for a template with JSON, as long as this.
local function stand_in(template)
  local text = template:gsub("{{", " \1"):gsub("{[%a_][%w_]*%??}", function(placeholder)
    return "0" .. (" "):rep(#placeholder - 1)
  end)
  return (text:gsub("\1", "{"))
end

--- Completes what the core says of a template: the names that are known, or the place where
--- it is not JSON.
---@param problem string
---@param made table of `make`
---@return string problem
function row.explain(problem, made)
  local name = problem:match "unknown placeholder {([%w_]+)}$"
  if name then
    local wanted, guess = core.lower(name):gsub("_", ""), nil
    for _, known in ipairs(option_checks.placeholders) do
      guess = known:gsub("_", "") == wanted and known or guess
    end
    guess = guess or options.near_miss(name, option_checks.built_in_values)
    return ("%s; %sknown: %s, and the names in values and secrets"):format(
      problem,
      guess and ("did you mean {%s}? "):format(guess) or "",
      table.concat(option_checks.placeholders, ", ")
    )
  elseif problem:find "{client_basic} has no value$" then
    return problem .. ": it needs client_id and client_secret"
  end
  local field = problem:match '^profile%.([%w_]+) %(character 1%): .*is not valid JSON$'
  local text = field and stand_in(made[field])
  local _, cause = json.decode(text or "0")
  local place = cause and (cause:match "at byte (%d+)" or #text + 1)
  if place then
    return (problem:gsub("character 1", "character " .. place, 1))
  end
  return problem
end

--- Methods are in upper case, as those of calls.
local function raise_method(text)
  return text and (text:gsub("^%S+", core.upper))
end

--- JSON may begin with blanks: a template in long brackets.
local function trimmed(template)
  return template and (template:gsub("^%s+{", "{"))
end

--- Makes the row of a profile other than MIC's. Raises for one that is not valid; templates are
--- checked by the core.
---@param given table the client's options
---@return table row for the core
function row.make(given)
  local profile = given.profile
  local copy, own
  if type(profile) == "string" then
    own = {}
    copy = complete(own, built_in(profile, "profile", given))
  else
    own = profile
    options.verify(profile, spec, "option profile")
    if not profile.name then
      errors.raise 'option "profile.name" is required: a string'
    end
    local base = profile.extends and built_in(profile.extends, "profile.extends", given)
    copy = complete(profile, base or {})
    check_requests(copy, own)
  end
  check_place(copy, own, given)
  copy.login_body = trimmed(copy.login_body)
  copy.refresh_body = trimmed(copy.refresh_body)
  copy.login, copy.refresh = raise_method(copy.login), raise_method(copy.refresh)
  if copy.refresh_headers == nil then
    copy.refresh_headers = copy.login_headers
  end
  for name, value in pairs(defaults) do
    if copy[name] == nil then
      copy[name] = value
    end
  end
  return copy
end

return row
