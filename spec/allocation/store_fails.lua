--- A store whose functions all fail: the credentials are used from memory.
local function fails()
  return nil, "the disk is full"
end

return {
  leaves_clients = true,
  prepare = function(world)
    return world.automatic {
      store = { load = fails, save = fails, lock = fails, unlock = fails },
    }
  end,
  run = function(world, client)
    return client:login("anna", world.password)
  end,
  expect = function(_, session, err)
    return session == nil
      and err.kind == "store"
      and err.message:find("disk is full", 1, true) ~= nil
  end,
}
