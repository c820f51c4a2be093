--- A minimal Redis client for `mic.store.redis`: connects to a unix socket with LuaSocket, keeps
--- the connection, and reconnects after a failure.

require "socket" -- it turns off SIGPIPE, which a lost connection would kill the process with
local unix = require "socket.unix"

local resp = {}

local function write(socket, words)
  local request = { ("*%d\r\n"):format(#words) }
  for _, word in ipairs(words) do
    request[#request + 1] = ("$%d\r\n%s\r\n"):format(#word, word)
  end
  return socket:send(table.concat(request))
end

--- The reply, nil for Redis's nil; or nil and an error, which `broken` tells from one of Redis.
local function read(socket)
  local line, problem = socket:receive "*l"
  if not line then
    return nil, problem, true
  end
  local kind, rest = line:sub(1, 1), line:sub(2)
  if kind == "-" then
    return nil, rest
  elseif kind == "+" then
    return rest
  elseif kind == ":" then
    return tonumber(rest)
  elseif kind == "$" and rest ~= "-1" then
    local bytes
    bytes, problem = socket:receive(tonumber(rest) + 2)
    return bytes and bytes:sub(1, -3), problem, not bytes
  elseif kind == "*" and rest ~= "-1" then
    local list = {}
    for index = 1, tonumber(rest) do
      list[index] = read(socket) or false
    end
    return list
  end
  return nil
end

--- The function `command` for a Redis at a unix socket.
---@param path string
---@return fun(...: string): any, string?
function resp.command(path)
  local socket
  return function(...)
    if not socket then
      local fresh = unix()
      fresh:settimeout(5)
      local connected, problem = fresh:connect(path)
      if not connected then
        return nil, "cannot connect to Redis: " .. problem
      end
      socket = fresh
    end
    local sent, problem = write(socket, { ... })
    local reply, broken = nil, not sent
    if sent then
      reply, problem, broken = read(socket)
    end
    if broken then
      socket:close()
      socket = nil
    end
    return reply, problem
  end
end

return resp
