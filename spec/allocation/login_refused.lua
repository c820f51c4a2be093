--- A login with the wrong password.
return {
  prepare = function(world)
    return world.client()
  end,
  run = function(_, client)
    return client:login("anna", "wrong-secret")
  end,
  expect = function(_, session, err)
    return session == nil and err.kind == "auth" and err.key == "INVALID_LOGIN"
  end,
  after = function(_, client)
    return not client:authenticated()
  end,
}
