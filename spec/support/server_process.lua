--- A server as a process of its own in a scratch folder. It ends with the test or the block, with
--- the test process at the latest, and leaves nothing.

local cleanup = require "spec.support.cleanup"
local clock = require "spec.support.clock"
local scratch = require "spec.support.scratch"
local shell = require "spec.support.shell"
local socket = require "socket"

local quote = shell.quote

local server_process = {}
local process_methods = {}
local process_mt = { __index = process_methods }

local START_SECONDS = 60 -- on a busy machine; most need less than two
local TRIES = 5 -- another process may take a free port before the server does

-- When the pipe to this shell closes, and so when the test process ends, it kills the server, waits
-- until that is gone and removes the folder. Closing the pipe waits for all that. No signal to the
-- whole group of processes (Ctrl-C) keeps it from that.
local SHELL = [[
  folder=%s
  trap '' HUP INT TERM
  cd "$folder" && exec 3<&0 >>out 2>&1 || exit
  %s </dev/null 3<&- &
  server=$!
  echo $server >pid
  { read -r _ <&3; kill -9 $server; } &
  wait $server
  echo "ended with $?"
  kill -9 $!
  : >ended
  read -r _ <&3
  cd / && rm -rf "$folder"
]]

--- A TCP port of 127.0.0.1 that is free now.
---@return integer
function server_process.free_port()
  local listener = assert(socket.bind("127.0.0.1", 0))
  local _, port = listener:getsockname()
  listener:close()
  return tonumber(port)
end

--- What the server has printed.
---@return string
function process_methods:printed()
  return self.folder:read "out" or ""
end

function process_methods:has_ended()
  return self.folder:read "ended" ~= nil
end

local function launch(options)
  local self = setmetatable({ folder = scratch.folder() }, process_mt)
  local command = options.command(self)
  local pipe = assert(io.popen(SHELL:format(quote(self.folder.path), command), "w"))
  self.stop = cleanup.call(function()
    pipe:close()
  end)
  return self
end

--- Starts a server and waits until it answers.
---@param options { command: (fun(process: table): string), ready: (fun(process: table): any) }
---  `command` gives the words for the shell, run in the folder, and may write files there; it is
---  asked again when a port was taken
---@return table process folder, `stop()` (kills it and removes the folder), the methods above
function server_process.start(options)
  local printed
  for _ = 1, TRIES do
    local self = launch(options)
    local is_ready
    clock.eventually(function()
      is_ready = options.ready(self)
      return is_ready or self:has_ended()
    end, START_SECONDS)
    if is_ready then
      return self
    end
    printed = self:printed()
    self.stop()
    if not printed:lower():find "address already in use" then
      break
    end
  end
  error("the server did not start: " .. printed, 0)
end

return server_process
