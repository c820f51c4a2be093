--- Calls by name, of the first use: modules are loaded, and names are made.
return {
  prepare = function(world)
    return world.logged_in {
      endpoints = { { name = "ours.me", method = "GET", path = "/{name}", idempotent = false } },
    }
  end,
  run = function(_, client)
    local response, err = client.users:me({ attributes = { "userName" } }, { timeout = 4 })
    if not response then
      return nil, err
    end
    response, err = client:whoami()
    if not response then
      return nil, err
    end
    response, err = client.ours:me "user"
    if not response then
      return nil, err
    end
    return response, tostring(client.things)
  end,
  expect = function(_, response, text)
    return response and response.status == 200 and text:find("POST /things/find", 1, true) ~= nil
  end,
}
