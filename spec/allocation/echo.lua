--- An answer that echoes every secret: a failure masks it, or shows nothing.
return {
  prepare = function(world)
    return world.logged_in()
  end,
  run = function(_, client)
    local response, err = client:get "/echo"
    return response, err, tostring(err)
  end,
  expect = function(_, response, err, text)
    return response == nil
      and err.key == "***"
      and err.property == "***"
      and err.message_params["***"] == "***"
      and text == "http 500 ***: ***, ***, ***, ***== (GET /echo, request ***)"
  end,
}
