-- What things have reported: finds the weather stations, asks for the last day of each, and reads a
-- long list page by page.
--
--   make sandbox RUN="lua examples/observations.lua"

local mic = require "mic"

local client = mic.assert(mic.from_env())

local DAY = 24 * 60 * 60 * 1000 -- milliseconds, as everything that the API says about time
local now = os.time() * 1000

local function find(path, body)
  return mic.assert(client:post(path, body)).data.hits
end

--- What was reported in the last day, oldest first; with a thing's name by that one alone. A range
--- on `timestamp` with `gte` must be there.
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

-- Things that have a state have reported at least once.
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

-- `total` counts all hits, `hits` holds one page. `from` and `size` end at 10,000 together: beyond
-- that go on with the time of the last hit.
local sizes, from, total = {}, 0
repeat
  local page = reports(nil, from, 30)
  sizes[#sizes + 1] = #page.hits
  from, total = from + #page.hits, page.total
until from >= total or #page.hits == 0
print(("%d reports in pages of 30: %s"):format(total, table.concat(sizes, " ")))
