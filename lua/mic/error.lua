--- Error object of all run-time failures, and raising of misuse.

local error_body = require "mic.error_body"
local hints = require "mic.hints"
local one_line = require("mic.one_line").of

local errors = {}
local members = hints.members
local error_mt = { __name = "mic.error" }

local getinfo = type(debug) == "table" and debug.getinfo

local MESSAGE_LIMIT = 300
local SEEN_LIMIT = 4096 -- bytes of a text considered for a message
local WORD_LIMIT = 64
local PATH_LIMIT = 200
local DETAILS_LIMIT = 198 -- with ": " 200 bytes
local DEPTH_LIMIT = 16
local PARAMS_LIMIT = 1000 -- most members of message_params
local KEY_MINIMUM = 4 -- shorter secrets match whole texts only, and a key may equal one by chance
local BODY_LIMIT = 1024 * 1024 -- a longer error body is not decoded for its message

local kinds = {
  network = true,
  timeout = true,
  tls = true,
  http = true,
  auth = true,
  decode = true,
  too_large = true,
  store = true,
  file = true,
  config = true,
  phase = true,
  cancelled = true,
  closed = true,
}

--- Kinds that are retryable by default.
local retryable_kinds = { network = true, timeout = true }
--- Codes of these kinds that are not: the same answer is to be expected.
local lasting_codes = { CURLE_BAD_CONTENT_ENCODING = true }
local retryable_statuses = { [429] = true, [500] = true, [502] = true, [503] = true, [504] = true }

local fields_kept = {
  "hint",
  "status",
  "key",
  "property",
  "message_params",
  "request_id",
  "response",
  "attempts",
  "location",
  "code",
  "cause",
  "method",
}

--- Returns the path without query and fragment, which may contain data and the identity, and
--- without user information.
local function bare_path(path)
  path = path:gsub("[?#].*$", "")
  return (path:gsub("^(%a[%w+.-]*://)[^/]*@", "%1"))
end

errors.one_line = one_line

local function same(text, limit)
  return limit and text:sub(1, limit) or text
end

local function shown_details(err)
  local added = error_body.details(err)
  return added ~= "" and ": " .. one_line(added:sub(3), DETAILS_LIMIT) or ""
end

