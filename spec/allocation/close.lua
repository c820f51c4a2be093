--- A client that is closed, twice, and used after that.
return {
  prepare = function(world)
    return world.logged_in()
  end,
  run = function(_, client)
    client:close()
    client:close()
    return client:get "/user"
  end,
  expect = function(_, response, err)
    return response == nil and err.kind == "closed"
  end,
}
