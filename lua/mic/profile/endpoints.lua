--- What is known of this API's endpoints beyond their methods: data, no code.

local endpoints = {}

--- POSTs that only search: sending one twice does no more than sending it once.
endpoints.searches = {
  ["/things/find"] = true,
  ["/observations/find"] = true,
  ["/events/find"] = true,
}

return endpoints
