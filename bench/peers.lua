--- Benchmark: small authenticated GETs over TLS with other Lua clients: CPU against the C loop,
--- each as its documentation shows, JSON decoded. Those that are not found are left out; PEERS_PATH
--- and PEERS_CPATH are searched too. Debian has lua-http for Lua 5.1 to 5.3, without its modules:
---   make bench BENCH=peers LUA=lua5.3 PEERS_PATH=…/?.lua PEERS_CPATH=…/?.so

local support = require "support"

package.path = package.path .. ";" .. (os.getenv "PEERS_PATH" or "")
package.cpath = package.cpath .. ";" .. (os.getenv "PEERS_CPATH" or "")

local COUNT = 200
local limit, ROUNDS = support.limit, tonumber(os.getenv "ROUNDS" or 15)
local client, lines = support.client()
local decode = support.decode()
local url = support.url "/users/demo"
local loop = limit.sequential(url, lines, support.ca_file)

local makers = {}

makers[1] = { "lua-mic", function()
  return function()
    return assert(client:get "/users/demo").data
  end
end }

makers[2] = { "Lua-cURLv3", function()
  local easy = require("lcurl").easy()
  local parts
  easy:setopt { url = url, cainfo = support.ca_file, httpheader = lines,
    writefunction = function(part)
      parts[#parts + 1] = part
    end }
  return function()
    parts = {}
    easy:perform()
    assert(easy:getinfo_response_code() == 200)
    return decode(table.concat(parts))
  end
end }

--- A context that trusts the sandbox.
local function lua_http_tls()
  local store = require "openssl.x509.store".new()
  store:add(support.ca_file)
  local context = require "http.tls".new_client_context()
  context:setStore(store)
  return context
end

makers[3] = { "lua-http, request:go", function()
  local context = lua_http_tls()
  return function()
    local request = require("http.request").new_from_uri(url)
    request.ctx = context
    for _, line in ipairs(lines) do
      local name, value = line:match "^([^:]+): (.*)$"
      request.headers:append(name:lower(), value)
    end
    local headers, stream = assert(request:go(20))
    assert(headers:get ":status" == "200")
    local body = assert(stream:get_body_as_string())
    return decode(body)
  end
end }

makers[4] = { "lua-http, one connection kept by hand", function()
  local place, path = url:match "^https://([^/]+)(.*)$"
  local host, port = place:match "^(.*):(%d+)$"
  local connection = assert(require("http.client").connect {
    host = host, port = tonumber(port), tls = true, ctx = lua_http_tls(), version = 2,
  })
  return function()
    local headers = require("http.headers").new()
    headers:append(":method", "GET")
    headers:append(":scheme", "https")
    headers:append(":authority", place)
    headers:append(":path", path)
    for _, line in ipairs(lines) do
      local name, value = line:match "^([^:]+): (.*)$"
      headers:append(name:lower(), value)
    end
    local stream = connection:new_stream()
    assert(stream:write_headers(headers, true, 20))
    assert(assert(stream:get_headers(20)):get ":status" == "200")
    return decode(assert(stream:get_body_as_string(20)))
  end
end }

local function theirs()
  return limit.get(loop, COUNT, nil, decode)
end

theirs()
for _, maker in ipairs(makers) do
  local name, make = maker[1], maker[2]
  local made, get = pcall(function()
    local get = make()
    assert(get().email)
    return get
  end)
  if made then
    support.report(("CPU of %s / C loop + cjson"):format(name),
      support.pair(ROUNDS, theirs, function()
        local begin = limit.cpu()
        for _ = 1, COUNT do
          get()
        end
        return limit.cpu() - begin
      end))
  else
    print(("%s: left out: %s"):format(name, tostring(get):match "[^\n]*"))
  end
end
