--- An answer over the cap.
return {
  prepare = function(world)
    return world.client { max_response_size = 1000 }
  end,
  run = function(_, client)
    return client:get("/large", { auth = false })
  end,
  expect = function(_, response, err)
    return response == nil and err.kind == "too_large"
  end,
}
