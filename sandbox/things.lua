--- Things: created at start, always the same, in shared memory.
local collection = require "sandbox.collection"
local observations = require "sandbox.observations"

local things = collection.new("things", "thingName")

-- Thing type, domain, how many. They are numbered through from 1570 on.
local ROWS = {
  { "191", "oslo-harbour", 3 }, { "191", "bergen", 3 }, { "191", "stockholm-centre", 3 },
  { "191", "copenhagen-harbour", 3 },
  { "192", "oslo-centre", 8 }, { "192", "bergen-harbour", 4 },
  { "air-quality", "oslo-centre", 4 }, { "air-quality", "gothenburg", 4 },
  { "air-quality", "helsinki", 4 },
  { "gateway", "trondheim", 2 },
}
local LABELS = { "Roof", "Harbour", "Airport", "Bridge", "School", "Station", "Park", "Market",
  "Library", "Stadium", "Tunnel", "Lighthouse" }
local FIRST_NUMBER = 1570
local DOORS = { "front-door", "back-door" }

local function padded(number)
  return string.format("%08d", number)
end

local function make(name, kind, domain, label)
  return {
    thingName = name, thingType = kind, domain = domain, label = label, protocol = "mqtt",
    simulated = false, createdAt = 1546300800000,
  }
end

local function first()
  local list, number, count = {}, FIRST_NUMBER, {}
  for _, row in ipairs(ROWS) do
    local kind, domain = row[1], row[2]
    for _ = 1, row[3] do
      count[kind] = (count[kind] or 0) + 1
      local thing = make(padded(number), kind, domain, LABELS[count[kind]])
      if count[kind] % 3 == 1 then
        thing.description = "Number " .. count[kind] .. " of its type"
      end
      list[#list + 1], number = thing, number + 1
    end
  end
  -- Things behind the last gateway.
  local gateway = list[#list]
  for index, name in ipairs(DOORS) do
    local door = make(name, "door", gateway.domain, "Door " .. index)
    door.parentThingName = gateway.thingName
    list[#list + 1] = door
  end
  return list, number
end

--- The next sequential name.
---@return string
function things.next_name()
  local name
  repeat
    name = padded(ngx.shared.state:incr("next_thing", 1))
  until not things:find(name)
  return name
end

---@param name string
---@return boolean
function things.is_parent(name)
  for _, thing in ipairs(things:all()) do
    if thing.parentThingName == name then
      return true
    end
  end
  return false
end

--- What it reported last; nil when it never did.
---@param thing table
---@return table? state
---@return integer? timestamp milliseconds
function things.last_state(thing)
  local state, timestamp = observations.last(thing.thingName)
  -- An older one was of another thing with this name.
  if timestamp and timestamp >= thing.createdAt then
    return state, timestamp
  end
end

--- Restores the initial ones.
function things.restore()
  local list, number = first()
  things:reset(list)
  ngx.shared.state:set("next_thing", number - 1)
end

return things
