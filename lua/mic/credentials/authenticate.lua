--- Option `authenticate`: a function of the user's that logs in and refreshes, instead of the
--- profile's login and refresh.

local core = require "mic.core"
local errors = require "mic.error"
local json = require "mic.json"
local password_option = require "mic.credentials.password"
local pcall_compat = require "mic.pcall_compat"

local authenticate = {}

local WHAT = "the authenticate function"
local NO_OTHER_MEMBERS = "{}" -- body of the reply: `client:login()` has nothing else to return

local members = { token = "string", refresh_token = "string", identity = "string",
  expires_in = "number" }

--- Returns what is wrong with a member, as a clause.
local function member_problem(name, value)
  local kind = members[name]
  if not kind then
    local shown = type(name) == "string" and errors.one_line(name, 40)
    return ("has the unknown member %s; known: token, expires_in, refresh_token, identity"):format(
      shown or "[" .. type(name) .. "]"
    )
  elseif kind == "string" and (type(value) ~= "string" or value == "") then
    return ("has a %s that is not a string (got %s)"):format(
      name,
      value == "" and "an empty one" or type(value)
    )
  elseif kind == "string" and #value > core.secret_max then
    return ("has a %s longer than %d bytes"):format(
      name,
      core.secret_max
    )
  elseif kind == "string" and (value:find(" ", 1, true) or not core.check_header("x", value)) then
    return ("has a %s with characters that are not allowed in a header"):format(name)
  elseif kind == "number" and not (type(value) == "number" and value > 0 and value <= 1e10) then
    return ("has an %s that is not a positive number of seconds (got %s)"):format(
      name,
      type(value) == "number" and json.number(value) or type(value)
    )
  end
end

--- Returns the record of a result, or nil and what is wrong with it.
local function record_of(account, what, result)
  if type(result) ~= "table" then
    return nil, ("is not a table (got %s)"):format(type(result))
  end
  for name, value in pairs(result) do
    local problem = member_problem(name, value)
    if problem then
      return nil, problem
    end
  end
  if not result.token then
    return nil, "has no token"
  end
  return account.core:make_record(
    what == "refresh", result.token, result.refresh_token, result.identity, result.expires_in
  )
end

--- The error of a function that raised, or returned nil and a reason. Returns err, refused.
local function failure(account, problem, reason)
  if problem == nil and reason == "refused" then
    local message = WHAT .. " reported that the credentials are refused"
    return errors.new("auth", message, { cause = reason }), true
  end
  local message = WHAT .. (problem or " returned nothing")
    .. password_option.first_line(reason, account.mask)
  return errors.new("auth", message, { cause = reason, retryable = true })
end

--- Asks the function for credentials. Nothing is adopted. Results as of `auth_request.send`.
---@param flight table the transaction: account, ends, events
---@param what "login"|"refresh"
---@return table|nil reply or nil
---@return table record the core's record, or an error
---@return boolean|nil refused the function said that these credentials are wrong
function authenticate.send(flight, what)
  local account = flight.account
  local why = { reason = what }
  if what == "refresh" then
    local _
    _, _, _, why.refresh_token = account.core:credentials()
  end
  local ran, result, reason =
    pcall_compat.user(account.authenticate, account.make_http(flight), why)
  if not ran then
    errors.pass_memory(result)
    return nil, (failure(account, " raised an error", result))
  elseif not result then
    return nil, failure(account, nil, reason)
  end
  local record, problem = record_of(account, what, result)
  if not record then
    return nil, errors.new("auth", ("the result of %s %s"):format(WHAT, problem))
  end
  return { body = NO_OTHER_MEMBERS }, record
end

return authenticate
