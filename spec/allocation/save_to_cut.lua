--- A download that ends in its middle leaves the older file as it was.
return {
  prepare = function(world)
    world.write("old", "older")
    return world.client()
  end,
  run = function(world, client)
    return client:get("/large-cut", { auth = false, save_to = world.path "old" })
  end,
  expect = function(_, response, err)
    return response == nil and err.kind == "network"
  end,
  after = function(world)
    return world.read "old" == "older"
  end,
}
