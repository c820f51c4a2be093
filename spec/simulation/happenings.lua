--- Injected events of processes and accounts: deaths at any step, revoked logins, changed
--- passwords.

local happenings = {}
local happenings_methods = {}
local happenings_mt = { __index = happenings_methods }

--- Starts them.
---@param world table
---@param random table
---@param services table api, checker
---@param groups table[]
---@param settings table deaths (of flights, per step), revoke, new_password, lock (mean seconds)
---@return table happenings
function happenings.new(world, random, services, groups, settings)
  local self = setmetatable({
    world = world,
    random = random,
    api = services.api,
    checker = services.checker,
    groups = groups,
    settings = settings,
    healed = false,
    passwords = 0,
  }, happenings_mt)
  function world.resumed(task)
    return not self.healed and self:strike(task)
  end
  self:repeated(settings.revoke, self.revoke)
  self:repeated(settings.new_password, self.change_password)
  self:repeated(settings.lock, self.lock)
  return self
end

--- Calls a method repeatedly, with this mean interval.
function happenings_methods:repeated(mean, method)
  if not mean then
    return
  end
  self.world:after(self.random:wait(mean), function()
    if not self.healed then
      method(self)
      self:repeated(mean, method)
    end
  end)
end

--- ---- deaths ----

--- Starts a process again, some time later.
---@param process table
---@param seconds number
function happenings_methods:restart(process, seconds)
  self.world:after(seconds, function()
    if not process.life.alive then
      process:start()
    end
  end)
end

function happenings_methods:kill(process, why)
  self.checker:disturb("the end of " .. process.name)
  process:kill(why)
  self:restart(process, self.random:between(1, 120))
end

--- Kills a task or its process, with some probability, before it is resumed. True if killed.
---@param task table
---@return boolean
function happenings_methods:strike(task)
  local process = task.owner.process
  local rate = self.settings.deaths
  if task.kind == "caller" and not process.settings.in_line then
    rate = rate / 4
  end
  if rate == 0 or not self.random:chance(rate) then
    return false
  end
  if task.kind == "caller" and not task.keep and not process.settings.in_line
    and self.random:chance(0.7) then
    self.world:note(process.name, "a caller is dropped")
    task.dead = true
    process:add_caller(task.client)
  else
    self:kill(process, "in a " .. task.kind)
  end
  return true
end

--- ---- accounts ----

function happenings_methods:revoke()
  local group = self.random:pick(self.groups)
  local everything = self.random:chance(0.5)
  self.checker:disturb(everything and "all logins are ended" or "all refreshes are ended")
  self.api:revoke_all(group.user, everything)
end

--- For a while the API refuses every login; in some cases existing logins as well.
function happenings_methods:lock()
  local group = self.random:pick(self.groups)
  local account = self.api.accounts[group.user]
  if account.locked then
    return
  end
  account.locked = true
  self.checker:disturb "the account is locked"
  self.api:revoke_all(group.user, self.random:chance(0.5))
  self.world:after(self.random:between(20, 1500), function()
    account.locked = false
    self.checker:disturb "the account is free again"
  end)
end

local function tell(process, password)
  process.configured = password
  if process.settings.password == "text" and process.life.alive then
    process:kill "for a new password"
    process:start()
  end
end

--- The processes are told later, each at its own time.
function happenings_methods:change_password()
  local group = self.random:pick(self.groups)
  local password = self:next_password()
  self.api.accounts[group.user].password = password
  self.checker:disturb "the password changes"
  self.api:revoke_all(group.user, self.random:chance(0.5))
  for _, process in ipairs(group.processes) do
    self.world:after(self.random:between(5, 600), function()
      self.checker:disturb(process.name .. " is told the password")
      tell(process, self.api.accounts[group.user].password)
    end)
  end
end

function happenings_methods:next_password()
  self.passwords = self.passwords + 1
  return ("password-%s-%d"):format(require("spec.simulation.token").MARK, self.passwords)
end

--- All processes run and know the password.
function happenings_methods:heal()
  self.healed = true
  for _, group in ipairs(self.groups) do
    local account = self.api.accounts[group.user]
    local password = account.password
    account.locked = false
    for _, process in ipairs(group.processes) do
      process.settings.healed = true
      process.settings.denials = 0
      if process.configured ~= password then
        tell(process, password)
      end
      if not process.life.alive then
        process:start()
      end
    end
  end
end

return happenings
