--- A logout, and what is left after it.
return {
  leaves_clients = true,
  prepare = function(world)
    return world.logged_in()
  end,
  run = function(_, client)
    return client:logout()
  end,
  expect = function(_, ok)
    return ok == true
  end,
  after = function(_, client)
    return client:logout() == true and not client:authenticated() and client:credentials() == nil
  end,
}
