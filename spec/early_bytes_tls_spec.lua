-- Response splitting over TLS, where the TLS library may buffer bytes already received.

local cleanup = require "spec.support.cleanup"
local clock = require "spec.support.clock"
local libcurl = require "spec.support.libcurl"
local mic = require "mic"
local nginx = require "spec.support.nginx"
local tls_server = require "spec.support.tls_server"

local folder = tls_server.folder()
local client, server

--- Answers in HTTP/1.1, over the bare connection, with the connection's number; as the path says.
local ANSWERS = [[
  local connection, path = ngx.var.connection, ngx.var.uri
  ngx.req.read_body()
  local socket = ngx.req.socket(true)
  local body = ('{"connection":%s}'):format(connection)
  local stale = "HTTP/1.1 200 OK\r\nContent-Length: 14\r\n\r\n" .. '{"stale":true}'
  repeat
    socket:send("HTTP/1.1 200 OK\r\nContent-Length: " .. #body .. "\r\n\r\n")
    ngx.sleep(0.02)
    if path:find "within" then
      socket:send(body .. stale)
    else
      socket:send(body)
    end
    if path:find "behind" then
      socket:send(stale)
    end
    ngx.shared.notes:incr("sent", 1, 0)
    local line, length = nil, 0
    repeat
      line = socket:receive "*l"
      length = line and tonumber(line:match "^[Cc]ontent%-[Ll]ength: (%d+)") or length
    until not line or #line == 0
    if line and length > 0 then
      socket:receive(length)
    end
  until not line
]]

server = nginx.start {
  server = ([[
    listen 127.0.0.1:TLS_PORT ssl;
    ssl_certificate %s/good.pem;
    ssl_certificate_key %s/good.key;
    lua_socket_log_errors off;
    location / { content_by_lua_block {%s} }
    location = /sent { content_by_lua_block { ngx.say(ngx.shared.notes:get "sent" or 0) } }
  ]]):format(folder.path, folder.path, ANSWERS),
}

before_each(function()
  client = cleanup.close(mic.new {
    base_url = ("https://localhost:%d"):format(server.tls_port),
    api_key = "k",
    tls = { ca_file = folder:at "ca.pem" },
    retry = false,
  })
end)

--- How often an answer has been sent, with what follows it.
local function sent()
  return tonumber((server:get "/sent"))
end

local function await_sent(count)
  assert.is_true(clock.eventually(function()
    return sent() >= count
  end))
end

describe("over TLS, a response received", function()
  for where, what in pairs {
    within = "with the end of the answer before",
    behind = "by itself",
  } do
    it(what .. ", is no answer to the next request", function()
      local path = "/" .. where
      local last = 0
      local before = sent()
      for count = 1, 3 do
        local response = mic.assert(client:post(path, { a = 1 }, { auth = false }))
        assert.is_true(response.new_connection)
        assert.is_true(response.data.connection > last)
        last = response.data.connection
        await_sent(before + count)
      end
    end)
  end
end)

describe("over TLS, a connection without unexpected bytes", function()
  it("is kept, also with the tickets of TLS 1.3", function()
    local before = sent()
    local first = mic.assert(client:get("/plain", { auth = false }))
    for count = 1, 5 do
      await_sent(before + count)
      -- Before 7.80 a POST opens a connection in any case.
      local send = libcurl.before(7, 80) and client.put or client.post
      local response = mic.assert(send(client, "/plain", {}, { auth = false }))
      assert.is_false(response.new_connection)
      assert.equal(first.data.connection, response.data.connection)
    end
  end)
end)
