--- The shortest way of a call: one with nothing but path, params, query, timeout and data, through
--- a client that nobody listens to, waiting in this thread, or a GET like that which the transport
--- sends. A 2xx answer to it costs one crossing into C (two with a transport) and one table.
--- Everything else goes on in `call`, with what came.

local build = require "mic.request.build"
local send = require "mic.request.send"
local endpoints = require "mic.profile.endpoints"
local errors = require "mic.error"
local json = require "mic.json"
local options = require "mic.options"
local paths = require "mic.http.path"
local retry = require "mic.http.retry"
local response = require "mic.http.response"

local plain = {}

local may_be_timeout = options.call.fields.timeout.check
local plain_options = { params = "table", query = "table", timeout = "number" }

--- Whether there are no options but these, and they are not plainly wrong: then `call` says why.
local function are_plain(opts)
  if type(opts) ~= "table" or getmetatable(opts) ~= nil then
    return false
  end
  for name, value in next, opts do
    if type(value) ~= plain_options[name] then
      return false
    end
  end
  return opts.timeout == nil or may_be_timeout(opts.timeout) == true
end

--- What is sent of a path.
---@return any filled nil when the call is not plain
---@return any path the same without the query of the options
local function fill(path, opts)
  if opts == nil then
    return path, path
  end
  if type(path) ~= "string" or path == "" or not are_plain(opts) then
    return nil
  end
  if not opts.params and not opts.query then
    return path, path
  end
  local filled = paths.fill(path, opts.params)
  return paths.query(filled, opts.query), filled
end

local resends = {}
for _, method in ipairs { "GET", "HEAD", "DELETE", "OPTIONS", "POST", "PUT", "PATCH" } do
  resends[method] = retry.is_idempotent(method)
end

local function is_open(self)
  local session = self.session
  return self.plain_request and not session.vault.unsaved and not session.shared.token
end

--- Whether a plain call may take this way, waiting in this thread.
---@param self table the inside of a client
---@return boolean
plain.is_open = is_open

--- Whether the transport may take a call; one that has a `plain_get` takes nothing else.
local function is_open_in_transport(self, method, data)
  local session = method == "GET" and data == nil and self.plain_get and self.session
  return session and not session.vault.unsaved and not session.shared.token
end

--- Makes a response of what has come for a plain call.
---@param self table the inside of a client
---@param ends number|nil when the call has to have ended
---@param status any what `plain_request` of the core's client returned, as all that follows
---@return table|nil made the response of a 2xx answer; nil for any other: `go_on` of request.send
---@return string|nil problem why its body could not be decoded
---@return boolean|nil good false: the answer is to be refused by mic.request.send
local function answer(self, ends, status, second, packed, content_type, advisory)
  if not (status and packed) then -- a failure, or another answer than 2xx
    return nil
  end
  if advisory then
    self.session:refresh_ahead(ends)
  end
  if not self.retry_budget.is_full then
    self.retry_budget:earn()
  end
  local made, problem = response.plain(status, second, packed, content_type, self.most_values)
  return made, problem, not problem and not errors.is_in(made.data)
end

plain.answer = answer

--- Sends a call, if it is a plain one.
---@param self table the inside of a client
---@param what string for messages
---@param method string
---@param path any as the caller gave it
---@param data any
---@param opts table|nil
---@return boolean plain false: nothing was done
---@return table|nil response
---@return table|nil err
function plain.send(self, what, method, path, data, opts)
  if is_open(self) then
    if self.transport.can_suspend() then
      return false
    end
  elseif not is_open_in_transport(self, method, data) then
    return false
  end
  local filled, place = fill(path, opts)
  if filled == nil then
    return false
  end
  if data ~= nil then
    build.check_data(data, what, method)
  end
  local timeout, deadline = opts and opts.timeout or self.timeout, self.deadline
  local ends
  if deadline then
    ends = self.transport.now() + deadline
    timeout = timeout < deadline and timeout or deadline
  end
  local status, second, packed, content_type, advisory
  if self.plain_get then
    status, second, packed, content_type, advisory = self:plain_get(filled, timeout)
  else
    local body = data ~= nil and json.encode(data) or nil
    local resend = resends[method] or (method == "POST" and endpoints.searches[place]) or false
    status, second, packed, content_type, advisory =
      self.plain_request(self.core, method, filled, timeout, resend, body)
  end
  if status == false then
    return false
  end
  self.used_transport = not self.plain_get and "blocking" or nil
  local counters = self.session.counters
  counters.calls = counters.calls + 1
  local made, problem, good = answer(self, ends, status, second, packed, content_type, advisory)
  if good then
    return true, made
  end
  local built = build.call(opts, what, method, path, data)
  built.ends = ends
  if made then
    return true, send.refuse(self, built, made, problem)
  end
  return true, send.go_on(self, built, status, second, packed, content_type)
end

return plain
