--- Many observations, for pages: the mode `observations` is their number, `POST /observations` adds
--- others. They are in this process, in the order of their times; equal times come in another order
--- with each request, as from another replica each time.
local json = require "sandbox.json"
local state = require "sandbox.state"

local many = {}

local NAMES = { "timestamp", "thingName", "thingType", "state" }
local TYPE = "191"
local STEP = 1000 -- milliseconds
local TIES = 300 -- in the middle, at one millisecond
local THINGS = 10

-- Times and ids, by position; made for `count` observations.
local times, ids, made_for, added = {}, {}, 0, 0

local function make(count)
  times, ids, made_for = {}, {}, count
  local last = state.started() * 1000 - 60000
  local middle = math.floor(count / 2)
  local tied = math.min(TIES, math.floor(count / 4))
  for number = 1, count do
    local step = number
    if number > middle and number < middle + tied then
      step = middle
    end
    times[number] = last - (count - step) * STEP
    ids[number] = string.format("many-%06d", number)
  end
end

local function refresh()
  local count = state.mode "observations"
  if count ~= made_for then
    make(count)
  end
end

--- Whether there are any: then they replace the usual ones.
---@return boolean
function many.are_on()
  refresh()
  return #times > 0
end

--- Back to none.
function many.reset()
  times, ids, made_for, added = {}, {}, 0, 0
end

-- The position of the first time that is not below the given one.
local function first_from(time)
  local low, high = 1, #times + 1
  while low < high do
    local middle = math.floor((low + high) / 2)
    if times[middle] < time then
      low = middle + 1
    else
      high = middle
    end
  end
  return low
end

--- Adds observations of one time; returns their ids.
---@param wanted table timestamp, count (1)
---@return string[]? ids
---@return string? message
function many.add(wanted)
  refresh()
  local time, count = wanted.timestamp, wanted.count or 1
  if type(time) ~= "number" or time % 1 ~= 0 or type(count) ~= "number" or count % 1 ~= 0 then
    return nil, "takes timestamp, in milliseconds, and optionally count"
  end
  local position, new = first_from(time + 1), {}
  for _ = 1, count do
    added = added + 1
    new[#new + 1] = string.format("added-%06d", added)
    table.insert(times, position, time)
    table.insert(ids, position, new[#new])
  end
  return new
end

local function source_of(position)
  local number = tonumber(ids[position]:match "%d+$")
  return {
    timestamp = times[position], thingName = string.format("many-%d", number % THINGS),
    thingType = TYPE, state = { temperature = number % 40 },
  }
end

local function document(position)
  return {
    index = "observations", kind = "observation", id = ids[position], names = NAMES,
    source = source_of(position), sort = { times[position] },
  }
end

-- Positions between the bounds of a range, both inclusive.
local function slice(bounds)
  local low, high = 1, #times
  if bounds.gte then
    low = math.max(low, first_from(bounds.gte))
  end
  if bounds.gt then
    low = math.max(low, first_from(bounds.gt + 1))
  end
  if bounds.lte then
    high = math.min(high, first_from(bounds.lte + 1) - 1)
  end
  if bounds.lt then
    high = math.min(high, first_from(bounds.lt) - 1)
  end
  return low, high
end

local function shuffle(list, first, last)
  for index = last, first + 1, -1 do
    local other = math.random(first, index)
    list[index], list[other] = list[other], list[index]
  end
end

-- Shuffles each run of equal times.
local function shuffle_ties(list)
  local first = 1
  for index = 2, #list + 1 do
    if index > #list or times[list[index]] ~= times[list[first]] then
      shuffle(list, first, index - 1)
      first = index
    end
  end
end

--- The hits of a search by time.
---@param bounds table of the range on timestamp, in milliseconds
---@param test function? of a source; nil: the bounds are all
---@param descending boolean
---@param from integer
---@param size integer
---@return table[] documents those of the page
---@return integer total
function many.search(bounds, test, descending, from, size)
  local low, high = slice(bounds)
  local found, offset = {}, 0
  if test then
    for position = low, high do
      if test(source_of(position)) then
        found[#found + 1] = position
      end
    end
  else -- only what the page needs, and the whole runs of equal times at its ends
    local first, last = low + from, math.min(high, low + from + size - 1)
    if descending then
      first, last = math.max(low, high - from - size + 1), high - from
    end
    while first > low and times[first - 1] == times[first] do
      first = first - 1
    end
    while last < high and times[last + 1] == times[last] do
      last = last + 1
    end
    for position = first, last do
      found[#found + 1] = position
    end
    offset = descending and high - last or first - low
  end
  shuffle_ties(found)
  local documents, total = {}, test and #found or math.max(0, high - low + 1)
  for index = from - offset + 1, math.min(from - offset + size, #found) do
    local position = found[descending and #found - index + 1 or index]
    documents[#documents + 1] = document(position)
  end
  return documents, total
end

--- The type of all of them.
many.TYPE = TYPE

--- The time of the first and the last one, for specs: JSON.
---@return string json
function many.show()
  refresh()
  return json.object { { "count", #times }, { "first", times[1] }, { "last", times[#times] } }
end

return many
