--- Scripted answers: those set by the control endpoint's /answer, sent before any check.
local json = require "sandbox.json"

local answers = {}

local dict = ngx.shared.state
local BLOCK = 65536

local function is_integer(low, high)
  return function(value)
    return type(value) == "number" and value % 1 == 0 and value >= low and value <= high
  end
end

local function is_text(value)
  return type(value) == "string"
end

-- A path without "/" before it, or with a query, would match no request.
local function is_path(value)
  return is_text(value) and value:find "^/[^?]*$" ~= nil
end

local function is_headers(value)
  if type(value) ~= "table" then
    return false
  end
  for name, text in pairs(value) do
    local kind = type(text)
    if type(name) ~= "string" or (kind ~= "string" and kind ~= "table" and text ~= false) then
      return false
    end
  end
  return true
end

local MEMBERS = {
  method = { is_text, "a method or *" },
  path = { is_path, "a path after the stage, such as /users/x, without a query" },
  status = { is_integer(200, 599), "an integer from 200 to 599" },
  headers = { is_headers, "an object: strings, arrays of strings, false for none" },
  body = { is_text, "a string" },
  body_base64 = { function(value)
    return is_text(value) and ngx.decode_base64(value) ~= nil
  end, "base64" },
  ["repeat"] = { is_integer(1, 1e9), "an integer from 1: how often the body is sent" },
  cut = { is_integer(0, 1e12), "the number of body bytes after which the connection is cut" },
  delay = { function(value)
    return type(value) == "number" and value >= 0 and value <= 86400
  end, "seconds from 0 to 86400" },
  times = { is_integer(1, 1e9), "an integer from 1: the number of requests" },
}

local function load()
  return json.decode(dict:get "answers" or "[]")
end

local function save(list)
  dict:set("answers", json.encode(list))
end

--- Queues an answer.
---@param wanted table
---@return boolean? ok
---@return string? message names what was wrong and what is accepted
function answers.add(wanted)
  local known, wrong = {}, {}
  for name in pairs(MEMBERS) do
    known[#known + 1] = name
  end
  table.sort(known)
  for name, value in pairs(wanted) do
    local member = MEMBERS[name]
    if not member then
      wrong[#wrong + 1] = string.format("unknown member %q (known: %s)", tostring(name),
        table.concat(known, ", "))
    elseif not member[1](value) then
      wrong[#wrong + 1] = string.format("%s takes %s", name, member[2])
    end
  end
  if wanted.path == nil then
    wrong[#wrong + 1] = "path is missing"
  end
  if wanted.body ~= nil and wanted.body_base64 ~= nil then
    wrong[#wrong + 1] = "body and body_base64 cannot be combined"
  end
  if #wrong > 0 then
    table.sort(wrong)
    return nil, table.concat(wrong, "; ")
  end
  local list = load()
  list[#list + 1] = wanted
  save(list)
  return true
end

-- Takes the first answer for this request; the query does not matter.
local function take(request)
  if not dict:get "answers" then
    return nil
  end
  local list = load()
  for index, answer in ipairs(list) do
    local method = answer.method or "*"
    if (method == "*" or method == request.method)
      and (answer.path == request.stage_path or answer.path == request.path) then
      answer.times = (answer.times or 1) - 1
      if answer.times == 0 then
        table.remove(list, index)
      end
      save(list)
      return answer
    end
  end
end

local function send_headers(answer, length)
  local header = ngx.header
  ngx.status = answer.status or 200
  header["Server"] = ""
  header["Content-Length"] = length
  for name, value in pairs(answer.headers or {}) do
    header[name] = value or nil
  end
  ngx.send_headers()
end

-- The first `size` bytes of the body repeated, in pieces, so that memory stays flat.
local function send_body(body, size)
  local block = body
  if #body > 0 and #body < BLOCK then
    block = body:rep(math.floor(BLOCK / #body))
  end
  local sent = 0
  while sent < size do
    local piece = #block <= size - sent and block or block:sub(1, size - sent)
    if not ngx.print(piece) or not ngx.flush(true) then
      return
    end
    sent = sent + #piece
  end
end

--- Sends the scripted answer, if any. One with only a delay delays the real answer.
---@param request table
---@return boolean answered
function answers.give(request)
  local answer = take(request)
  if not answer then
    return false
  end
  if answer.delay and answer.delay > 0 then
    ngx.sleep(answer.delay)
  end
  local body = answer.body_base64 and ngx.decode_base64(answer.body_base64) or answer.body
  if not (answer.status or body or answer.headers or answer.cut) then
    return false
  end
  body = body or ""
  local length = #body * (answer["repeat"] or 1)
  if answer.cut == 0 and not (answer.status or answer.headers) then
    ngx.exit(444) -- not even headers
  end
  send_headers(answer, length)
  send_body(body, math.min(length, answer.cut or length))
  if answer.cut then
    ngx.exit(ngx.ERROR)
  end
  return true
end

return answers
