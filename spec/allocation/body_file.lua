--- An upload.
return {
  prepare = function(world)
    world.write("upload", ("0123456789"):rep(5000))
    return world.client()
  end,
  run = function(world, client)
    return client:put("/file", nil, { auth = false, body_file = world.path "upload" })
  end,
  expect = function(_, response)
    return response and response.data.kept
  end,
}
