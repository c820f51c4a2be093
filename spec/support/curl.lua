--- Requests by the curl command, for specs that ask a server without the code under test. A file
--- that only this user can read holds everything: no secret is in an argument.

local cjson = require "cjson.safe"

local curl = {}

local LONGEST_SECONDS = 20

local function word(text)
  return '"' .. text:gsub('[\\"]', "\\%0"):gsub("\n", "\\n"):gsub("\r", "\\r") .. '"'
end

--- A text for a form.
---@param text string
---@return string
function curl.percent(text)
  return (text:gsub("[^%w._~-]", function(byte)
    return ("%%%02X"):format(byte:byte())
  end))
end

--- A form, its names in order.
---@param fields table<string, string>
---@return string
function curl.form(fields)
  local pairs_of = {}
  for name, value in pairs(fields) do
    pairs_of[#pairs_of + 1] = curl.percent(name) .. "=" .. curl.percent(value)
  end
  table.sort(pairs_of)
  return table.concat(pairs_of, "&")
end

local function configuration(request, header_path)
  local lines = {
    "url = " .. word(request.url),
    "request = " .. word(request.method or (request.body or request.form or request.json) and "POST"
      or "GET"),
    'noproxy = "*"',
    "max-time = " .. LONGEST_SECONDS,
    "dump-header = " .. word(header_path), -- apart, since trailers follow the body
    "silent",
    "show-error",
    'header = "Expect:"',
    'header = "Accept: application/json"',
  }
  for name, value in pairs(request.headers or {}) do
    lines[#lines + 1] = "header = " .. word(name .. ": " .. value)
  end
  if request.user then
    lines[#lines + 1] = "basic\nuser = " .. word(request.user)
  end
  local body = request.body or request.form and curl.form(request.form)
  if request.json then
    body = cjson.encode(request.json)
    lines[#lines + 1] = 'header = "Content-Type: application/json"'
  end
  if body then
    lines[#lines + 1] = "data-raw = " .. word(body)
  end
  return table.concat(lines, "\n") .. "\n"
end

--- One request.
---@param request { url: string, method?: string, headers?: table<string, string>, user?: string,
---  form?: table<string, string>, json?: table, body?: string } `user` is "name:password"
---@return table? response status, headers (lower-case names), body, data (of JSON); nil: no answer
---@return string? problem
function curl.request(request)
  local path, header_path = os.tmpname(), os.tmpname() -- mode 600
  local file = assert(io.open(path, "wb"))
  file:write(configuration(request, header_path))
  file:close()
  local pipe = assert(io.popen("curl -q -K " .. path .. " 2>&1"))
  local body = pipe:read "*a"
  pipe:close()
  file = assert(io.open(header_path, "rb"))
  local head = file:read "*a"
  file:close()
  os.remove(path)
  os.remove(header_path)
  local status, fields = head:match "^HTTP/%S+ (%d+)[^\n]*\n(.-\r\n)\r\n"
  if not status then
    return nil, body
  end
  local headers = {}
  for name, value in fields:gmatch "([^\r\n:]+): *([^\r\n]*)\r\n" do
    headers[name:lower()] = value
  end
  return { status = tonumber(status), headers = headers, body = body, data = cjson.decode(body) }
end

return curl
