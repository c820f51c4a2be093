--- Store shared by several processes, each with its own handle. It can fail and be slow; its lock
--- ends with its process or by time; records are never torn.

local token = require "spec.simulation.token"

local store = {}
local store_methods = {}
local store_mt = { __index = store_methods }

--- Makes a store.
---@param world table
---@param sky table the weather
---@param random table
---@param settings table lock ("process": ends with it; "time": ends after its seconds), delay
--- (seconds that an operation takes at the most, before and after it takes effect)
---@return table store
function store.new(world, sky, random, settings)
  return setmetatable({
    world = world,
    weather = sky,
    random = random,
    settings = settings,
    kept = nil, -- bytes
    saved_at = nil,
    holder = nil, -- of the lock: process, life, ends, token
    locks = 0,
    failed_at = {}, -- by process: when an operation of the store failed last
    saved_by = {}, -- by process: when it saved last
    watcher = nil, -- gets each save before it takes effect, and each failure
  }, store_mt)
end

--- True if a process has the lock and has been told so.
---@param process table
---@return boolean
function store_methods:is_held_by(process)
  local holder = self:held()
  return holder ~= nil and holder.life == process.life and not holder.lost
end

--- The holder of the lock; nil if it is free.
---@return table|nil holder
function store_methods:held()
  local holder = self.holder
  if not holder then
    return nil
  end
  local over
  if self.settings.lock == "time" then
    over = self.world.now >= holder.ends
  else
    over = not holder.life.alive
  end
  if over then
    self.holder = nil
    return nil
  end
  return holder
end

--- The secrets that are kept.
---@return string|nil refresh
---@return string|nil jwt
function store_methods:secrets()
  if self.kept then
    return token.of_record(self.kept)
  end
end

local function pass_time(self)
  if self.settings.delay > 0 then
    self.world:sleep(self.random:between(0, self.settings.delay))
  end
end

--- An error message of the store, which echoes its arguments; with the third result true it is
--- raised.
local function fail(self, process, what, record)
  self.failed_at[process] = self.world.now
  self.watcher:store_failed(self, process, what)
  local text = what .. " failed for " .. (record and record:bytes():gsub("%z", "?") or "a key")
  return nil, text, self.random:chance(0.3)
end

--- Runs an operation. `late` says whether it may fail after its effect.
local function operate(self, process, what, effect, record, late)
  pass_time(self)
  local fails = self.weather:store_fails()
  if fails and not (late and self.random:chance(0.3)) then
    return fail(self, process, what, record)
  end
  local result = effect()
  pass_time(self)
  if fails then
    return fail(self, process, what, record)
  end
  return result
end

local function give(result, problem, raised)
  if raised then
    error(problem, 0)
  end
  return result, problem
end

--- The store as one process sees it: what a client takes.
---@param process table
---@return table store load, save, lock, unlock
function store_methods:handle(process)
  local world, watcher = self.world, self.watcher
  local handle = {}

  function handle.load()
    return give(operate(self, process, "load", function()
      return self.kept
    end))
  end

  function handle.save(_, record)
    local bytes = record and (type(record) == "string" and record or record:bytes())
    watcher:save_begins(self, process, bytes)
    local function effect()
      watcher:saves(self, process, bytes)
      self.kept = bytes
      self.saved_at = world.now
      return true
    end
    local saved, problem, raised = operate(self, process, "save", effect, record, true)
    watcher:save_ends(self, process, bytes, saved)
    return give(saved, problem, raised)
  end

  function handle.lock(_, seconds)
    local result, problem, raised = operate(self, process, "lock", function()
      if self:held() then
        return false
      end
      self.locks = self.locks + 1
      self.holder = {
        process = process,
        life = process.life,
        ends = world.now + seconds,
        token = self.locks,
      }
      world:note(process.name, "locks")
      return self.locks
    end, nil, self.settings.lock == "time")
    if problem and self.holder and self.holder.life == process.life then
      self.holder.lost = true -- it was granted, and its process was not told
    end
    return give(result, problem, raised)
  end

  function handle.unlock(_, token_given)
    pass_time(self)
    local holder = self:held()
    if not holder or holder.token ~= token_given then
      return false
    end
    self.holder = nil
    world:note(process.name, "unlocks")
    return true
  end

  return handle
end

return store
