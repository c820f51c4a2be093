--- An answer that is compressed, under a folded header.
return {
  prepare = function(world)
    return world.client()
  end,
  run = function(_, client)
    return client:get("/packed", { auth = false })
  end,
  expect = function(_, response)
    return response and response.data.name:find "^\195\169" ~= nil
  end,
}
