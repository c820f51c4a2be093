--- The headers for another library, after a login by itself.
return {
  prepare = function(world)
    return world.automatic()
  end,
  run = function(_, client)
    return client:auth_headers()
  end,
  expect = function(_, headers)
    return headers
      and headers["x-api-key"] == "key-secret"
      and headers.Authorization:find "^eyJ" == 1
  end,
}
