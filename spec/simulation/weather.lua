--- Fault schedule: calm, rough and broken phases alternate. A healed world stays calm.

local weather = {}
local weather_methods = {}
local weather_mt = { __index = weather_methods }

--- Outcomes of an exchange other than "ok". If `processed`, the API has handled the request.
weather.fates = {
  refused = { processed = false }, -- closed port: fails at once, nothing was sent
  reset = { processed = false }, -- the connection breaks before the request arrives
  hole = { processed = false }, -- nothing comes, until the time is up
  broken = { processed = false, status = 500 },
  busy = { processed = false, status = 503 },
  slow_down = { processed = false, status = 429, retry_after = true },
  reply_reset = { processed = true },
  reply_hole = { processed = true },
  gateway = { processed = true, status = 504 },
}

local rough_fates = { "refused", "reset", "hole", "broken", "busy", "slow_down", "reply_reset",
  "reply_hole", "gateway" }
local down_fates = { "refused", "broken", "hole", "gateway" }

--- Makes a schedule.
---@param world table
---@param random table
---@param settings table roughness (0 to 1), lifetime (of a token, in seconds)
---@return table weather
function weather.new(world, random, settings)
  local self = setmetatable({
    world = world,
    random = random,
    settings = settings,
    phase = "calm",
    healed = false,
    down = nil, -- the one fate of the auth endpoints
    calls_down = false, -- and of everything else too
    rate = 0, -- of requests that something happens to
    store_rate = 0, -- of store operations that fail
    slow = 0, -- seconds that an exchange may take longer
  }, weather_mt)
  self:turn()
  return self
end

local function set_calm(self)
  self.phase, self.down, self.calls_down = "calm", nil, false
  self.rate, self.store_rate, self.slow = 0, 0, 0
end

--- Begins the next phase.
function weather_methods:turn()
  if self.healed then
    return
  end
  local random, roughness = self.random, self.settings.roughness
  local was_calm = self.phase == "calm" and self.world.now > 0
  set_calm(self)
  local seconds = random:between(200, 200 + self.settings.lifetime)
  if was_calm then
    seconds = random:between(10, 100 + self.settings.lifetime / 3)
    if random:chance(0.4) then
      self.phase = "down"
      self.down = random:pick(down_fates)
      self.calls_down = random:chance(0.3)
    else
      self.phase = "rough"
      self.rate = roughness * random:between(0.02, 0.6)
      self.slow = random:chance(0.3) and random:between(1, 40) or 0
    end
    if random:chance(0.3) then
      self.store_rate = roughness * random:pick { 0.1, 0.5, 1 }
    end
  end
  self.world:note("world", "weather:", self.phase .. (self.down and " " .. self.down or ""))
  self.world:after(seconds, self.turn, self)
end

--- Ends all faults.
function weather_methods:heal()
  set_calm(self)
  self.healed = true
  self.world:note("world", "everything is healed")
end

--- Draws the outcome of an exchange.
---@param is_auth boolean
---@return string|nil fate one of `fates`; nil when all goes well
---@return number seconds how long the way there takes
---@return number seconds how long the way back takes
function weather_methods:fate(is_auth)
  local random = self.random
  local there, back = random:between(0.02, 0.15), random:between(0.02, 0.15)
  if self.slow > 0 and random:chance(0.3) then
    there = there + random:between(0, self.slow)
    back = back + random:between(0, self.slow)
  end
  if self.down and (is_auth or self.calls_down) then
    return self.down, there, back
  end
  if self.rate > 0 and random:chance(self.rate) then
    return random:pick(rough_fates), there, back
  end
  return nil, there, back
end

--- True if an operation of a store fails.
---@return boolean
function weather_methods:store_fails()
  return self.store_rate > 0 and self.random:chance(self.store_rate)
end

return weather
