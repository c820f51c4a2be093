--- Whole URLs: of the client's origin with credentials, of another one without.
return {
  prepare = function(world)
    return world.logged_in()
  end,
  run = function(world, client)
    local response, err = client:fetch(world.base_url .. "/user?a=1")
    if not response then
      return nil, err
    end
    return client:fetch(world.origin:gsub("127.0.0.1", "127.1") .. "/elsewhere")
  end,
  expect = function(_, response)
    return response and response.data.elsewhere
  end,
}
