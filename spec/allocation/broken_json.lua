--- An answer that is no JSON, and one in chunks that is.
return {
  prepare = function(world)
    return world.client()
  end,
  run = function(_, client)
    local response, err = client:get("/chunked", { auth = false })
    if not response or not response.data.pieces then
      return response, err
    end
    return client:get("/broken", { auth = false })
  end,
  expect = function(_, response, err)
    return response == nil and err.kind == "decode"
  end,
}
