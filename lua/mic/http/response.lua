--- Response object. Headers and timings are parsed on first access.

local core = require "mic.core"
local json = require "mic.json"

local response = {}
local response_methods = {}
local response_mt = { __name = "mic.response" }
local headers_mt = {}

function headers_mt.__index(headers, name)
  return type(name) == "string" and rawget(headers, core.lower(name)) or nil
end

--- Fields that are unpacked on first access.
local packed = { url = true, http_version = true, new_connection = true, timings = true }

local function unpack_answer(self)
  local bytes = rawget(self, "_packed")
  if bytes then
    self._packed = nil
    self._head, self.url, self.http_version, self.new_connection, self.timings =
      core.unpack_answer(bytes)
  end
end

local function parse(self)
  unpack_answer(self)
  local joined, all = core.parse_headers(rawget(self, "_head"))
  rawset(self, "headers", setmetatable(joined, headers_mt))
  rawset(self, "_all", all)
end

function response_mt:__index(name)
  if name == "headers" or name == "_all" then
    parse(self)
    return rawget(self, name)
  end
  if packed[name] then
    unpack_answer(self)
    return rawget(self, name)
  end
  return response_methods[name]
end

function response_mt:__tostring()
  return ("mic.response (%d, %d bytes)"):format(self.status, #(self.body or ""))
end

--- What `mic.pretty` shows: the body only if it was not decoded.
function response_mt.__readable(made)
  local shown = { status = made.status, url = made.url, attempts = made.attempts }
  shown.headers, shown.data = made.headers, made.data
  shown.body = made.data == nil and made.body ~= "" and made.body or nil
  return shown
end

--- Returns all values of a header, in the order received.
---@param name string in any case
---@return string[] values empty when there is none
function response_methods:header_values(name)
  return self._all[core.lower(name)] or {}
end

--- True if the type is JSON, also one like AWS's application/x-amz-json-1.1, or if there is none.
--- Not types of several documents, such as application/x-ndjson.
local function is_json(content_type)
  if not content_type or content_type == "application/json" then
    return true
  end
  local kind = core.lower(content_type):match "^%s*([^;%s]*)"
  return kind == "application/json" or kind == "text/json" or kind == "application/json-rpc"
    or kind:find "%+json$" ~= nil
    or kind:find "^%a+/x.*%-json[%d.-]*$" ~= nil
end

--- Turns the core's reply, which is not 2xx or of a login, into a response. Reuses the table.
---@param reply table
---@param attempts number requests sent for the call
---@param decode boolean decode a JSON body
---@param most number|nil largest number of JSON values
---@return table response
---@return string|nil problem why its body could not be decoded
function response.new(reply, attempts, decode, most)
  local problem
  local body = reply.body
  if not body then
    reply.body = ""
  elseif decode and body ~= "" and is_json(reply.content_type) then
    reply.data, problem = json.decode(body, most)
  end
  reply.attempts = attempts
  reply._head, reply.head = reply.head, nil
  return setmetatable(reply, response_mt), problem
end

--- Makes the response of a 2xx answer; the packed rest is unpacked on first access.
---@param status integer
---@param body string
---@param packed_answer string of the core
---@param content_type string|nil
---@param attempts number requests sent for the call
---@param most number|false largest number of JSON values; false: the body is not decoded
---@return table response
---@return string|nil problem why its body could not be decoded
function response.of_success(status, body, packed_answer, content_type, attempts, most)
  local data, problem
  if most and body ~= "" and (content_type == "application/json" or is_json(content_type)) then
    data, problem = json.decode(body, most)
  end
  local made =
    { status = status, body = body, data = data, attempts = attempts, _packed = packed_answer }
  return setmetatable(made, response_mt), problem
end

--- Removes internal fields before the response reaches the user.
---@param made table
---@return table response the same
function response.seal(made)
  made.content_type, made.generation, made.authenticated = nil, nil, nil
  made.location, made.same_origin, made.means = nil, nil, nil
  made.is_foreign, made.on_loopback = nil, nil
  made.absorbed, made.problem = nil, nil
  return made
end

return response
