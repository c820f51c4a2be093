-- Observations: finds the weather stations, reads the last day of each, and reads a long list page
-- by page.
--
--   make sandbox RUN="lua examples/observations.lua"

local mic = require "mic"

local client = mic.assert(mic.from_env())

local DAY = 24 * 60 * 60 * 1000 -- milliseconds, as all times of the API
local now = os.time() * 1000

local function find(path, body)
  return mic.assert(client:post(path, body)).data.hits
end

--- Returns the observations of the last day, oldest first, of one thing if a name is given. A range
--- on `timestamp` with `gte` is required.
local function reports(name, from, size)
  local filter = { { range = { timestamp = { gte = now - DAY, lte = now } } } }
  if name then
    filter[2] = { term = { thingName = name } }
  end
  return find("/observations/find", {
    queryScope = { thingTypes = { "191" } },
    query = {
      from = from,
      size = size,
      sort = { { timestamp = "asc" } },
      query = { bool = { filter = filter } },
    },
  })
end

-- Things with a state have reported at least once.
local stations = find("/things/find", {
  query = {
    size = 100,
    sort = { "thingName" },
    query = { bool = { filter = {
      { term = { thingType = "191" } },
      { exists = { field = "state.temperature" } },
    } } },
  },
})

for _, station in ipairs(stations.hits) do
  local thing = station._source
  local found = reports(thing.thingName, 0, 1000)
  local sum = 0
  for _, hit in ipairs(found.hits) do
    sum = sum + hit._source.state.temperature
  end
  print(("%s  %-7s  %d reports  %.1f degrees on average"):format(thing.thingName, thing.label,
    found.total, sum / #found.hits))
end

-- `total` counts all hits, `hits` holds one page. The sum of `from` and `size` is at most 10,000:
-- beyond that, continue from the time of the last hit.
local sizes, from, total = {}, 0
repeat
  local page = reports(nil, from, 30)
  sizes[#sizes + 1] = #page.hits
  from, total = from + #page.hits, page.total
until from >= total or #page.hits == 0
print(("%d reports in pages of 30: %s"):format(total, table.concat(sizes, " ")))
