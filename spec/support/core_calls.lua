--- Calls of the core's client with one table instead of six arguments, and 2xx answers as a table,
--- like all others.

local core = require "mic.core"

local core_calls = {}

--- The arguments of the core client's `call`.
---@param spec table method, path, timeout, resend, body, and the fields of `more`
local function arguments(spec)
  return spec.method, spec.path, spec.timeout, spec.resend, spec.body, spec
end

--- A reply and its hint, or nil, kind, code, message.
local function reply(status, second, packed, fourth, advisory, authenticated)
  if type(status) ~= "number" then
    return status, second, packed, fourth
  end
  local made =
    { status = status, body = second, content_type = fourth, authenticated = authenticated }
  made.head, made.url, made.http_version, made.new_connection, made.timings =
    core.unpack_answer(packed)
  made.headers = core.parse_headers(made.head)
  return made, advisory and "advisory" or nil
end

--- Sends a request and waits for its answer.
---@param client table
---@param spec table
---@return table|nil reply
---@return string|nil hint or, after nil: kind, code, message
function core_calls.request(client, spec)
  return reply(client:call(arguments(spec)))
end

--- Starts a request.
---@param client table
---@param spec table
---@return table exchange
function core_calls.start(client, spec)
  return (client:start("call", arguments(spec)))
end

--- The result of an exchange.
---@param exchange table
---@return table|nil reply
---@return any companion or, after nil: kind, code, message
function core_calls.result(exchange)
  return reply(exchange:result())
end

return core_calls
