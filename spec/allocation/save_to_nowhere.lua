--- A download into a folder that is not there, and an upload of a file that is not.
return {
  prepare = function(world)
    return world.client()
  end,
  run = function(world, client)
    local path = world.path "none/new"
    local response, err = client:get("/ping", { auth = false, save_to = path })
    if response or err.code ~= "ENOENT" then
      return response, err
    end
    return client:put("/file", nil, { auth = false, body_file = path })
  end,
  expect = function(_, response, err)
    return response == nil and err.kind == "file" and err.code == "ENOENT"
  end,
}
