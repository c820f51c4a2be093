--- An answer that is an error, with everything that the API says of it.
return {
  prepare = function(world)
    return world.logged_in()
  end,
  run = function(_, client)
    local response, err = client:get "/missing"
    return response, err, tostring(err)
  end,
  expect = function(_, response, err, text)
    return response == nil
      and err.kind == "http"
      and err.key == "USER_NOT_FOUND"
      and err.message_params.userName == "anna"
      and text:find("request 7f3a", 1, true) ~= nil
  end,
}
