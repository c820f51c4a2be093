--- Programs under spec/c/puppet.c: what the system does to their files is decided by them.

local shell = require "spec.support.shell"

local puppet = {}

local quote = shell.quote

--- What stands in front of each program:
---   tell "fork"                      the child's pid, 0 in the child
---   tell "wait:PID"                  its exit status; 256 + N after signal N
---   tell "kill:PID"                  with SIGKILL
---   tell "exit:N"                    at once, without any clean-up
---   tell "umask:0777" (octal), tell "chdir:PATH", tell "become:UID" (for good)
---   tell "euid:N"                    geteuid says so from now on
---   tell "fail:CALL:N:WHAT"          the Nth CALL ("any", "write" …) from now on fails with WHAT,
---                                    an errno's name; "N+" means all after it too. "kill" kills
---                                    before it, "half" within a write, "short" does less of it,
---                                    "hook" runs a shell command before it: tell "hook:COMMAND"
---   tell "fired"                     how often that has happened
---   tell "descriptors"               how many are open
---   tell "scan:TEXT"                 how often the text, given backwards, stands in memory
--- Calls count that are about paths with the scratch folder's path in them. A store at PATH, and
--- records that differ in their number, are there as well.
local PRELUDE = [[
local core = require "mic.core"
local mic = require "mic"
local FOLDER, PATH, KEY = %q, %q, "key"
local function tell(command)
  local _, _, answer = io.open("puppet:" .. command)
  return answer
end
tell("watch:" .. FOLDER)
local maker = core.client {
  base_url = "https://api.example", api_key = "-", profile = require "mic.profile.mic",
}
maker:adopt { token = "t0ken-of-the-store", identity = "identity", refresh_token = "r3fresh" }
local function record(number)
  return maker:record():with_retry_at(number)
end
local store = mic.store.file { path = PATH }
local function number(...)
  local loaded, err = (... or store).load(KEY)
  return loaded and loaded:retry_at() or err and err.code or "none"
end
]]

--- The shell command that runs Lua text.
---@param folder table of scratch; the store's path is "store/credentials" in it
---@param text string after the prelude
---@param name? string of the file with the text
---@return string command
function puppet.command(folder, text, name)
  local path = folder:at "store/credentials"
  local file = folder:write(name or "child.lua", PRELUDE:format(folder.path, path) .. text)
  local root = shell.build:gsub("/[^/]*$", "")
  local library = shell.compile(root .. "/puppet.so", "spec/c/puppet.c", "-shared -fPIC")
  local preload = quote(library)
  return ("env LD_PRELOAD=%s MIC_PRELOAD=%s %s %s"):format(preload, preload, shell.lua, quote(file))
end

--- Runs Lua text.
---@return string printed both streams
---@return number status of the shell: 137 when it was killed
function puppet.run(folder, text)
  local command = puppet.command(folder, text)
  return shell.run("{ " .. command .. "\n} 2>&1")
end

--- Runs Lua text that must end well.
---@return string printed both streams
function puppet.lua(folder, text)
  local printed, status = puppet.run(folder, text)
  assert(status == 0, printed)
  return printed
end

--- Whether the specs run as root, whom permissions do not stop.
function puppet.is_root()
  return shell.check "id -u" == "0\n"
end

return puppet
