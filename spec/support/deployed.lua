--- A scratch folder as the root of a machine with lua-mic and the recipes of docs/deployment.md,
--- and what starts a program there: its user, its variables, a container's file systems.
---
---     local host = deployed.new(box)
---     host:run(command, { NAME = "value" })

local blocks = require "spec.support.blocks"
local cleanup = require "spec.support.cleanup"
local clock = require "spec.support.clock"
local scratch = require "spec.support.scratch"
local shell = require "spec.support.shell"
local tree = require "spec.support.tree"

local deployed = {}
local deployed_methods = {}
local deployed_mt = { __index = deployed_methods }

local quote, run = shell.quote, shell.check

deployed.page, deployed.recipes = "docs/deployment.md", "examples/deployment/"

--- Whether the specs run as root.
deployed.is_root = run "id -u" == "0\n"

--- The user of the service: a number without a name.
deployed.user = 10001

--- What a program needs to become that user and to get no privilege back; nothing if the specs do
--- not run as root.
local AS_USER = deployed.is_root
  and ("setpriv --reuid=%d --regid=%d --clear-groups --no-new-privs --bounding-set=-all "):format(
    deployed.user, deployed.user)
  or ""

--- Namespaces of a container; nothing where they are not permitted.
local UNSHARE = "unshare --mount --pid --fork --kill-child --mount-proc "
  .. (deployed.is_root and "" or "--map-root-user ")
if select(2, shell.run(UNSHARE .. "true 2>/dev/null")) ~= 0 then
  UNSHARE = nil
end

--- Whether a container has a root of its own here.
deployed.isolates = UNSHARE ~= nil

--- Paths of the recipes that are below the folder.
local BELOW = { "/etc/report", "/etc/systemd/system", "/usr/local/lib/report", "/usr/lib/report",
  "/usr/lib/lua", "/var/run/report", "/run/secrets", "/state" }

