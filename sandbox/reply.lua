--- Replies: those of the gateway, byte for byte, and those of the application behind it.
local json = require "sandbox.json"
local random = require "sandbox.random"
local state = require "sandbox.state"

local reply = {}

local JSON = "application/json"

-- Status, body, x-amzn-ErrorType, content type. The 5xx bodies have a space after the colon.
local GATEWAY = {
  forbidden = { 403, '{"message":"Forbidden"}', "ForbiddenException" },
  unauthorized = { 401, '{"message":"Unauthorized"}', "UnauthorizedException" },
  expired = { 401, '{"message":"The incoming token has expired"}', "UnauthorizedException" },
  no_route = {
    403, '{"message":"Missing Authentication Token"}', "MissingAuthenticationTokenException",
  },
  too_large = { 413, "HTTP content length exceeded 10485760 bytes.", nil, "text/plain" },
  -- No Retry-After and no other header about limits comes with these two.
  throttled = { 429, '{"message":"Too Many Requests"}', "TooManyRequestsException" },
  quota = { 429, '{"message":"Limit Exceeded"}', "LimitExceededException" },
  broken = { 500, '{"message": "Internal server error"}', "InternalServerErrorException" },
  broken_integration = {
    502, '{"message": "Internal server error"}', "InternalServerErrorException",
  },
  unavailable = { 503, '{"message": "Service Unavailable"}', "ServiceUnavailableException" },
  -- Not captured from the API: statuses from the AWS documentation, bodies of our choice.
  bad_request = { 400, '{"message":"Bad Request"}', "BadRequestException" },
  bad_json = {
    400, '{"message": "Could not parse request body into json: Unexpected character"}',
    "BadRequestException",
  },
  uri_too_long = { 414, '{"message":"Request URI Too Long"}' },
  headers_too_large = { 431, '{"message":"Request Header Fields Too Large"}' },
}

-- Which status goes with which messageKey is not known: these are the sandbox's choice.
local APPLICATION = {
  PROPERTY_REQUIRED = { 400, "Property is required" },
  PROPERTY_NOT_DELETABLE = { 400, "Property can not be deleted" },
  INVALID_ARGUMENTS = { 400, "Invalid arguments" },
  INVALID_LOGIN = { 401, "Invalid login" },
  NOT_AUTHORIZED = { 403, "Not authorized" },
  NOT_AUTHORIZED_DOMAIN = { 403, "Not authorized for the domain" },
  PROPERTY_NOT_A_NUMBER = { 400, "Property is not a number" },
  PROPERTY_NOT_IN_RANGE = { 400, "Property is not in range" },
  USER_CONSENT_REQUIRED = { 403, "Consent is required" },
  USER_NOT_FOUND = { 404, "User not found" },
  USER_USERNAME_EXISTS = { 400, "User name exists already" },
  THING_TYPE_NOT_FOUND = { 404, "Thing type not found" },
  FILE_NOT_FOUND = { 404, "File not found" },
  THING_GROUP_NOT_FOUND = { 404, "Thing group not found" },
  -- The API has such keys, but their names are not documented.
  THING_NOT_FOUND = { 404, "Thing not found" },
  EVENT_NOT_FOUND = { 404, "Event not found" },
}

local function send(status, body, content_type, extra)
  local header = ngx.header
  ngx.status = status
  header["Content-Type"] = content_type
  header["Content-Length"] = #body
  header["x-amzn-RequestId"] = random.uuid()
  header["x-amz-apigw-id"] = ngx.encode_base64(random.bytes(11))
  header["Server"] = "" -- API Gateway sends none
  for name, value in pairs(extra or {}) do
    header[name] = value
  end
  local offset = state.mode "clock_offset"
  if offset ~= 0 then
    header["Date"] = ngx.http_time(ngx.time() + offset)
  end
  ngx.print(body)
end

local function trace()
  return { ["X-Amzn-Trace-Id"] =
    string.format("Root=1-%08x-%s", ngx.time(), random.hex(12)) }
end

--- An answer of the gateway itself.
---@param name string one of GATEWAY
function reply.gateway(name)
  local status, body, kind, content_type = unpack(GATEWAY[name], 1, 4)
  send(status, body, content_type or JSON, { ["x-amzn-ErrorType"] = kind })
end

--- No such route, but an Authorization header: the gateway takes it for a SigV4 signature.
---@param authorization string
function reply.no_signature(authorization)
  send(403, '{"message":"Invalid key=value pair (missing equal-sign) in Authorization header '
    .. "(hashed with SHA-256 and encoded with Base64): '"
    .. ngx.encode_base64(random.sha256(authorization)) .. "'.\"}", JSON,
    { ["x-amzn-ErrorType"] = "IncompleteSignatureException" })
end

--- Success behind the gateway.
---@param body string JSON
---@param status integer? 200 when missing
function reply.ok(body, status)
  send(status or 200, body, JSON, trace())
end

--- An answer of another API than MIC: none of the gateway's headers.
---@param status integer
---@param body string
---@param headers table? by name
function reply.plain(status, body, headers)
  ngx.status = status
  ngx.header["Content-Type"] = JSON
  ngx.header["Content-Length"] = #body
  for name, value in pairs(headers or {}) do
    ngx.header[name] = value
  end
  local offset = state.mode "clock_offset"
  if offset ~= 0 then
    ngx.header["Date"] = ngx.http_time(ngx.time() + offset)
  end
  ngx.print(body)
end

--- The bytes of a file.
---@param bytes string
---@param content_type string
---@param etag string
function reply.file(bytes, content_type, etag)
  local extra = trace()
  extra.ETag = etag
  send(200, bytes, content_type, extra)
end

--- Success without content.
function reply.empty()
  ngx.status = 204
  ngx.header["x-amzn-RequestId"] = random.uuid()
  ngx.header["x-amz-apigw-id"] = ngx.encode_base64(random.bytes(11))
  ngx.header["Server"] = ""
  for name, value in pairs(trace()) do
    ngx.header[name] = value
  end
  ngx.send_headers()
end

--- What the search behind the API refuses: of such an answer no more is known than that `message`
--- is an object with the text `Error` in it. The status is our choice.
function reply.search_failed()
  send(400, '{"message":{"message":"Error"}}', JSON, trace())
end

--- An error of the application.
---@param key string one of APPLICATION
---@param property string? the field that was wrong
---@param params table? messageParams
function reply.error(key, property, params)
  local status, text = unpack(APPLICATION[key], 1, 2)
  local inner = json.object {
    { "messageKey", key }, { "message", text }, { "messageParams", params },
    { "property", property },
  }
  send(status, '{"message":' .. inner .. "}", JSON, trace())
end

return reply
