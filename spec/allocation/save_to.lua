--- A download: complete or absent.
local whole = ("x"):rep(400000)

return {
  prepare = function(world)
    return world.client()
  end,
  run = function(world, client)
    return client:get("/large", { auth = false, save_to = world.path "new" })
  end,
  expect = function(world, response)
    return response and response.status == 200 and world.read "new" == whole
  end,
  after = function(world)
    local content = world.read "new"
    return content == nil or content == whole
  end,
}
