--- Simulated process with its own copy of the library: clients that share a store, and callers. It
--- can be killed at any step and started again with empty memory.

local caller = require "spec.simulation.caller"
local core = require "spec.simulation.core"
local loader = require "spec.simulation.loader"
local token = require "spec.simulation.token"
local transport = require "spec.simulation.transport"

local process = {}
local process_methods = {}
local process_mt = { __index = process_methods }

process.BASE_URL = "https://api.simulation.test/prod"

--- Makes one that does not run yet.
---@param services table world, network, api, checker, plants, row
---@param random table
---@param group table of those that share a login: user, store, processes
---@param settings table name, in_line (one task, flights run in it), parks (waiting tasks are
--- woken), clients, callers, password ("text", "function", "none"), skew, margin, deadline, timeout
--- (seconds), retry (the option), denials, pace (mean seconds between calls), beat (seconds between
--- the moments at which all call), curiosity
---@return table process
function process.new(services, random, group, settings)
  local self = setmetatable({
    name = settings.name,
    world = services.world,
    network = services.network,
    api = services.api,
    checker = services.checker,
    plants = services.plants,
    row = services.row,
    random = random,
    group = group,
    settings = settings,
    skew = settings.skew,
    configured = nil, -- the password that this process was told
    life = { alive = false, name = settings.name },
    unsaved = {}, -- by token: when it arrived
    arrived = {},
  }, process_mt)
  group.processes[#group.processes + 1] = self
  return self
end

--- The password as its owner would give it; nil when this process has none.
---@return string|nil
function process_methods:password()
  return self.settings.password ~= "none" and self.configured or nil
end

local function password_option(self)
  if self.settings.password == "function" then
    return function()
      return self.configured
    end
  end
  return self:password()
end

local function make_client(self, mic, store, waiting)
  local life = self.life
  return mic.new {
    base_url = process.BASE_URL,
    profile = self.row.profile,
    api_key = self.row.is_mic and "key-" .. token.MARK or nil,
    username = self.group.user,
    password = password_option(self),
    store = store,
    transport = waiting,
    refresh_margin = self.settings.margin,
    timeout = self.settings.timeout,
    deadline = self.settings.deadline,
    retry = self.settings.retry,
    on_event = function(event)
      if life.alive then
        self.checker:event(self, event)
      end
    end,
  }
end

--- Starts it.
function process_methods:start()
  self.life = { alive = true, name = self.name, process = self }
  self.cores, self.clients = {}, {}
  self.busy = false -- see the caller
  self.explicit = 0 -- how many calls of a person's are under way: login, refresh, logout
  self.failure = nil -- of the last login or refresh
  self.last_attempt = nil -- likewise, whatever came of it
  self.unsaved, self.arrived = {}, {}
  self.left_at = nil -- of a logout, until something new arrives
  self.world:note(self.name, "starts")
  local load_module = loader.new(core.new(self))
  local mic = load_module "mic"
  local store, waiting = self.group.store:handle(self), transport.new(self, load_module)
  if self.plants.parts then
    self.plants.parts(store, waiting, self)
  end
  if self.plants.modules then
    self.plants.modules(load_module)
  end
  for index = 1, self.settings.clients do
    self.clients[index] = make_client(self, mic, store, waiting)
  end
  for index = 1, self.settings.callers do
    self:add_caller((index - 1) % self.settings.clients + 1)
  end
end

--- Starts a task that calls.
---@param index number of the client
function process_methods:add_caller(index)
  local task = self.world:spawn(self.life, "caller", caller.run, self, index)
  task.client = index
end

--- Kills it.
---@param why string
function process_methods:kill(why)
  if not self.life.alive then
    return
  end
  self.life.alive = false
  self.world:note(self.name, "dies", why)
  for _, client in ipairs(self.cores) do
    client.real:close()
  end
end

return process
