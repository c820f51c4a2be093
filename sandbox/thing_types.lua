--- Thing types: what a thing can report. Some exist at start, more can be created.
local collection = require "sandbox.collection"

local thing_types = collection.new("thing_types", "id")

-- The form of `resources` and `virtualResources` is the sandbox's choice: name to `type` (one of
-- Elasticsearch's) and `metadata`, for those of sub things also `subthingType`.
local FIRST = {
  {
    id = "191", label = "Weather station", description = "Temperature and wind", domain = "root",
    readOnly = false, lockMappings = false,
    resources = {
      latlng = { type = "geo_point", metadata = { label = "Position" } },
      temperature = { type = "double", metadata = { label = "Temperature", unit = "C" } },
      wind = { type = "double", metadata = { label = "Wind", unit = "m/s" } },
    },
    virtualResources = {
      felt = { type = "double", metadata = { label = "Felt temperature", unit = "C" } },
    },
  },
  {
    id = "192", label = "Parking place", description = "Free or taken", domain = "norway",
    readOnly = false, lockMappings = false,
    resources = { taken = { type = "boolean", metadata = { label = "Taken" } } },
    virtualResources = {},
  },
  {
    id = "air-quality", label = "Air quality", description = "Dust and gas", domain = "root",
    readOnly = false, lockMappings = false,
    resources = {
      co2 = { type = "long", metadata = { label = "Carbon dioxide", unit = "ppm" } },
      pm25 = { type = "double", metadata = { label = "Fine dust", unit = "ug/m3" } },
    },
    virtualResources = {},
  },
  {
    id = "gateway", label = "Gateway", description = "Things behind it", domain = "root",
    readOnly = true, lockMappings = true,
    resources = {
      uptime = { type = "long", metadata = { label = "Up for", unit = "s" } },
      door = { type = "boolean", metadata = { label = "Door" }, subthingType = "door" },
    },
    virtualResources = {},
  },
  {
    id = "door", label = "Door", description = "Open or closed", domain = "root",
    readOnly = true, lockMappings = true,
    resources = { open = { type = "boolean", metadata = { label = "Open" } } },
    virtualResources = {},
  },
}

--- Restores the initial ones.
function thing_types.restore()
  thing_types:reset(FIRST)
end

return thing_types