function error_mt:__tostring()
  local head = { self.kind }
  if self.status then
    head[#head + 1] = ("%d"):format(self.status)
  end
  if self.key then
    head[#head + 1] = one_line(self.key, WORD_LIMIT)
  end

  local where = {}
  if self.method and self.path then
    where[#where + 1] = self.method .. " " .. self.path
  elseif self.path then
    where[#where + 1] = self.path
  end
  if self.request_id then
    where[#where + 1] = "request " .. one_line(self.request_id, WORD_LIMIT)
  end
  if self.code then
    where[#where + 1] = self.code
  end

  local line = table.concat(head, " ") .. ": " .. self.message .. shown_details(self)
  if #where > 0 then
    line = line .. " (" .. table.concat(where, ", ") .. ")"
  end
  if self.hint then
    line = line .. " - " .. self.hint
  end
  return line
end

function error_mt.__concat(left, right)
  return tostring(left) .. tostring(right)
end

--- True if a call that failed without a usable answer may succeed later.
---@param kind string
---@param code? string libcurl's symbolic code
---@return boolean
function errors.is_passing(kind, code)
  return (retryable_kinds[kind] and not lasting_codes[code]) or false
end

--- Makes an error object. The message is our own (for a server's message use `from_reply`).
--- `fields` may have hint, status, key, property, message_params, request_id, response, retryable,
--- attempts, location, code, method and path, and the facts fresh_token and no_manifest
--- for the hint. By default the hint is looked up, and `retryable` follows from the kind.
---@param kind string one of the documented kinds
---@param message string one readable sentence, without secrets
---@param fields? table
---@return table err
function errors.new(kind, message, fields)
  assert(kinds[kind], "no such error kind")
  fields = fields or {}
  local err = { kind = kind, message = one_line(message, MESSAGE_LIMIT) }
  for _, name in ipairs(fields_kept) do
    err[name] = fields[name]
  end
  if fields.path then
    err.path = one_line(bare_path(fields.path), PATH_LIMIT)
  end
  err.retryable = fields.retryable
  if err.retryable == nil then
    err.retryable = errors.is_passing(kind, err.code)
  end
  err.hint = err.hint
    or hints.find {
      kind = kind,
      status = err.status,
      message = err.message,
      key = err.key,
      code = err.code,
      fresh_token = fields.fresh_token,
      profile = fields.profile,
      no_login = fields.no_login,
      login_needs = fields.login_needs,
      no_manifest = fields.no_manifest,
      missing = fields.missing,
    }
  return setmetatable(err, error_mt)
end

--- Returns a copy, for each caller that shares an error: callers add their own fields.
---@param err table
---@return table copy
function errors.copy(err)
  local copy = {}
  for name, value in pairs(err) do
    copy[name] = value
  end
  return setmetatable(copy, error_mt)
end

--- True if a value is an error object of this library.
---@param value any
---@return boolean
function errors.is(value)
  return type(value) == "table" and getmetatable(value) == error_mt
end

--- Raises an out-of-memory error again: it is neither misuse nor another failure.
---@param problem any the caught error
function errors.pass_memory(problem)
  if problem == "not enough memory" then
    error(problem, 0)
  end
end

--- `assert` for results of this library, on every Lua.
---@param value any
---@param err any
---@return any ... its arguments if the first is neither nil nor false; else raises the error's line
function errors.assert(value, err, ...)
  if value then
    return value, err, ...
  end
  if errors.is(err) then
    error(tostring(err), 0)
  end
  if err == nil then
    err = "assertion failed!"
  end
  error(err, 0)
end

--- Returns the fields that the error of a call has: the context of `from_fail` and `from_reply`.
---@param client table the client state, or its token source: mask (hides secrets), profile
---@param call table method, shown (the path), attempts
---@return table context
function errors.context(client, call)
  return {
    method = call.method,
    path = call.shown,
    attempts = call.attempts,
    mask = client.mask,
    profile = client.profile.name,
    no_login = client.profile.no_login,
    login_needs = client.profile.login_needs,
  }
end

--- Headers in which servers name a request, the most specific first.
local request_ids = {
  "x-amzn-requestid", "x-amz-apigw-id", "x-request-id", "x-correlation-id", "traceparent",
}

--- Returns the server's name for a request.
---@param headers table<string, string>
---@return string|nil request_id
function errors.request_id(headers)
  for index = 1, #request_ids do
    local value = headers[request_ids[index]]
    if value then
      return value
    end
  end
end

--- Makes the error of a failure in the core. Its kinds `missing` and `stale` become `auth`.
---@param kind string the core's kind
---@param code? string libcurl's or the system's symbolic code
---@param message? string
---@param context? table `mask` (a function that hides secrets) and any field of `new`
---@return table err
function errors.from_fail(kind, code, message, context)
  local fields = {}
  for name, value in pairs(context or {}) do
    fields[name] = value
  end
  local mask = fields.mask or same
  fields.code = code
  if kind == "tls" and message and message:find("is not valid yet", 1, true) then
    fields.retryable = true -- the clock may be corrected
  end
  fields.path = fields.path and mask(fields.path)
  if kind ~= "closed" then -- a closed client has no secrets left and would mask all of it
    message = mask(message or "", SEEN_LIMIT)
  end
  message = message ~= "" and message or "no details"
  if kind == "missing" or kind == "stale" then
    if kind == "missing" and not message:find "^not logged in" then
      message = "not logged in: " .. message
    end
    fields.missing = kind == "missing" or nil
    kind = "auth"
    message = message .. "; nothing was sent"
  end
  return errors.new(kind, message, fields)
end

--- True if the decoded body of a 2xx answer is an error: the API sends errors with status 200, too.
---@param data any
---@return boolean
function errors.is_in(data)
  if type(data) ~= "table" then
    return false
  end
  local legacy = data[members.legacy]
  return legacy ~= nil and legacy ~= require("mic.json").null
end

local function text_or_nil(value, mask)
  if type(value) ~= "string" or value == "" then
    return nil
  end
  return mask(value)
end

--- True if a number contains a secret that consists of digits.
local function is_secret(number, mask)
  local text = (number % 1 == 0 and "%.0f" or "%.14g"):format(number)
  return mask(text) ~= text
end

--- Returns a copy with all strings and numbers masked; the original is unchanged.
local function masked_copy(value, mask, depth, budget)
  if type(value) == "string" then
    return mask(value)
  elseif type(value) == "number" then
    return is_secret(value, mask) and "***" or value
  end
  if type(value) ~= "table" or depth > DEPTH_LIMIT then
    return type(value) ~= "table" and value or nil
  end
  local copy = {}
  for key, member in pairs(value) do
    budget.left = budget.left - 1
    if budget.left < 0 then
      break
    end
    local has_text = type(key) == "string" and #key >= KEY_MINIMUM
    copy[has_text and mask(key) or key] = masked_copy(member, mask, depth + 1, budget)
  end
  return copy
end

--- Makes the error of an answer that is not 2xx, or has `errorMessage`. `context` may have `mask`
--- (a function that hides secrets), `headers` (parsed; default: `reply.head`), `fresh_token` (the
--- call carried a token that should be good), `kind`, `unreadable` (the message if the body is
--- withheld), `unfollowed` (why a redirect was not followed), and any field of `new`. The kind is
--- `http`, or `auth` for a refused login or refresh and for 401 on a fresh token.
---@param reply table the core's reply: status, head, body, location, means
---@param data any the decoded body; nil: it is decoded here
---@param context? table
---@return table err
function errors.from_reply(reply, data, context)
  local fields = {}
  for name, value in pairs(context or {}) do
    fields[name] = value
  end
  local mask = fields.mask or same
  local body, status = reply.body, reply.status
  local location = reply.location and mask(reply.location)
  if data == nil and body and #body <= BODY_LIMIT and body:find "^%s*[{\"]" then
    data = require("mic.json").decode(body)
  end
  local message, details = error_body.read(data)
  message = message and mask(message, SEEN_LIMIT)
  if not message or fields.unfollowed then
    local target = location and one_line(bare_path(location), PATH_LIMIT)
    message = fields.unreadable
      or error_body.describe(body and mask(body, SEEN_LIMIT), target, fields.unfollowed)
  end
  message = message:gsub(hints.digest, "")

  local headers = fields.headers
  local head = rawget(reply, "_head") or reply.head
  if not headers and head then
    headers = require("mic.core").parse_headers(head)
  end
  headers = headers or {}
  fields.status = status
  fields.location = location
  fields.key = text_or_nil(details[members.key], mask)
  fields.property = text_or_nil(details[members.property], mask)
  local params = details[members.params]
  fields.message_params = type(params) == "table"
      and masked_copy(params, mask, 1, { left = PARAMS_LIMIT })
    or nil
  fields.request_id = text_or_nil(errors.request_id(headers), mask)
  fields.path = fields.path and mask(fields.path)
  if fields.retryable == nil then
    fields.retryable = retryable_statuses[status] or false
  end

  local kind = fields.kind
  if not kind then
    local denied = (status == 401 or reply.means == "expired") and fields.fresh_token
    kind = (denied or reply.means == "refused") and "auth" or "http"
  end
  return errors.new(kind, message, fields)
end

--- "@FOLDER/mic" of "@FOLDER/mic/error.lua": our files are below it, and FOLDER/mic.lua.
local own_root = getinfo and getinfo(1, "S").source:match "^(@.+)[/\\][^/\\]+$"

local function is_own(source)
  if source:sub(1, #own_root) ~= own_root then
    return false
  end
  local rest = source:sub(#own_root + 1)
  return rest == ".lua" or rest:find "^[/\\]" ~= nil
end

--- Returns "FILE:LINE: " of the innermost function on the stack outside this library, or "".
local function user_position()
  if not own_root then
    return ""
  end
  local level = 3
  local info = getinfo(level, "Sl")
  while info do
    if info.currentline > 0 and not is_own(info.source) then
      return ("%s:%d: "):format(info.short_src, info.currentline)
    end
    level = level + 1
    info = getinfo(level, "Sl")
  end
  return ""
end

--- Raises misuse, with the position of the user's code. Does not return.
---@param message string what was wrong and what is accepted, without secrets
function errors.raise(message)
  error(user_position() .. message, 0)
end

return errors
