--- An expired token: refresh, and the call again.
return {
  prepare = function(world)
    return world.logged_in()
  end,
  run = function(_, client)
    return client:get "/expired"
  end,
  expect = function(_, response)
    return response and response.data.fresh and response.attempts == 2
  end,
}
