--- Endpoint data: which POST requests of the API are idempotent.

local endpoints = {}

--- POST requests that only search, so they can be repeated safely.
endpoints.searches = {
  ["/things/find"] = true,
  ["/observations/find"] = true,
  ["/events/find"] = true,
}

return endpoints
