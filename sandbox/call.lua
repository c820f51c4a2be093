--- One request as the gateway sees it: raw path, decoded segments, headers, body.
local call = {}

local STAGE = "/prod"
local LARGEST_BODY = 10485760

local function decode(text)
  return (text:gsub("%%(%x%x)", function(hex)
    return string.char(tonumber(hex, 16))
  end))
end

-- "/users/a%2Fb" -> { "users", "a/b" }. An empty segment stays, so that it matches no route.
local function split(path)
  local segments = {}
  for segment in path:gmatch "/([^/]*)" do
    segments[#segments + 1] = decode(segment)
  end
  return segments
end

-- The part after the stage, or nil when the path has another stage or none.
local function after_stage(path)
  if path == STAGE then
    return "/"
  end
  if path:sub(1, #STAGE + 1) == STAGE .. "/" then
    return path:sub(#STAGE + 1)
  end
end

-- The body's text, or nil when it is longer than the gateway takes.
local function read_body()
  if (tonumber(ngx.var.http_content_length) or 0) > LARGEST_BODY then
    return nil -- unread: nginx discards it
  end
  ngx.req.read_body()
  local path = ngx.req.get_body_file()
  if not path then
    return ngx.req.get_body_data() or ""
  end
  local file = assert(io.open(path, "rb"))
  local text = file:read(LARGEST_BODY + 1) or ""
  file:close()
  return #text <= LARGEST_BODY and text or nil
end

--- Reads the current request.
---@return table call method, uri, path (raw), stage_path, segments, query, headers, header_size,
--- body (nil when too large)
function call.read()
  local uri = ngx.var.request_uri
  local path = uri:match "^[^?]*"
  local stage_path = after_stage(path)
  local headers, size = ngx.req.get_headers(0), 0
  for _, value in pairs(headers) do
    for _, text in ipairs(type(value) == "table" and value or { value }) do
      size = size + #tostring(text)
    end
  end
  return {
    method = ngx.req.get_method(), uri = uri, path = path, stage_path = stage_path,
    segments = stage_path and split(stage_path), query = ngx.req.get_uri_args(0),
    headers = headers, header_size = size, body = read_body(),
  }
end

--- A header that was given exactly once and is not empty.
---@param request table
---@param name string lower case
---@return string? value of several ones joined, so that they match nothing
function call.header(request, name)
  local value = request.headers[name]
  if type(value) == "table" then
    return table.concat(value, ", ")
  end
  if type(value) == "string" and value ~= "" then
    return value
  end
end

return call