--- The text of the page's first block that begins with a text.
---@param beginning string
---@return string
function deployed.block_with(beginning)
  for _, block in ipairs(blocks.read(deployed.page)) do
    if block.text:sub(1, #beginning) == beginning then
      return block.text
    end
  end
  error("no block begins with " .. beginning)
end

--- Whether a program is installed.
function deployed.has(program)
  return select(2, shell.run("command -v " .. program .. " >/dev/null")) == 0
end

--- Makes the machine.
---@param box table of spec.support.api
---@return table host
function deployed.new(box)
  local self = setmetatable({ box = box, folder = scratch.folder() }, deployed_mt)
  self.path = self.folder.path
  cleanup.call(function() -- folders in it may be read-only
    shell.run("chmod -R u+w " .. quote(self.path))
  end)
  self.lua = self:at "/bin/lua"
  local modules = self:at "/usr/lib/lua"
  run(([[
    umask 022 && chmod 755 ROOT && cd ROOT && mkdir -p bin etc/report etc/systemd/system run/secrets
    mkdir -p usr/lib/lua usr/lib/report usr/local/lib && ln -s ../../lib/report usr/local/lib/report
    cp %s ROOT/etc/report/ca.pem && cd - >/dev/null && cp -r lua/. ROOT/usr/lib/lua
    cp %s/mic/*.so ROOT/usr/lib/lua/mic
    cp examples/job.lua examples/deployment/poller.lua ROOT/usr/lib/report
    chmod -R a+rX ROOT
  ]]):format(quote(box.ca_file), shell.build):gsub("ROOT", self.path))
  self:write("/bin/lua", ("#!/bin/sh\nexport LUA_PATH='%s/?.lua;;' LUA_CPATH='%s/?.so;;'\n"
    .. 'exec %s "$@"\n'):format(modules, modules, run("command -v " .. shell.lua):match "[^\n]+"))
  run("chmod 755 " .. self.lua)
  self:secret("/etc/report/password", box.password .. "\n")
  self:secret("/etc/report/env", ([[
MIC_BASE_URL=%s
MIC_API_KEY=%s
MIC_USERNAME=%s
MIC_CA_FILE=%s
INTERVAL=1
]]):format(box.base_url, box.api_key, box.username, self:at "/etc/report/ca.pem"))
  return self
end

--- The path of a file of the machine.
function deployed_methods:at(path)
  return self.path .. path
end

--- Writes a file.
---@return string path
function deployed_methods:write(path, text)
  return self.folder:write(path:sub(2), text)
end

--- Gives files to a user and a group, as far as the specs may.
---@param paths string separated by spaces
---@param owner string|integer of chown
function deployed_methods:own(paths, owner)
  for path in paths:gmatch "%S+" do
    run(("%s chown %s %s"):format(deployed.is_root and "" or ":", owner, self:at(path)))
  end
end

--- Writes a file with a secret.
---@param path string
---@param text string
---@param mode? string octal, by default for its owner only
---@param owner? string|integer of chown
function deployed_methods:secret(path, text, mode, owner)
  os.remove(self:at(path))
  self:write(path, text)
  self:own(path, owner or 0)
  run(("chmod %s %s"):format(mode or "600", self:at(path)))
end

--- Makes a folder as a container runtime or a service manager does.
---@param path string
---@param mode string octal
---@param owner? string|integer of chown, by default the user of the service
function deployed_methods:make(path, mode, owner)
  run("mkdir -p " .. self:at(path))
  self:own(path, owner or deployed.user)
  run(("chmod %s %s"):format(mode, self:at(path)))
end

--- The modes of the store's folder and of what is in it.
---@param path string of the folder above
---@return string modes separated by spaces
function deployed_methods:modes(path)
  local modes = run(("cd %s && stat -c %%a lua-mic lua-mic/*"):format(self:at(path)))
  return (modes:gsub("\n$", ""):gsub("\n", " "))
end

--- The text of a recipe with this machine's paths and interpreter.
---@param text string
---@return string
function deployed_methods:localised(text)
  text = text:gsub("/usr/bin/lua5%.4", "\1"):gsub("/usr/bin/lua%f[^%w]", "\1")
  for _, path in ipairs(BELOW) do
    text = text:gsub("([%w_.]?)(" .. path:gsub("%p", "%%%0") .. ")", function(before, found)
      return before == "" and self:at(found) or nil
    end)
  end
  return (text:gsub("\1", self.lua))
end

--- The variables of a file, as systemd and Docker read it.
---@param path string
---@return table variables
function deployed_methods:variables_of(path)
  local variables = {}
  for name, value in self.folder:read(path:sub(2)):gmatch "([%w_]+)=([^\n]*)" do
    variables[name] = value
  end
  return variables
end

--- The words that run a command as the user of the service with nothing but these variables.
---@param command string shell words
---@param variables table
---@return string
function deployed_methods.words(_, command, variables)
  local words = { AS_USER .. "env -i" }
  for name, value in pairs(variables) do
    words[#words + 1] = quote(name .. "=" .. value)
  end
  return table.concat(words, " ") .. " " .. command
end

--- Runs a command to its end.
---@return string printed both streams
---@return integer status
function deployed_methods:run(command, variables)
  return shell.run("cd / && { " .. self:words(command, variables) .. "\n} 2>&1 </dev/null")
end

--- The shell text that runs a command in a container: a read-only root, an empty /dev/shm, and
--- folders that can be written to.
---@param command string shell words
---@param variables table
---@param writable? string[] paths of the machine
---@return string
function deployed_methods:container(command, variables, writable)
  if not UNSHARE then
    variables.TINI_SUBREAPER = "" -- it is not process 1, and warns
    if variables.XDG_STATE_HOME == "/dev/shm" then
      self:make("/shm", "1777", 0)
      variables.XDG_STATE_HOME = self:at "/shm"
    end
    return "exec " .. self:words(command, variables)
  end
  local steps = { "mount --make-rprivate /", "mount -t tmpfs -o mode=1777,size=64m tmpfs /dev/shm" }
  for _, path in ipairs(writable or {}) do
    steps[#steps + 1] = ("mount --bind %s %s"):format(self:at(path), self:at(path))
  end
  steps[#steps + 1] = "mount -o remount,ro,bind / && cd /"
  steps[#steps + 1] = "exec " .. self:words(command, variables)
  return "exec " .. UNSHARE .. "sh -c " .. quote(table.concat(steps, " && "))
end

--- Starts a program that stays; it ends with the test.
---@param text string shell text
---@return table program with the functions below
function deployed_methods.start(_, text)
  local output = scratch.file ""
  local pipe = shell.start(("exec 2>/dev/null; { %s\n} >%s 2>&1 </dev/null & echo $!; wait"):format(
    text, output))
  local pid = tonumber(pipe:read "*l")
  local program = {}

  --- The program itself: in a container the first process of the namespace.
  local function itself()
    local script = '{ [ "$(cat /proc/%d/comm)" = unshare ] && pgrep -P %d || echo %d; } 2>/dev/null'
    return shell.run(script:format(pid, pid, pid)):match "%d+"
  end

  function program.printed()
    return tree.read(output)
  end

  --- Waits until its output has a pattern.
  function program.prints(pattern)
    return (clock.eventually(function()
      return program.printed():find(pattern) ~= nil
    end))
  end

  --- Its command line and those of its children.
  function program.arguments()
    local script = "for p in %s $(pgrep -P %s); do tr '\\0' ' ' </proc/$p/cmdline; done 2>/dev/null"
    local own = itself()
    return (shell.run(script:format(own, own)))
  end

  function program.signal(name)
    shell.run(("kill -%s %s 2>/dev/null"):format(name, itself()))
  end

  function program.runs()
    return select(2, shell.run(("kill -0 %d 2>/dev/null"):format(pid))) == 0
  end

  --- Waits until it has ended.
  function program.ends()
    return (clock.eventually(function()
      return not program.runs()
    end))
  end

  program.kill = cleanup.call(function()
    program.signal "KILL"
    pipe:close()
  end)
  return program
end

--- ---- systemd ----

--- Reads a unit.
---@param text string
---@return table unit lists of values by name
function deployed.unit(text)
  local unit = {}
  for name, value in text:gmatch "\n(%a+)=([^\n]*)" do
    unit[name] = unit[name] or {}
    table.insert(unit[name], value)
  end
  return unit
end

--- What systemd gives to the command of a service: its variables, its state folder, and copies of
--- its credentials, with the modes and owners of systemd 252.
---@param unit table
---@param name string such as "report.service"
---@return string command
---@return table variables
function deployed_methods:service(unit, name)
  local state, credentials = self:at "/var/lib", self:at("/run/credentials/" .. name)
  local function expand(text)
    return (self:localised(text):gsub("%%d", credentials):gsub("%%S", state))
  end
  local variables = {
    PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", LANG = "C.UTF-8",
    USER = "report", LOGNAME = "report", INVOCATION_ID = ("0"):rep(32),
    STATE_DIRECTORY = state .. "/" .. unit.StateDirectory[1], CREDENTIALS_DIRECTORY = credentials,
  }
  self:make("/var/lib/" .. unit.StateDirectory[1], unit.StateDirectoryMode[1])
  self:make("/run/credentials/" .. name, "700")
  for _, value in ipairs(unit.LoadCredential) do
    local id, path = value:match "^([^:]+):(.+)$"
    local copy = ("/run/credentials/%s/%s"):format(name, id)
    self:secret(copy, tree.read(expand(path)), "400", deployed.user)
  end
  self:make("/run/credentials/" .. name, "500")
  for _, value in ipairs(unit.Environment) do
    local variable, text = value:match "^([%w_]+)=(.*)$"
    variables[variable] = expand(text)
  end
  for _, path in ipairs(unit.EnvironmentFile) do
    for variable, value in pairs(self:variables_of(path)) do
      variables[variable] = value
    end
  end
  return expand(unit.ExecStart[1]), variables
end

return deployed
