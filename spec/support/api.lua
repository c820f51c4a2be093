--- A sandbox for one spec file: starts it, speaks with its control endpoint, makes clients for it.
--- It ends with the process, whatever happens, since its standard input is a pipe of ours.

local cjson = require "cjson"
local core = require "mic.core"
local json = require "mic.json"

local api = {}
local api_methods = {}
local api_mt = { __index = api_methods }

local START_SECONDS = 20

local function read_whole(path)
  local file = io.open(path, "rb")
  local text = file and file:read "*a" or ""
  if file then
    file:close()
  end
  return text
end

--- Waits until the sandbox has printed its variables.
local function wait_for_variables(path)
  local ends = core.now() + START_SECONDS
  while core.now() < ends do
    local text = read_whole(path)
    if text:find "MIC_MANIFEST_URL=[^\n]*\n" then
      return text
    end
    core.sleep(0.02)
  end
  error("the sandbox did not start: " .. read_whole(path))
end

--- A sandbox that runs, by its variables.
---@param self table
---@return table sandbox the same
function api.attach(self)
  self.origin = self.base_url:match "^%a+://[^/]+"
  self.controller = core.client { base_url = self.control_url }
  return setmetatable(self, api_mt)
end

--- Starts a sandbox.
---@return table sandbox base_url, api_key, username, password, ca_file, stack, manifest_url
function api.start()
  local printed = os.tmpname()
  local pipe = assert(io.popen("exec sandbox/start --watch-stdin >" .. printed .. " 2>&1", "w"))
  local text = wait_for_variables(printed)
  os.remove(printed)
  local self = { pipe = pipe }
  for name, value in text:gmatch "MIC_([%u_]+)=([^\n]*)" do
    local short = name:lower():gsub("^sandbox_", "")
    self[short] = value
  end
  self.control_url, self.control = self.control, nil
  return api.attach(self)
end

--- The text of a Lua module that gives this sandbox to another program; it cannot stop it.
---@return string
function api_methods:module()
  local lines = {}
  for name, value in pairs(self) do
    if type(value) == "string" then
      lines[#lines + 1] = ("%s = %q,"):format(name, value)
    end
  end
  return 'return require("spec.support.api").attach {\n' .. table.concat(lines, "\n") .. "\n}\n"
end

--- A sandbox for the block of specs in which this is called: it starts with the block, is back at
--- the start before each spec, and ends with the block. Clients that a spec makes by it are closed
--- after that spec.
---@return table sandbox as that of `start`, once the first spec or a later `setup` runs
function api.around()
  local busted = require "busted" -- files beside the specs do not see its words as globals
  local self = {}

  busted.setup(function()
    for name, value in pairs(api.start()) do
      self[name] = value
    end
    setmetatable(self, api_mt)
  end)

  busted.teardown(function()
    self:stop()
  end)

  busted.before_each(function()
    self:reset()
    self.clients = setmetatable({}, { __mode = "k" }) -- holds none that its spec lets go
  end)

  busted.after_each(function()
    for client in pairs(self.clients) do
      client:close()
    end
    self.clients = nil -- one that a block's own setup makes lasts
  end)

  return self
end

--- Ends it and waits until it is gone.
function api_methods:stop()
  self.controller:close()
  self.pipe:close()
end

--- One request to the control endpoint; the decoded answer.
function api_methods:control(method, path, data)
  local reply, _, _, message = self.controller:request {
    method = method,
    path = path,
    auth = false,
    body = data and cjson.encode(data), -- takes bytes that are not UTF-8, for odd answers
  }
  assert(reply, message)
  assert(reply.status == 200, reply.body)
  return json.decode(reply.body)
end

--- Everything back to the start; keys, password and users' names stay.
function api_methods:reset()
  self:control("POST", "/reset")
end

function api_methods:mode(modes)
  self:control("POST", "/mode", modes)
end

--- Scripts the next answer to a path.
function api_methods:answer(answer)
  self:control("POST", "/answer", answer)
end

--- All tokens expire; with true no refresh token is good any longer either.
function api_methods:expire(refresh)
  self:control("POST", "/expire", { refresh = refresh or false })
end

function api_methods:counters()
  return self:control("GET", "/counters")
end

--- The requests that came.
---@return table[] entries
function api_methods:log()
  return self:control("GET", "/log")
end

--- The requests that came since the last look, as "METHOD /path", one a line; "" for none.
---@return string lines
function api_methods:seen()
  local lines = {}
  for _, entry in ipairs(self:log()) do
    lines[#lines + 1] = entry.method .. " " .. entry.path:gsub("^/prod", "")
  end
  self:control("DELETE", "/log")
  return table.concat(lines, "\n")
end

--- A client of mic.core for this sandbox.
---@param config table|nil what differs
function api_methods:core(config)
  local all = { base_url = self.base_url, api_key = self.api_key, ca_file = self.ca_file }
  for name, value in pairs(config or {}) do
    all[name] = value
  end
  return core.client(all)
end

--- A client for this sandbox, and the core's client inside it, whose clock can be shifted.
---@param options table|nil what differs
---@return table client
---@return table inner
function api_methods:client(options)
  local all = {
    base_url = self.base_url,
    api_key = self.api_key,
    tls = { ca_file = self.ca_file },
    retry = false, -- one answer, one attempt
  }
  for name, value in pairs(options or {}) do
    all[name] = value
  end
  local mic = require "mic"
  local make, inner = core.client, nil
  core.client = function(config)
    inner = make(config)
    return inner
  end
  local ok, client = pcall(mic.new, all)
  core.client = make
  if not ok then
    error(client, 0)
  end
  if self.clients then
    self.clients[client] = true
  end
  return client, inner
end

--- A client that logs in by itself.
---@param options table|nil
function api_methods:automatic(options)
  local all = { username = self.username, password = self.password }
  for name, value in pairs(options or {}) do
    all[name] = value
  end
  return self:client(all)
end

--- A client that has logged in.
---@param options table|nil
function api_methods:logged_in(options)
  local client, inner = self:client(options)
  assert(client:login(self.username, self.password))
  return client, inner
end

--- The shell command that runs Lua code in a process of its own, on the interpreter under test,
--- with the sandbox's variables; and the file to remove afterwards.
---@param code string
---@return string command
---@return string path
function api_methods:command(code)
  local path = os.tmpname()
  local file = assert(io.open(path, "w"))
  file:write(code)
  file:close()
  local words = { "env" }
  for _, name in ipairs { "base_url", "api_key", "username", "password", "ca_file" } do
    words[#words + 1] = ("MIC_%s='%s'"):format(name:upper(), self[name])
  end
  words[#words + 1] = os.getenv "LUA" or (rawget(_G, "jit") and "luajit" or "lua5.4")
  words[#words + 1] = path
  return table.concat(words, " "), path
end

--- Runs Lua code in a process of its own.
---@param code string
---@return string printed on both streams
function api_methods:run(code)
  local command, path = self:command(code)
  local pipe = assert(io.popen(command .. " 2>&1"))
  local printed = pipe:read "*a"
  pipe:close()
  os.remove(path)
  return printed
end

--- The whole of an error that specs compare: kind and message.
function api.line(err)
  return err and ("%s: %s"):format(err.kind, err.message)
end

return api
