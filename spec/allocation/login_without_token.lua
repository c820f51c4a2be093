--- A login whose reply brings no token.
return {
  prepare = function(world)
    return world.client()
  end,
  run = function(_, client)
    return client:login("no-token", "any-secret")
  end,
  expect = function(_, session, err)
    return session == nil and err.kind == "auth" and err.status == 200
  end,
}
