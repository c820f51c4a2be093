--- Sends one login or refresh request, with its events and errors. The core builds the request and
--- masks the reply.

local errors = require "mic.error"
local json = require "mic.json"
local events = require "mic.events"
local response = require "mic.http.response"

local auth_request = {}

--- Hints for what the API refuses, with the options that the profile's login needs.
local refused_hints = {
  login = "check %s",
  refresh = "call client:login(), or make the client with %s",
  refresh_alone = "pass a new refresh_token to client:use_credentials",
}

local NO_TOKEN_HINT = "check err.response.data: the token may be another member, or the API "
  .. "requires another step"

local function refused_hint(what, profile)
  local hint = refused_hints[profile.no_login and "refresh_alone" or what]
  return (hint:gsub("%%s", profile.login_needs))
end

local function context(account, what, attempt)
  local request = account.profile.requests[what]
  local call = { method = request.method, shown = request.path, attempts = attempt }
  return errors.context(account, call)
end

--- True if a reply with credentials holds an error all the same, as some token endpoints answer.
local function has_error(reply)
  local data = reply.body and reply.body:find('"error"', 1, true) and json.decode(reply.body)
  local problem = type(data) == "table" and data.error
  return type(problem) == "table" or (type(problem) == "string" and problem ~= "")
end

--- Statuses of a login or refresh that may succeed when it is sent again, unlike those of a call.
local conflicts = { [409] = true, [412] = true }

--- The error for a reply without usable credentials.
local function reply_failure(what, reply, facts, profile)
  local is_mic = profile.is_mic
  local readable = reply.body ~= nil
  facts.unreadable = not readable and "the response is not JSON; its text is not shown" or nil
  facts.response = response.new(reply, facts.attempts, true)
  local data = facts.response.data
  local succeeded = reply.status >= 200 and reply.status < 300
  if reply.means == "refused" then
    facts.hint = refused_hint(what, profile)
  elseif conflicts[reply.status] and not is_mic then
    facts.retryable = true
  end
  if not succeeded or (is_mic and errors.is_in(data)) or has_error(reply) then
    return errors.from_reply(reply, data, facts)
  end
  facts.status = reply.status
  if readable and succeeded and not is_mic then
    facts.hint = facts.hint or NO_TOKEN_HINT
  end
  return errors.new(readable and "auth" or "decode", ("%s: %s"):format(what, reply.problem), facts)
end

--- True if a login has succeeded without a token, for example with a challenge instead. The same
--- login would bring the same answer.
local function lacks_token(flight, what, reply)
  return what == "login" and not flight.account.profile.is_mic and reply.body
    and reply.status >= 200 and reply.status < 300 and not reply.absorbed and not has_error(reply)
end

local function response_event(request, attempt, reply, err, seconds)
  local event = {
    type = "response",
    method = request.method,
    path = request.path,
    attempt = attempt,
    seconds = events.rounded(seconds),
    err = err,
    auth = false,
    request_id = err and err.request_id,
  }
  if reply then
    event.status = reply.status
    event.http_version = reply.http_version
    event.new_connection = reply.new_connection
    event.bytes = reply.body and #reply.body
  end
  return event
end

local function perform(flight, what, seconds, username, password, tick)
  local transport, core = flight.account.transport, flight.account.core
  local kind, code, message
  if what == "login" then
    flight.exchange, kind, code, message =
      transport.start(core, what, username, password, seconds)
  else
    flight.exchange, kind, code, message = transport.start(core, what, seconds)
  end
  if not flight.exchange then
    return nil, kind, code, message
  end
  return transport.finish(core, flight.exchange, nil, tick)
end

--- Sends a login or a refresh and waits for the answer. Nothing is adopted. The exchange is kept in
--- the transaction, so that a new refresh token is not lost if the waiting task ends.
---@param flight table the transaction: account, events, exchange
---@param what "login"|"refresh"
---@param attempt number number of this attempt, from 1
---@param seconds number time limit
---@param username string|nil for a login
---@param password string|nil for a login
---@return table|nil reply masked, or nil
---@return table record the core's record, or an error
---@return boolean|nil refused the API said that these credentials are wrong
function auth_request.send(flight, what, attempt, seconds, username, password)
  local account, transport = flight.account, flight.account.transport
  local request = account.profile.requests[what]
  local function emit(event)
    flight.events[#flight.events + 1] = event
  end
  local started = transport.now()
  local event =
    { type = "request", method = request.method, path = request.path, attempt = attempt }
  emit(event)
  local tick = account.debug and account.debug:watch(event, flight)
  local reply, record, code, message = perform(flight, what, seconds, username, password, tick)
  local refused = reply and (reply.means == "refused" or lacks_token(flight, what, reply))
  local err
  if not reply then
    err = errors.from_fail(record, code, message, context(account, what, attempt))
  elseif not record or has_error(reply) then
    err = reply_failure(what, reply, context(account, what, attempt), account.profile)
  end
  event = response_event(request, attempt, reply, err, transport.now() - started)
  if account.debug then
    account.debug:keep(event, flight.exchange, account.mask)
  end
  emit(event)
  if err then
    if reply then
      response.seal(reply)
    end
    return nil, err, refused
  end
  return reply, record
end

return auth_request
