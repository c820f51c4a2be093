--- Data out as JSON.
return {
  prepare = function(world)
    return world.logged_in()
  end,
  run = function(_, client)
    return client:post("/things", { name = "lamp", tags = { "a", "b" }, watts = 7.5 })
  end,
  expect = function(_, response)
    return response and response.status == 201 and response.data.created
  end,
}
