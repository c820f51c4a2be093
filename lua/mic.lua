--- lua-mic: a client for Telenor's Managed IoT Cloud (MIC), and for any API with a login.

local core = require "mic.core_loader" -- first: it reports a core built for another Lua

local auto = require "mic.transport.auto"
local client = require "mic.client"
local errors = require "mic.error"
local json = require "mic.json"
local pcall_compat = require "mic.pcall_compat"

--- Its other fields and all classes are in mic/types.lua, for editors.
---@class mic
local mic = {
  _VERSION = core.version,
  json = { encode = json.encode, decode = json.decode },
  null = json.null,
  array = json.array,
  assert = errors.assert,
  store = {},
}

--- Raises for a call with a colon, which passes the module as first argument.
local function refuse_colon(first, name)
  if first == mic then
    errors.raise(("call it with a dot: mic.%s(…)"):format(name))
  end
end

--- Makes a client. Sends nothing. Raises for misuse.
---@param given mic.Options
---@return mic.Client client
function mic.new(given)
  refuse_colon(given, "new")
  return client.new(given)
end

local function environment_client(given)
  local environment, kind, code, message = pcall_compat.load "mic.environment"
  if not environment then
    return nil, errors.from_fail(kind, code, message)
  end
  return environment.client(given)
end

--- Makes a client from environment variables.
---@param given? mic.Options override the variables
---@return mic.Client? client
---@return mic.Error? err of kind `config`; it names the variable that is missing or wrong
function mic.from_env(given)
  refuse_colon(given, "from_env")
  return environment_client(given)
end

--- Formats any value as readable text. The secrets of all clients are masked.
---@param value any
---@return string
function mic.pretty(value)
  return pcall_compat.need("mic.pretty").text(value, client.mask)
end

--- Stores that are loaded on first use.
local stores = {
  memory = "mic.store.memory",
  file = "mic.store.file",
  shared_dict = "mic.store.shared_dict",
  redis = "mic.store.redis",
  conformance = "mic.store.conformance",
}
setmetatable(mic.store, {
  __index = function(_, name)
    if stores[name] then
      return pcall_compat.need(stores[name])
    end
    if type(name) ~= "string" or name:find "^__" then
      return nil
    end
    errors.raise(
      ('mic.store has no "%s"; '):format(name)
        .. "it has memory, file, shared_dict, redis and conformance, "
        .. "and any table with the functions load, save, lock and unlock is a store"
    )
  end,
})

--- Returns versions and features of the build.
---@return mic.Features features
function mic.features()
  local features = core.features()
  local jit = rawget(_G, "jit")
  features.lua = type(jit) == "table" and jit.version or _VERSION
  return features
end

--- Returns a new list of all endpoints: tables `{ name, method, path, parameters, query, body,
--- paging, idempotent, confidence, … }`.
---@param of_client? mic.Client adds its option `endpoints`; default: those of MIC only
---@return mic.Endpoint[] list
function mic.endpoints(of_client)
  refuse_colon(of_client, "endpoints")
  local mine = client.inside_of(of_client)
  if of_client ~= nil and not mine then
    errors.raise "mic.endpoints takes a client, or nothing"
  end
  return pcall_compat.need("mic.api.rows").list(mine)
end

--- Client of the module-wide calls; set by `login`, otherwise made from the environment.
local default

--- Raises in nginx, because all requests of the server would share one login.
local function refuse_in_nginx(name)
  local ngx = rawget(_G, "ngx")
  if type(ngx) == "table" and ngx.get_phase then
    errors.raise(
      ("mic.%s is not available in nginx: make a client with mic.new and keep it"):format(name)
    )
  end
end

--- Makes a client, logs in, and uses it for the module-wide calls.
---@param given mic.Options with the options that the login needs: for MIC username and password
---@return mic.Client? client
---@return mic.Error? err
function mic.login(given)
  refuse_colon(given, "login")
  refuse_in_nginx "login"
  local made = client.new(given)
  local needs_password = (given.profile or "mic") == "mic" and not given.authenticate
  if needs_password and (given.username == nil or given.password == nil) then
    errors.raise "mic.login needs the options username and password"
  end
  local session, err = made:login()
  if not session then
    made:close()
    return nil, err
  end
  default = made
  return made
end

for _, name in ipairs { "request", "get", "head", "delete", "options", "post", "put", "patch" } do
  --- The same as the client's method.
  mic[name] = function(...)
    refuse_colon((...), name)
    refuse_in_nginx(name)
    if not default then
      local made, err = environment_client()
      if not made then
        return nil, err
      end
      default = made
    end
    return default[name](default, ...)
  end
end

if auto.is_in_nginx() then -- a request must not read files
  require "mic.environment"
end

return mic
