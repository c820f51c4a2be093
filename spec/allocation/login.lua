--- A login that is accepted.
return {
  prepare = function(world)
    return world.client()
  end,
  run = function(world, client)
    return client:login("anna", world.password)
  end,
  expect = function(_, session)
    return session and session.user.userName == "anna" and session.permissions[1] == "a"
  end,
}
