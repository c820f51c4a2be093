--- A call without credentials: nothing is sent.
return {
  prepare = function(world)
    return world.client()
  end,
  run = function(_, client)
    return client:get "/user"
  end,
  expect = function(_, response, err)
    return response == nil and err.kind == "auth" and err.attempts == 0
  end,
}
