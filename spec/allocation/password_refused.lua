--- A password of the options that the API refuses: it is remembered in the store, and the next call
--- does not send it.
return {
  leaves_clients = true,
  prepare = function(world)
    return world.client {
      username = "anna",
      password = "wrong-secret",
      store = world.file_store(),
    }
  end,
  run = function(_, client)
    local response, err = client:get "/user"
    if response or err.key ~= "INVALID_LOGIN" then
      return response, err
    end
    response, err = client:get "/user"
    if response or err.kind ~= "auth" then
      return response, err
    end
    return err.message
  end,
  expect = function(_, message)
    return type(message) == "string" and message:find "not tried again for 15 min" ~= nil
  end,
  after = function(world, client)
    local ok, err = client:login(nil, world.password)
    if ok then
      ok, err = client:get "/user"
    end
    return ok ~= nil or tostring(err)
  end,
}
