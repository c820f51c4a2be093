--- Shell commands, and the interpreter and the build under test.

local cleanup = require "spec.support.cleanup"
local core = require "mic.core"

local shell = {}

--- The interpreter under test, for child processes.
shell.lua = os.getenv "LUA" or (rawget(_G, "jit") and "luajit" or "lua5.4")

--- The folder of the build under test; the one above it holds what all interpreters share.
shell.build = os.getenv "MIC_BUILD" or "build/" .. shell.lua:match "[^/]+$"

--- Quotes a word for the shell.
---@param text string
---@return string
function shell.quote(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

--- Runs a command.
---@param command string
---@return string output its standard output
---@return integer status its exit status (128 + the number of a signal)
function shell.run(command)
  local pipe = assert(io.popen("(" .. command .. "\n)\nprintf '\\n%d' $?", "r"))
  local text = pipe:read "*a"
  pipe:close()
  local output, status = text:match "^(.*)\n(%d+)$"
  return output, tonumber(status)
end

--- Starts a command; the pipe to it is closed with the test or the block at the latest.
---@param command string
---@param mode? string "r" to read its output (the default), "w" to write its input
---@return file* pipe
function shell.start(command, mode)
  return cleanup.close(assert(io.popen(command, mode or "r")))
end

--- Runs a command that must succeed; raises with its output if it fails.
---@param command string
---@return string output both streams
function shell.check(command)
  local output, status = shell.run("{ " .. command .. "\n} 2>&1")
  assert(status == 0, command .. "\n" .. output)
  return output
end

--- The current folder.
---@return string path
function shell.folder()
  return (shell.check("pwd"):gsub("\n$", ""))
end

--- A port below the ephemeral range on which nothing listens; another program may take it later.
---@return integer
function shell.port()
  local socket = require "socket"
  while true do
    local port = 20000 + math.floor(core.random() * 12000)
    local listener = socket.bind("127.0.0.1", port)
    if listener then
      listener:close()
      return port
    end
  end
end

--- Builds a program or a shared object from C, unless it is newer than its source. Several runs of
--- the specs may build it at the same time.
---@param target string
---@param source string
---@param flags string for the compiler
---@return string target as an absolute path
function shell.compile(target, source, flags)
  shell.check(([[
    target=%s source=%s
    [ "$target" -nt "$source" ] || {
      mkdir -p "$(dirname "$target")"
      cc -std=c11 -D_GNU_SOURCE -O1 %s -o "$target.$$" "$source" && mv "$target.$$" "$target"
    }
  ]]):format(shell.quote(target), shell.quote(source), flags))
  return target:find "^/" and target or shell.folder() .. "/" .. target
end

return shell
