--- A call to a closed port.
return {
  leaves_clients = true,
  prepare = function(world)
    return world.client { base_url = "http://127.0.0.1:1/prod" }
  end,
  run = function(_, client)
    return client:get("/x", { auth = false })
  end,
  expect = function(_, response, err)
    return response == nil and err.code == "CURLE_COULDNT_CONNECT"
  end,
}
