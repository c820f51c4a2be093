--- A refresh that is refused, and the login after it.
return {
  prepare = function(world)
    local client = world.automatic()
    assert(client:use_credentials {
      identityId = "eu-west-1:4c3b",
      token = "eyJ.opaque-secret",
      refreshToken = "refresh-dead-secret",
    })
    return client
  end,
  run = function(_, client)
    return client:refresh()
  end,
  expect = function(_, ok)
    return ok == true
  end,
  after = function(_, client)
    return client:authenticated()
  end,
}
