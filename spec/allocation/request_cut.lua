--- An answer that ends in its middle.
return {
  prepare = function(world)
    return world.logged_in()
  end,
  run = function(_, client)
    return client:get "/cut"
  end,
  expect = function(_, response, err)
    return response == nil and err.kind == "network" and err.code == "CURLE_PARTIAL_FILE"
  end,
}
