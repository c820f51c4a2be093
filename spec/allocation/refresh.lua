--- An explicit refresh.
return {
  prepare = function(world)
    return world.logged_in()
  end,
  run = function(_, client)
    return client:refresh()
  end,
  expect = function(_, ok)
    return ok == true
  end,
}
