--- One attempt of a built call, with its events.

local core = require "mic.core"
local errors = require "mic.error"
local time_limit = require "mic.http.time_limit"

local attempt = {}

local FILE_NAME_LIMIT = 200 -- bytes of a file name that a message shows

--- Adds the file name to the core's message, for example "save_to: permission denied".
local function name_file(call, message)
  local option, reason = message:match "^([%l_]+): (.*)$"
  if not option then
    return message
  end
  return ('%s "%s": %s'):format(option, errors.one_line(call[option], FILE_NAME_LIMIT), reason)
end

--- Returns an error if `save_to` cannot be written. Used only before the stack is known; later the
--- core checks it before it connects.
---@param self table the client state
---@param call table of `build`
---@return table|nil err
function attempt.unwritable(self, call)
  local ok, kind, code, message = core.check_download(call.save_to)
  if ok then
    return nil
  end
  return errors.from_fail(kind, code, name_file(call, message), errors.context(self, call))
end

--- Kinds of failures that may occur before the request is sent.
local never_begun =
  { phase = true, missing = true, stale = true, closed = true, file = true, config = true }

--- Counts an attempt, if the request may have been sent.
---@param self table the client state
---@param call table
---@param reply any
---@param kind string|nil of the failure
---@return boolean tried
function attempt.count(self, call, reply, kind)
  local tried = reply or not never_begun[kind] or self.core:was_sent()
  if tried then
    call.attempts = call.attempts + 1
  end
  return tried and true or false
end

--- Returns the seconds of the next attempt. For streaming bodies the timeout is the longest time
--- without progress.
---@param self table the client state
---@param call table of `build`
---@return boolean has_time false: the deadline has passed
---@return number|nil seconds
function attempt.seconds(self, call)
  local timeout = call.timeout or self.timeout
  local left = call.ends and call.ends - self.transport.now()
  local seconds = time_limit.of_attempt(timeout, left)
  if seconds and call.flows then
    call.idle_timeout = timeout
    return true, left
  end
  return seconds ~= nil, seconds
end

--- Makes a listener that passes data and progress to the user's functions, outside libcurl.
local function listener(call)
  return function(state, first, second)
    if state == "progress" then
      return call.listen(first, second)
    end
    call.handed = true
    return call.on_data(first)
  end
end

--- Sends the request. `event` is that of the request, if there is a debug channel, which shows that
--- the exchange waits, and what it has sent. Returns the exchange, if there is one, and the values
--- of the core client's `call`.
local function exchange(self, call, seconds, event)
  local transport = self.transport
  if not call.stream and not call.progress and not event then
    return nil, transport.call(
      self.core, call.method, call.path, seconds, call.resend, call.body, call
    )
  end
  call.alone = event and not transport.can_suspend()
  local running, kind, code, message = transport.start(
    self.core, "call", call.method, call.path, seconds, call.resend, call.body, call
  )
  if not running then
    return nil, nil, kind, code, message
  end
  local listens = (call.stream or call.progress) and listener(call) or nil
  local tick = event and self.debug:watch(event)
  return running, transport.finish(self.core, running, listens, tick)
end

--- Emits the event of an attempt that has ended.
local function emit_response(
  self, call, started, done, status, second, third, fourth, authenticated
)
  local err
  local reply = status
  if not status then
    err = errors.from_fail(second, third, fourth, errors.context(self, call))
  elseif third then
    reply = { status = status, body = second, authenticated = authenticated }
    local _
    _, _, reply.http_version, reply.new_connection = core.unpack_answer(third)
  end
  require("mic.events").response(self, call, started, reply, err, done)
end

local function finish(
  self, call, started, done, status, second, third, fourth, advisory, authenticated
)
  if not status and second == "file" then
    fourth = name_file(call, fourth)
  end
  local tried = attempt.count(self, call, status, second)
  if started and (tried or second == "file") then
    emit_response(self, call, started, done, status, second, third, fourth, authenticated)
  end
  return status, second, third, fourth, advisory
end

--- Sends a built call once.
---@param self table the client state
---@param call table of `build`
---@param seconds number|nil
---@return any ... the values of the core client's `call`
function attempt.send(self, call, seconds)
  local started, event
  if self.listens and self.core:ready(call.method, call.path, call) then
    started = self.transport.now()
    event = require("mic.events").request(self, call)
  end
  return finish(self, call, started, exchange(self, call, seconds, self.debug and event))
end

return attempt
