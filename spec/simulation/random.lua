--- Random numbers of the simulation: the same for a seed on every Lua and every machine.

local random = {}
local random_methods = {}
local random_mt = { __index = random_methods }

--- Park and Miller's generator; every product is exact in a double.
local MODULUS, FACTOR = 2147483647, 16807

--- Makes a generator.
---@param seed number whole
---@return table random
function random.new(seed)
  local self = setmetatable({ state = (seed * 48271 + 11) % (MODULUS - 1) + 1 }, random_mt)
  for _ = 1, 8 do -- seeds that are neighbours begin alike
    self:next()
  end
  return self
end

--- A number, 0 <= number < 1.
---@return number
function random_methods:next()
  self.state = self.state * FACTOR % MODULUS
  return (self.state - 1) / (MODULUS - 1)
end

--- A number between two others.
---@param least number
---@param most number
---@return number
function random_methods:between(least, most)
  return least + (most - least) * self:next()
end

--- A whole number from `least` to `most`.
---@param least number
---@param most number
---@return number
function random_methods:whole(least, most)
  return least + math.floor((most - least + 1) * self:next())
end

--- Whether something of this probability happens.
---@param probability number
---@return boolean
function random_methods:chance(probability)
  return self:next() < probability
end

--- One of a list.
---@param list any[]
---@return any
function random_methods:pick(list)
  return list[self:whole(1, #list)]
end

--- A waiting time with this mean: mostly short, now and then long.
---@param mean number seconds
---@return number seconds
function random_methods:wait(mean)
  return -mean * math.log(1 - self:next())
end

--- A generator of its own, so that what one part draws does not change what another gets.
---@return table random
function random_methods:branch()
  return random.new(self:whole(1, 1000000000))
end

return random
