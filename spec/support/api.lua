--- A sandbox and its clients: starts it, talks to its control endpoint, makes clients for it.
---
---     local sandbox = api.around()  -- for the describe block; reset before each test
---     local client = sandbox:logged_in { timeout = 2 }
---
--- Sandbox and clients end with the test or the block.

local cjson = require "cjson"
local cleanup = require "spec.support.cleanup"
local core = require "mic.core"
local core_calls = require "spec.support.core_calls"
local json = require "mic.json"
local launcher = require "spec.support.sandbox"
local luassert = require "luassert"
local scratch = require "spec.support.scratch"
local shell = require "spec.support.shell"

local api = {}
local api_methods = {}
local api_mt = { __index = api_methods }

--- A sandbox that runs, by its variables.
---@param self table
---@return table sandbox the same
function api.attach(self)
  self.origin = self.base_url:match "^%a+://[^/]+"
  self.controller = core.client { base_url = self.control_url }
  return setmetatable(self, api_mt)
end

--- Starts a sandbox, which ends with the test or the block.
---@return table sandbox base_url, api_key, username, password, ca_file, stack, manifest_url,
--- `stop()`
function api.start()
  local self = launcher.launch()
  self.control_url, self.control = self.control, nil
  api.attach(self)
  self.stop = cleanup.call(function()
    self.controller:close()
    self.pipe:close()
  end)
  return self
end

--- Starts a sandbox for the block of specs in which this is called; it is reset before each spec.
---@return table sandbox as of `start`
function api.around()
  local self = api.start()
  require("busted").before_each(function()
    self:reset()
  end)
  return self
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

--- One request to the control endpoint; the decoded answer.
function api_methods:control(method, path, data)
  local reply, _, _, message = core_calls.request(self.controller, {
    method = method,
    path = path,
    auth = false,
    body = data and cjson.encode(data), -- takes bytes that are not UTF-8, for odd answers
  })
  assert(reply, message)
  assert(reply.status == 200, reply.body)
  return json.decode(reply.body)
end

--- Resets all state; keys, password and user names stay.
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

--- Lets all tokens expire; with true the refresh tokens as well.
function api_methods:expire(refresh)
  self:control("POST", "/expire", { refresh = refresh or false })
end

function api_methods:counters()
  return self:control("GET", "/counters")
end

--- The requests received.
---@return table[] entries
function api_methods:log()
  return self:control("GET", "/log")
end

--- The requests received since the last look, as "METHOD /path", one a line; "" for none.
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
  local all = { base_url = self.base_url, api_key = self.api_key, ca_file = self.ca_file,
    profile = require "mic.profile.mic" }
  for name, value in pairs(config or {}) do
    all[name] = value
  end
  return cleanup.close(core.client(all))
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
  local client = cleanup.close(require("mic").new(all))
  return client, require("mic.client").inside_of(client).core
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
--- with the sandbox's variables.
---@param code string
---@return string command
function api_methods:command(code)
  local words = { "env" }
  for _, name in ipairs { "base_url", "api_key", "username", "password", "ca_file" } do
    words[#words + 1] = ("MIC_%s='%s'"):format(name:upper(), self[name])
  end
  words[#words + 1] = shell.lua
  words[#words + 1] = scratch.file(code)
  return table.concat(words, " ")
end

--- Runs Lua code in a process of its own.
---@param code string
---@param before? string words before the command, such as "timeout 5"
---@return string output both streams
function api_methods:run(code, before)
  return (shell.run(("%s %s 2>&1"):format(before or "", self:command(code))))
end

--- The decoded answer of a call that must succeed.
function api.data(response, err)
  assert(response, tostring(err))
  return response.data
end

--- Asserts that the application has refused a call.
---@param status integer
---@param key string|nil of the error
---@param property string|nil of the error
---@param response nil what the call returned
---@param err table
---@return table err
function api.assert_refused(status, key, property, response, err)
  assert(response == nil, "the call has succeeded")
  luassert.same({ status, key, property }, { err.status, err.key, err.property })
  luassert.is_nil(err.response.headers["x-amzn-errortype"])
  return err
end

--- What specs compare of an error: kind and message.
function api.line(err)
  return err and ("%s: %s"):format(err.kind, err.message)
end

return api
