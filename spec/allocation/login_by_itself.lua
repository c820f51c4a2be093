--- A call that logs in first; the password comes from a function.
return {
  prepare = function(world)
    return world.automatic {
      password = function()
        return world.password
      end,
    }
  end,
  run = function(_, client)
    return client:get "/user"
  end,
  expect = function(_, response)
    return response and response.data.userName == "anna"
  end,
}
