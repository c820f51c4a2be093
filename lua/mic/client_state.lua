--- Private state of a client: core client, token source, store, transport, retry budget.

local blocking = require "mic.transport.blocking"
local core = require "mic.core"
local errors = require "mic.error"
local json = require "mic.json"
local options = require "mic.options"
local pcall_compat = require "mic.pcall_compat"
local profile = require "mic.profile.profile"
local retry_budget = require "mic.http.retry_budget"
local time_limit = require "mic.http.time_limit"
local token_source = require "mic.credentials.token_source"

local client_state = {}

local MIC_DEBUG = core.environment "MIC_DEBUG"

local POLL = 0.05 -- seconds, if nothing can wake the caller

--- Returns the configuration of the core client. The core reads the names that it knows.
local function core_config(given, ca_file_name, row, transcripts)
  local config = {}
  for name, value in pairs(given) do
    config[name] = value
  end
  for name, value in pairs(given.tls or {}) do
    config[name] = value
  end
  config.ca_file_name = ca_file_name
  config.password = type(given.password) == "string" and given.password or nil
  config.profile = row
  config.transcripts = transcripts
  return config
end

--- Adds the core client and its token source. Nil and a text for an invalid base URL.
local function build(self, base_url, api_key)
  local config = core_config(
    self.given, self.ca_file_name, self.profile.row, self.debug and self.debug.transcripts
  )
  config.base_url, config.api_key = base_url, api_key
  local ok, made = pcall(core.client, config)
  if not ok then
    errors.pass_memory(made)
    return nil, tostring(made)
  end
  local source = token_source.new {
    core = made,
    profile = self.profile,
    key = profile.key(self.profile, made:root(), self.given),
    transport = self.transport,
    store = self.store,
    emit = self.emit,
    debug = self.debug,
    username = self.given.username,
    password = self.given.password,
    refresh_margin = self.given.refresh_margin,
    timeout = self.timeout,
    mask = self.mask,
    authenticate = self.given.authenticate,
    make_http = function(flight)
      return pcall_compat.need("mic.request.login_http").make(self, client_state.new, flight)
    end,
  }
  self.core, self.token_source = made, source -- together: neither is used without the other
  source.cache:check_store()
  return true
end

local function whole(given)
  local defaults = { start = blocking.start, wake = blocking.wake }
  function defaults.can_suspend()
    return not given.blocks
  end
  function defaults.park(_, seconds)
    given.sleep(math.min(seconds, POLL))
  end
  return setmetatable({}, {
    __index = function(_, name)
      local value = given[name]
      if value == nil then
        return defaults[name]
      end
      return value
    end,
  })
end

--- Returns the transport. A table with `call` is complete; another has the functions of a loop.
local function find_transport(given)
  if type(given) == "table" then
    return given.call and whole(given) or require("mic.transport.loop").new(given)
  end
  local name = given or "auto"
  local ok, transport = pcall(require, "mic.transport." .. name)
  if not ok then
    local problem = tostring(transport)
    errors.pass_memory(problem:match "not enough memory$")
    problem = problem:match "^[^\n]*"
    errors.raise(('option "transport": %s cannot be loaded: %s'):format(name, problem))
  end
  return transport
end

local function emit_nothing() end

--- Makes the state of a client; sends nothing. Raises for misuse.
---@param given table the options of docs/reference.md
---@param ca_file_name? string name of the option tls.ca_file in messages
---@return table self
function client_state.new(given, ca_file_name)
  local checked = options.check(given, options.client, "mic.new")
  local self = {
    given = checked,
    profile = profile.make(checked),
    headers = checked.headers,
    ca_file_name = ca_file_name,
    timeout = checked.timeout,
    deadline = checked.deadline,
    transport = find_transport(checked.transport),
    store = checked.store or pcall_compat.need "mic.store.memory"(),
    listens = checked.on_event ~= nil,
    retry = checked.retry == nil and {} or checked.retry,
    most_values = json.most_values(checked.max_response_size),
    retry_defaults = { attempts = 3, base = 0.2, cap = 5 },
    retry_budget = retry_budget.new(),
  }
  self.emit = checked.on_event
      and pcall_compat.need("mic.events").emitter(self, checked.on_event)
    or emit_nothing
  if checked.debug or (checked.debug == nil and MIC_DEBUG) then
    pcall_compat.need("mic.debug").open(self, checked.debug, MIC_DEBUG)
  end
  --- Masks the client's secrets in a text, of which at most `limit` bytes are kept.
  function self.mask(text, limit)
    return (self.core or self.search.client):mask(text, nil, limit)
  end
  local problem
  if checked.stack then
    local discovery = pcall_compat.need "mic.profile.discovery"
    self.search, problem =
      discovery.new(checked.stack, checked.manifest_url, core_config(checked, ca_file_name))
    if self.search then
      self.search.debug = self.debug
    end
  else
    local _
    _, problem = build(self, checked.base_url, checked.api_key)
  end
  if problem then
    if problem:find "^profile%." then
      problem = pcall_compat.need("mic.profile.row").explain(problem, self.profile.row)
    end
    errors.raise((problem:gsub("^(%S+)", 'option "%1"', 1)))
  end
  return self
end

--- Returns the transport's name in the last call, or at this place if there was none.
---@param self table
---@return string name
function client_state.transport_name(self)
  local transport = self.used_transport or self.transport
  local describe = transport.describe
  return describe and describe() or transport.name or "table"
end

--- Returns an error if the transport cannot wait at this place.
---@param self table
---@return table|nil err
function client_state.cannot_wait(self)
  local problem = self.transport.problem and self.transport.problem()
  return problem and errors.new("phase", problem) or nil
end

--- Returns the state with its core client. For a stack it may have to run the discovery and wait.
---@param self table
---@param ends? number deadline of the discovery, on the transport's clock
---@return table|nil self
---@return table|nil err
function client_state.connect(self, ends)
  if self.closed then
    return nil, errors.new("closed", "the client was closed")
  end
  local obstacle = client_state.cannot_wait(self)
  if obstacle then
    return nil, obstacle
  end
  if self.core then
    return self
  end
  local base_url, api_key =
    self.search:find(self.transport, ends or time_limit.ends(self))
  if not base_url then
    return nil, api_key
  end
  local ok, problem = build(self, base_url, api_key)
  if not ok then
    return nil, errors.new("config", "the manifest of the stack is invalid: " .. problem)
  end
  self.search:close()
  self.search = nil
  return self
end

return client_state
