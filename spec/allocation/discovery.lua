--- A client by the name of its stack.
return {
  prepare = function(world)
    return world.client {
      base_url = false,
      stack = "stack.example",
      manifest_url = world.origin .. "/manifest",
      username = "anna",
      password = world.password,
    }
  end,
  run = function(_, client)
    return client:get "/user"
  end,
  expect = function(_, response)
    return response and response.data.userName == "anna"
  end,
}
