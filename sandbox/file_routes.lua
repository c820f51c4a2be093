--- Route /files: the list in the form of S3's ListObjectsV2; upload and download in the simplest
--- form, since the real one is not documented.
local arguments = require "sandbox.arguments"
local call_of = require "sandbox.call"
local files = require "sandbox.files"
local json = require "sandbox.json"
local reply = require "sandbox.reply"
local rights = require "sandbox.rights"

local file_routes = {}

local MOST_KEYS = 1000
local LONGEST_KEY = 1024 -- bytes, as in S3
local TOKEN_START = "\251\255" -- so that a token has characters that a query must encode

local function starts(text, start)
  return text:sub(1, #start) == start
end

-- Which files each of the five ways of asking means. listAll leaves the public ones out.
local SCOPES = {
  listAll = function(key)
    return not starts(key, "public/")
  end,
  public = function(key)
    return starts(key, "public/")
  end,
  root = function(key)
    return not key:find("/", 1, true)
  end,
  thingName = function(key, name)
    return starts(key, "things/" .. name .. "/")
  end,
  thingType = function(key, id)
    return starts(key, "thingtypes/" .. id .. "/")
  end,
}
local FLAGS = { listAll = true, public = true, root = true }

-- The one of SCOPES that the call asks for, and its value; nil when there is none, several, or a
-- flag that is not "true".
local function scope_of(call)
  local found, value
  for name in pairs(SCOPES) do
    local text = arguments.text(call, name)
    if text and (found or (FLAGS[name] and text ~= "true")) then
      return nil
    elseif text then
      found, value = name, text
    end
  end
  return found, value
end

-- encodingType is "url": keys come percent-encoded but for the slashes.
local function encoded(key)
  return (key:gsub("[^%w%-._~/]", function(char)
    return string.format("%%%02X", char:byte())
  end))
end

local function show(file)
  return json.object {
    { "Key", encoded(file.Key) }, { "LastModified", file.LastModified }, { "ETag", file.ETag },
    { "Size", file.Size }, { "StorageClass", "STANDARD" },
  }
end

local function token_of(key)
  return ngx.encode_base64(TOKEN_START .. key)
end

-- The key after which a list goes on: "" without a token, nil when it is none of ours.
local function after(token)
  if not token then
    return ""
  end
  local text = ngx.decode_base64(token)
  return text and starts(text, TOKEN_START) and text:sub(#TOKEN_START + 1) or nil
end

--- GET /files
function file_routes.list(call)
  local scope, value = scope_of(call)
  local token, prefix = arguments.text(call, "continuationToken"), arguments.text(call, "prefix")
  local last, most = after(token), arguments.positive(call, "maxKeys")
  local wrong = (not scope and "listAll") or (most == false and "maxKeys")
    or (not last and "continuationToken")
  if wrong then
    return reply.error("INVALID_ARGUMENTS", wrong)
  end
  most = math.min(most or MOST_KEYS, MOST_KEYS)
  local shown, next_token = {}, nil
  for _, file in ipairs(files:all()) do
    local key = file.Key
    if key > last and SCOPES[scope](key, value) and starts(key, prefix or "") then
      if #shown == most then
        next_token = token_of(last)
        break
      end
      shown[#shown + 1], last = show(file), key
    end
  end
  local head = json.object {
    { "isTruncated", next_token ~= nil }, { "keyCount", #shown }, { "maxKeys", most },
    { "encodingType", "url" }, { "prefix", prefix and encoded(prefix) },
    { "continuationToken", token }, { "nextContinuationToken", next_token },
  }
  reply.ok('{"files":' .. json.array(shown) .. "," .. head:sub(2))
end

-- Answers and returns nil when there is no such file.
local function named(call)
  local file = files:find(call.segments[2])
  if not file then
    reply.error("FILE_NOT_FOUND", "key")
  end
  return file
end

--- GET /files/{key}: its bytes. The key is one segment, so its slashes are encoded.
function file_routes.download(call)
  local file = named(call)
  if file then
    reply.file(files.read(file), file.content_type, file.ETag)
  end
end

--- PUT /files/{key}: the body is the file.
function file_routes.upload(call)
  if not rights.may(call, "CREATE", "Files") then
    return
  end
  local key = call.segments[2]
  if #key > LONGEST_KEY or key:find "%c" then
    return reply.error("INVALID_ARGUMENTS", "key")
  end
  local content_type = call_of.header(call, "content-type") or "application/octet-stream"
  reply.ok(show(files.write(key, content_type, call.body)))
end

--- DELETE /files/{key}
function file_routes.remove(call)
  if not rights.may(call, "DELETE", "Files") then
    return
  end
  local file = named(call)
  if file then
    files.delete(file)
    reply.empty()
  end
end

return file_routes
