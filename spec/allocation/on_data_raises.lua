--- A listener that raises: its error is raised unchanged.
local thrown = {}

return {
  prepare = function(world)
    return world.client()
  end,
  run = function(_, client)
    local ok, raised, err = pcall(client.get, client, "/large", {
      auth = false,
      on_data = function()
        error(thrown)
      end,
    })
    if not ok and raised == thrown then
      return true
    end
    if not ok then
      error(raised, 0)
    end
    return nil, err
  end,
  expect = function(_, came)
    return came == true
  end,
}
