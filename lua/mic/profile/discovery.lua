--- Discovery: finds base URL and API key of a stack from the API's two manifests.

local core = require "mic.core"
local errors = require "mic.error"
local json = require "mic.json"
local paths = require "mic.http.path"
local time_limit = require "mic.http.time_limit"

local discovery = {}

--- Address of the stack manifest, unless the option `manifest_url` says another one.
discovery.DEFAULT_URL = "https://wrd4rfaqo1.execute-api.eu-west-1.amazonaws.com/Prod/manifest/"
local KEY_PATH = "/metadata/manifest"
local WITHOUT_CREDENTIALS = { auth = false } -- argument `more` of the core client's `call`

--- Makes a core client for one URL. Returns it and the URL's path; nil and a text for a bad URL. It
--- has no API key: a manifest needs none, and may be served from another origin than the API.
local function client_for(url, config)
  local base, path = url:match "^(%a+://[^/]+.-)(/[^/]*)$"
  if not base then
    base, path = url, "/"
  end
  local copy = {}
  for name, value in pairs(config) do
    copy[name] = value
  end
  copy.base_url, copy.api_key = base, nil
  local ok, made = pcall(core.client, copy)
  if not ok then
    errors.pass_memory(made)
    return nil, tostring(made)
  end
  return made, path
end

--- Fetches a manifest, a flat JSON object, without credentials. `what`: its name in messages.
local function fetch(search, transport, ends, client, path, what)
  local shown = (client:root() .. path):match "^%a+://[^/]*([^?]*)"
  local facts = { method = "GET", path = shown, attempts = 1 }
  local left = ends and ends - transport.now()
  local seconds = time_limit.of_attempt(search.config.timeout, left)
  if not seconds then
    return nil, errors.new("timeout", "the deadline of the call has passed", facts)
  end
  local started, err = transport.now(), nil
  local status, second, third, message =
    transport.call(client, "GET", path, seconds, true, nil, WITHOUT_CREDENTIALS)
  if not status then
    err = errors.from_fail(second, third, what .. ": " .. message, facts)
  elseif not third then
    err = errors.from_reply(status, nil, facts)
  end
  if search.debug then
    search.debug:discovered(shown, path, transport.now() - started, status, second, third, err)
  end
  if err then
    return nil, err
  end
  facts.status = status
  local data, problem = json.decode(second, json.most_values(0))
  if type(data) ~= "table" then
    local cause = json.too_large[problem] and "too_large" or "decode"
    problem = problem and "holds " .. problem or "is not a JSON object"
    return nil, errors.new(cause, ("%s %s"):format(what, problem), facts)
  end
  return data
end

local function text_of(data, name)
  local value = data[name]
  return type(value) == "string" and value ~= "" and value or nil
end

--- Prepares a discovery and checks its URL.
---@param stack string the stack's host name
---@param manifest_url string|nil
---@param config table the core's configuration without base URL
---@return table|nil search nil and a message if the URL is not valid
---@return string|nil problem
function discovery.new(stack, manifest_url, config)
  local client, path = client_for(manifest_url or discovery.DEFAULT_URL, config)
  if not client then
    return nil, (path:gsub("^base_url", "manifest_url"))
  end
  local ok, problem = core.check_path(path)
  if not ok then
    client:close()
    return nil, "manifest_url has an invalid path: " .. problem
  end
  return {
    stack = stack,
    client = client,
    path = path,
    config = config,
    find = discovery.find,
    close = discovery.close,
  }
end

local function find_base_url(search, transport, ends)
  local what = "the manifest of the stack"
  local path = paths.query(search.path, { hostname = search.stack })
  local manifest, err = fetch(search, transport, ends, search.client, path, what)
  if not manifest then
    return nil, err
  end
  local root = text_of(manifest, "ApiGatewayRootUrl")
  if not root then
    local empty = next(manifest) == nil
    return nil,
      errors.new(
        "config",
        ("%s %s %s"):format(what, search.stack, empty and "is empty" or "has no ApiGatewayRootUrl"),
        { no_manifest = true }
      )
  end
  local stage = text_of(manifest, "StackName")
  return root:gsub("/+$", "") .. (stage and "/" .. stage or "")
end

--- `whose`: what has the base URL, for the message about an invalid one.
local function find_api_key(search, transport, base_url, whose, ends)
  local what = "the manifest of the API"
  local client, path = client_for(base_url .. KEY_PATH, search.config)
  if not client then
    return nil, errors.new("config", (path:gsub("^base_url", whose)))
  end
  local manifest, err = fetch(search, transport, ends, client, path, what)
  client:close()
  if not manifest then
    return nil, err
  end
  local key = text_of(manifest, "ApiKey")
  if not key then
    return nil, errors.new("config", what .. " has no ApiKey")
  end
  return key
end

--- Finds the base URL and the API key; may wait.
---@param search table of `new`
---@param transport table
---@param ends number|nil deadline on the transport's clock
---@return string|nil base_url or nil and an error
---@return string|table api_key
function discovery.find(search, transport, ends)
  local base_url, err = find_base_url(search, transport, ends)
  if not base_url then
    return nil, err
  end
  local api_key = search.config.api_key
  if not api_key then
    local whose = "the manifest of the stack has a URL that"
    api_key, err = find_api_key(search, transport, base_url, whose, ends)
    if not api_key then
      return nil, err
    end
  end
  return base_url, api_key
end

--- Finds the API key of a base URL; waits.
---@param base_url string
---@param given table options of `mic.new`
---@param whose string its name in messages
---@return string|nil api_key
---@return table|nil err
function discovery.api_key(base_url, given, whose)
  local config = { timeout = given.timeout or 30, connect_timeout = 10, proxy = given.proxy }
  for name, value in pairs(given.tls or {}) do
    config[name] = value
  end
  local transport = require "mic.transport.blocking"
  local key, err = find_api_key({ config = config }, transport, base_url, whose)
  if err and err.status == 403 then
    err.hint = ('check the stage ("/prod") at the end of %s'):format(whose)
  end
  return key, err
end

--- Closes the connections of a discovery.
---@param search table
function discovery.close(search)
  search.client:close()
end

return discovery
