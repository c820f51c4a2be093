--- An answer piece by piece, with its progress, larger than what libcurl may run ahead, so that it
--- is paused; and one that the listener stops.
return {
  prepare = function(world)
    return world.client()
  end,
  run = function(_, client)
    local count, seen = 0, 0
    local response, err = client:get("/large", {
      auth = false,
      on_data = function(chunk)
        count = count + #chunk
      end,
      progress = function(now)
        seen = now
      end,
    })
    if not response or count ~= 400000 or seen ~= 400000 then
      return response, err
    end
    return client:get("/large", {
      auth = false,
      on_data = function()
        return false
      end,
    })
  end,
  expect = function(_, response, err)
    return response == nil and err.kind == "cancelled"
  end,
}
