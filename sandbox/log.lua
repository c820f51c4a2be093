--- Request log: one entry per request, made on arrival, completed after the answer. Contains no
--- token, password or refresh token.
local json = require "sandbox.json"
local state = require "sandbox.state"

local log = {}

local dict = ngx.shared.log

local LONGEST_BODY = 65536
local NO_BODY = "^/files/" -- any bytes; a log is text
local SECRET_QUERY = { token = true, refreshToken = true, password = true, Authorization = true }

-- Connections are numbered from 1 in the order of their first request.
local function connection_number()
  local key = "connection:" .. ngx.var.connection
  local number = dict:get(key)
  if not number then
    number = state.count "connections"
    dict:set(key, number)
  end
  return number
end

local function header_names()
  local names, seen = {}, {}
  for name in pairs(ngx.req.get_headers(0, true)) do
    if not seen[name] then
      seen[name] = true
      names[#names + 1] = json.encode(name)
    end
  end
  table.sort(names)
  return names
end

local function masked(uri)
  return (uri:gsub("([?&])([^=&]+)=([^&]*)", function(mark, name)
    if SECRET_QUERY[name] then
      return mark .. name .. "=***"
    end
  end))
end

local function present(name)
  return (ngx.var["http_" .. name] or "") ~= ""
end

local function store(entry)
  local parts = {}
  for _, name in ipairs { "number", "connection", "protocol", "method", "path", "status",
    "authorization", "identityId", "x-api-key", "token_number", "body", "body_size" } do
    if entry[name] ~= nil then
      parts[#parts + 1] = json.encode(name) .. ":" .. json.encode(entry[name])
    end
  end
  parts[#parts + 1] = '"headers":' .. json.array(entry.headers)
  dict:set("entry:" .. entry.number, "{" .. table.concat(parts, ",") .. "}")
end

--- A TLS handshake begins, also one that will be refused; but nginx 1.29.2 and later refuse another
--- name before they call this.
function log.handshake()
  state.count "handshakes"
end

--- A request arrived.
---@param request table? as call.lua reads it; nil when nginx itself refuses it
---@param kind "login"|"refresh"|nil nil for a call
function log.begin(request, kind)
  state.count(kind or "calls")
  local entry = {
    number = dict:incr("last", 1, 0), connection = connection_number(),
    protocol = ngx.var.server_protocol, method = ngx.req.get_method(),
    path = masked(ngx.var.request_uri or ""), headers = header_names(),
    authorization = present "authorization", identityId = present "identityid",
    ["x-api-key"] = present "x_api_key",
  }
  if request and request.body and not kind and not (request.stage_path or ""):find "^/auth/" then
    entry.body_size = #request.body
    local is_text = not (request.stage_path or ""):find(NO_BODY)
    if is_text and #request.body > 0 and #request.body <= LONGEST_BODY then
      entry.body = request.body
    end
  end
  ngx.ctx.entry = entry
  store(entry)
end

--- Which token of this sandbox the request carried.
---@param number integer?
function log.token(number)
  ngx.ctx.entry.token_number = number
end

--- The request is over.
function log.finish()
  if not ngx.ctx.entry then
    log.begin(nil)
  end
  local entry = ngx.ctx.entry
  entry.status = ngx.status
  -- A reset or DELETE /log while the request was under way has dropped the entry.
  if dict:get("entry:" .. entry.number) then
    store(entry)
  end
end

---@return string json array, oldest first
function log.text()
  local texts = {}
  for number = 1, dict:get "last" or 0 do
    texts[#texts + 1] = dict:get("entry:" .. number)
  end
  return json.array(texts)
end

--- Clears the entries; connections keep their numbers.
function log.empty()
  for _, key in ipairs(dict:get_keys(0)) do
    if key:sub(1, 6) == "entry:" then
      dict:delete(key)
    end
  end
end

function log.reset()
  dict:flush_all()
end

return log
