--- Programs that use an engine of mic.core, in processes of their own.

local shell = require "spec.support.shell"

local engine_child = {}

--- The head of each program.
local BEGIN = [[
  local core = require "mic.core"
  local core_calls = require "spec.support.core_calls"
  local native = require "spec.support.native"
  local engine = core.engine(OPTIONS)
  local function client(url)
    return core.client { base_url = url or os.getenv "MIC_BASE_URL", allow_insecure = true,
      profile = require "mic.profile.mic",
      ca_file = os.getenv "MIC_CA_FILE", api_key = os.getenv "MIC_API_KEY", engine = engine }
  end
  local function get(of, path, spec)
    spec = spec or {}
    spec.method, spec.path, spec.auth, spec.resend = "GET", path, false, true
    return core_calls.start(of, spec)
  end
  local function finish(exchange)
    while exchange:run(30) ~= "done" do end
    return core_calls.result(exchange)
  end
]]

--- Runs a program. It has `core`, `native`, `engine`, `client(url)`, `get(client, path, spec)`,
--- which starts a call, and `finish(exchange)`, which gives its result.
---@param sandbox table
---@param code string
---@param options? string those of the engine, as Lua text
---@param before? string what stands before the command, such as "env NAME=value"
---@return string printed on both streams
function engine_child.run(sandbox, code, options, before)
  local command = sandbox:command((BEGIN:gsub("OPTIONS", options or "")) .. code)
  return shell.check("timeout 60 " .. (before or "") .. " " .. command)
end

return engine_child
