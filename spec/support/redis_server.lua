--- A Redis in a scratch folder, behind a unix socket. It keeps nothing on disk and ends with the
--- test process at the latest.

local blocks = require "spec.support.blocks"
local cleanup = require "spec.support.cleanup"
local clock = require "spec.support.clock"
local resp = require "spec.support.resp"
local scratch = require "spec.support.scratch"
local shell = require "spec.support.shell"

local quote = shell.quote

local redis_server = {}
local server_methods = {}
local server_mt = { __index = server_methods }

--- Starts Redis; also again, after `kill`. It is empty then.
function server_methods:start()
  local command = "cd %s && PATH=$PATH:/usr/sbin:/usr/local/sbin; "
    .. "redis-server --port 0 --unixsocket %s --unixsocketperm 700 --dir . --save '' "
    .. "--appendonly no %s >>out 2>&1 & echo $! >pid; cat >/dev/null; kill -9 $! 2>/dev/null; wait"
  self.pipe = assert(io.popen(
    "{ " .. command:format(quote(self.folder.path), quote(self.socket), self.arguments) .. "; }",
    "w"
  ))
  local is_ready = clock.eventually(function()
    return resp.command(self.socket) "PING"
  end)
  assert(is_ready, self.folder:read "out")
end

--- Kills it, and waits until it is gone.
function server_methods:kill()
  if self.pipe then
    shell.check("kill -9 " .. self.folder:read "pid")
    self.pipe:close()
    self.pipe = nil
    os.remove(self.socket)
  end
end

--- Suspends it, with all its connections open, until `go_on`.
function server_methods:stand_still()
  shell.check("kill -STOP " .. self.folder:read "pid")
end

function server_methods:go_on()
  if self.pipe then
    shell.check("kill -CONT " .. self.folder:read "pid")
  end
end

--- A function that sends commands over a connection of its own.
---@return fun(...: string): any, string?
function server_methods:command()
  return resp.command(self.socket)
end

--- Starts a Redis, which ends with the test or the block.
---@param arguments? string further ones
---@return table server socket (its path), folder, `stop()`
function redis_server.start(arguments)
  local folder = scratch.folder()
  local self = { folder = folder, socket = folder:at "redis.sock", arguments = arguments or "" }
  self.stop = cleanup.call(function()
    self:kill()
  end)
  setmetatable(self, server_mt):start()
  return self
end

--- The function `command` that a page of the documentation shows, as the text of an expression:
--- with another way to Redis.
---@param library string that it requires
---@param before string Lua text, what the page has
---@param address string what stands there instead
---@return string
function redis_server.documented(library, before, address)
  for _, block in ipairs(blocks.of("docs/credentials.md", "lua")) do
    local body = block.text:match "\nlocal (function command.-\nend)\n"
    if body and body:find('require("' .. library .. '")', 1, true) then
      local first, last = body:find(before, 1, true)
      body = body:sub(1, first - 1) .. ("%q"):format(address) .. body:sub(last + 1)
      return "(function() local " .. body .. " return command end)()"
    end
  end
  error("docs/credentials.md has no adapter for " .. library)
end

return redis_server
