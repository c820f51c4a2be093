--- A redirect that is followed.
return {
  prepare = function(world)
    return world.logged_in { identity = "query" }
  end,
  run = function(_, client)
    return client:get("/moved", { query = { a = 1 } })
  end,
  expect = function(_, response)
    return response and response.data.pong
  end,
}
