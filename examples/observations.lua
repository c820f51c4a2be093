-- Finds the weather stations, and reads all observations of the last day of each.
--
--   make sandbox RUN="lua examples/observations.lua"

local mic = require "mic"

local client = mic.assert(mic.from_env())

local DAY = 24 * 60 * 60 -- seconds

-- A thing with a state has reported at least once.
local stations = mic.assert(client.things:all {
  limit = 100,
  sort = { "thingName" },
  filter = { bool = { filter = {
    { term = { thingType = "191" } },
    { exists = { field = "state.temperature" } },
  } } },
})

for _, thing in ipairs(stations) do
  local count, sum = 0, 0
  for report in client.observations:each { thing = thing.thingName, since = -DAY } do
    count, sum = count + 1, sum + report.state.temperature
  end
  print(("%s  %-7s  %d reports  %.1f degrees on average"):format(thing.thingName, thing.label,
    count, sum / count))
end

-- Responses, page by page. A page begins at the time of the last report of the previous page.
local count, pages = 0, 0
for page in client.observations:pages { type = "191", since = -DAY, page_size = 30 } do
  count, pages = count + #page.data.hits.hits, pages + 1
end
print(("%d reports in %d pages"):format(count, pages))
