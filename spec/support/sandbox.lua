--- Starts a sandbox and talks to it with the curl command, so that the specs of the sandbox do not
--- depend on the client. It ends with the test process at the latest.
---
---     local sandbox = require "spec.support.sandbox"
---     local box = sandbox.start()
---     box:mode { token_life = 2 }
local cjson = require "cjson.safe"
local cleanup = require "spec.support.cleanup"
local shell = require "spec.support.shell"

local sandbox = {}

local box_methods = {}
local box_mt = { __index = box_methods }

local START = "sandbox/start"
local NAMES = {
  MIC_BASE_URL = "base_url", MIC_API_KEY = "api_key", MIC_USERNAME = "username",
  MIC_PASSWORD = "password", MIC_CA_FILE = "ca_file", MIC_SANDBOX_CONTROL = "control",
  MIC_SANDBOX_STACK = "stack", MIC_MANIFEST_URL = "manifest_url",
}
local LAST = "MIC_MANIFEST_URL"
local LONGEST_ARGUMENT = 100000 -- Linux takes no more than 131,072 bytes in one argument

local quote = shell.quote

-- The variables that `start` prints, read until the last one or the end.
local function read_variables(file)
  local box = { variables = {} }
  for line in file:lines() do
    local name, value = line:match "^export ([%u_]+)='(.*)'$"
    if NAMES[name] then
      value = value:gsub("'\\\\''", "'")
      box[NAMES[name]] = value
      box.variables[name] = value
    end
    if name == LAST then
      return box
    end
  end
end

--- Starts a sandbox, without an end registered for it. Raises if it does not start; the reason is
--- on standard error.
---@return table box base_url api_key username password ca_file control stack manifest_url,
--- variables (the same by their names), pipe (the sandbox ends when that is closed)
function sandbox.launch()
  local path = os.tmpname()
  os.remove(path)
  shell.check("mkfifo -m 600 " .. quote(path))
  local pipe = assert(io.popen("exec " .. START .. " --watch-stdin >" .. quote(path), "w"))
  local file = assert(io.open(path, "r"))
  os.remove(path)
  local box = read_variables(file)
  file:close()
  if not box then
    pipe:close()
    error("the sandbox did not start", 2)
  end
  box.pipe = pipe
  return box
end

--- Starts a sandbox, which ends with the test or the block.
---@return table box as of `launch`, with `stop()` and the methods below
function sandbox.start()
  local box = setmetatable(sandbox.launch(), box_mt)
  box.stop = cleanup.call(function()
    box:post "/stop"
    box.pipe:close()
  end)
  return box
end

--- Starts one that is back at the start before each spec.
---@return table box
function sandbox.around()
  local box = sandbox.start()
  require("busted").before_each(function()
    box:reset()
  end)
  return box
end

local function split_headers(text)
  local headers = {}
  for field, value in text:gmatch "([^\r\n:]+):[ \t]*([^\r\n]*)" do
    local name = field:lower()
    headers[name] = headers[name] and headers[name] .. ", " .. value or value
  end
  return headers
end

-- Status, headers and body of `curl -i`, without the interim answers before it.
local function parse(output)
  while true do
    local protocol, status, rest = output:match "^(HTTP/[%d.]+) (%d+)(.*)$"
    if not protocol then
      return nil
    end
    local head, body = rest:match "^(.-\r\n)\r\n(.*)$"
    if not head then
      return nil
    end
    if tonumber(status) >= 200 then
      return {
        protocol = protocol, status = tonumber(status), headers = split_headers(head), body = body,
        head = head,
      }
    end
    output = body
  end
end

-- An argument that takes its value from a file when it is long. Returns the file's name, too.
local function body_argument(body)
  if #body <= LONGEST_ARGUMENT and not body:find "^@" and not body:find "%z" then
    return "--data-binary " .. quote(body), nil
  end
  local path = os.tmpname()
  local file = assert(io.open(path, "wb"))
  file:write(body)
  file:close()
  return "--data-binary @" .. quote(path), path
end

local function curl(arguments, body)
  local command = { "curl -q -sS -g -i --noproxy '*' --path-as-is -H Expect:", arguments }
  local path
  if body then
    command[#command + 1], path = body_argument(body)
  end
  command[#command + 1] = "2>&1"
  local output, status = shell.run(table.concat(command, " "))
  if path then
    os.remove(path)
  end
  if status ~= 0 then
    return nil, status, output
  end
  return parse(output) or error("no HTTP answer: " .. output)
end

--- One request over TLS, as given: nothing is added to it but what curl itself sends.
---@param options table path (after the stage) or url; method, headers (name to value), body,
--- http ("1.1" or "2"), host (connects to localhost all the same), arguments (for curl)
---@return table? reply protocol, status, headers (lower case), head, body
---@return integer? code curl's exit status when there was no answer
---@return string? output what was received until then
function box_methods:call(options)
  local arguments = {
    "--cacert", quote(self.ca_file), "--max-time 20", options.arguments or "",
    options.http == "1.1" and "--http1.1" or "--http2",
    "-X", quote(options.method or "GET"), quote(options.url or self.base_url .. options.path),
  }
  for name, value in pairs(options.headers or {}) do
    arguments[#arguments + 1] = "-H " .. quote(name .. ": " .. value)
  end
  return curl(table.concat(arguments, " "), options.body)
end

--- Logs in as the user `demo` or another one.
---@param username string?
---@return table credentials identityId, token, refreshToken
---@return table headers the three headers for `call`
function box_methods:login(username)
  local reply = assert(self:call {
    method = "POST", path = "/auth/login", headers = { ["x-api-key"] = self.api_key },
    body = cjson.encode { userName = username or self.username, password = self.password },
  })
  assert(reply.status == 200, "login refused")
  local credentials = cjson.decode(reply.body).credentials
  return credentials, {
    Authorization = credentials.token, identityId = credentials.identityId,
    ["x-api-key"] = self.api_key,
  }
end

local function control(self, method, path, body)
  local reply, _, output = curl("-X " .. method .. " " .. quote(self.control .. path), body)
  if not reply then
    error("the sandbox's control does not answer: " .. output, 3)
  end
  return cjson.decode(reply.body), reply.status
end

--- A control request.
---@param path string such as /expire
---@param body table?
---@return table value the decoded answer
---@return integer status
function box_methods:post(path, body)
  return control(self, "POST", path, body and cjson.encode(body))
end

---@param path string such as /log
---@return table value, integer status
function box_methods:get(path)
  return control(self, "GET", path)
end

---@param path string such as /log
---@return table value, integer status
function box_methods:delete(path)
  return control(self, "DELETE", path)
end

local function must(value, status)
  if status ~= 200 then
    error("the sandbox refuses: " .. tostring(value and value.error), 3)
  end
  return value
end

--- The requests received, oldest first.
---@return table[] entries
function box_methods:log()
  return must(self:get "/log")
end

--- Empties the log.
function box_methods:clear_log()
  must(self:delete "/log")
end

---@return table counters login refresh calls connections handshakes
function box_methods:counters()
  return must(self:get "/counters")
end

--- Lets all tokens expire.
---@param options table? refresh = true: the refresh tokens die too
function box_methods:expire(options)
  must(self:post("/expire", options))
end

---@param modes table name to value
---@return table modes all of them
function box_methods:mode(modes)
  return must(self:post("/mode", modes))
end

---@param answer table path, method, status, headers, body, body_base64, repeat, cut, delay, times
function box_methods:answer(answer)
  must(self:post("/answer", answer))
end

--- Back to the start: modes, users, tokens, answers, counters, log.
function box_methods:reset()
  must(self:post "/reset")
end

return sandbox
