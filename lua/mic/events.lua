--- Event emitter: builds the events of calls and delivers them to `on_event`.

local core = require "mic.core"
local errors = require "mic.error"
local auto = require "mic.transport.auto"
local pcall_compat = require "mic.pcall_compat"

local events = {}

local ngx = rawget(_G, "ngx")

local PROBLEM_LIMIT = 300 -- bytes of an error that are shown
local calls = 0

--- Returns the number of a new call, unique in this Lua state.
---@return integer
function events.next_call()
  calls = calls + 1
  return calls
end

--- Rounds seconds to a tenth of a millisecond.
---@param seconds number
---@return number
function events.rounded(seconds)
  return math.floor(seconds * 1e4 + 0.5) / 1e4
end

--- Makes an event of a call.
local function make(self, state, kind, attempt)
  local query = (state.url or state.path):match "%?([^#]+)"
  state.call = state.call or events.next_call()
  return {
    type = kind,
    call = state.call,
    method = state.method,
    path = self.mask(state.shown),
    query = query and self.mask(query),
    attempt = attempt,
  }
end

--- Emits the event of a request that is about to be sent.
---@param self table the client state
---@param state table of the call
---@return table event
function events.request(self, state)
  local event = make(self, state, "request", state.attempts + 1)
  self.emit(event)
  return event
end

--- Emits the event of the end of an attempt.
---@param self table the client state
---@param state table of the call
---@param started number start of the attempt, on the transport's clock
---@param reply table|nil of a 2xx answer only the fields that the event shows
---@param err table|nil why there is no reply
---@param exchange table|nil of the core, for the debug channel
function events.response(self, state, started, reply, err, exchange)
  local event = make(self, state, "response", state.attempts)
  event.seconds = events.rounded(self.transport.now() - started)
  event.err = err
  if reply then
    event.status = reply.status
    event.http_version = reply.http_version
    event.new_connection = reply.new_connection
    event.auth = reply.authenticated
    event.bytes = not state.flows and reply.body and #reply.body or nil
    if reply.status >= 300 then
      local headers = core.parse_headers(reply.head)
      local request_id = errors.request_id(headers)
      event.request_id = request_id and self.mask(request_id)
      event.reason = reply.means
    end
  end
  if self.debug then
    self.debug:keep(event, exchange, self.mask)
  end
  self.emit(event)
end

--- Emits the event of a delay before the next attempt.
---@param self table the client state
---@param state table of the call
---@param delay number seconds
---@param reason string
function events.retry(self, state, delay, reason)
  local event = make(self, state, "retry", state.attempts + 1)
  event.delay = events.rounded(delay)
  event.reason = reason
  self.emit(event)
end

local function show(self, line)
  if self.debug then
    self.debug:tell(line)
  elseif auto.is_in_nginx() then
    ngx.log(ngx.ERR, line)
  else
    io.stderr:write(line, "\n")
  end
end

--- Returns a function that passes events to the user's function. An error raised there has no
--- effect on the call: it is kept in `event_error`, and the first one is printed.
---@param self table the client state: mask, and event_error once there is one
---@param on_event function|nil
---@return fun(event: table)
function events.emitter(self, on_event)
  if not on_event then
    return function() end
  end
  return function(event)
    local ok, problem = pcall_compat.user(on_event, event)
    if ok then
      return
    end
    local is_first = self.event_error == nil
    self.event_error = errors.one_line(self.mask(tostring(problem)), PROBLEM_LIMIT)
    if is_first then
      show(self, "mic: on_event raised an error, which is not shown again: " .. self.event_error)
    end
  end
end

return events
