--- The status of a client.
return {
  prepare = function(world)
    return world.logged_in()
  end,
  run = function(_, client)
    return client:status(), tostring(client), client:authenticated(), require("mic").features()
  end,
  expect = function(_, status, text, authenticated, features)
    return status.logged_in
      and status.counters.logins == 1
      and text:find "^mic.client" == 1
      and authenticated
      and features.libcurl ~= nil
  end,
}
