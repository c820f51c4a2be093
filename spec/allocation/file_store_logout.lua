--- External credentials are saved in a file store, and a logout clears it.
return {
  leaves_clients = true,
  prepare = function(world)
    local client = world.logged_in()
    return { credentials = client:credentials(), to = world.client {
      username = "anna",
      store = world.file_store(),
    } }
  end,
  run = function(world, made)
    local ok, err = made.to:use_credentials(made.credentials)
    if not ok then
      return nil, err
    end
    local saved
    saved, err = world.file_store().load(world.key)
    if not saved then
      return nil, err
    end
    return made.to:logout()
  end,
  expect = function(_, ok)
    return ok == true
  end,
  after = function(world, made)
    local ok, err = made.to:use_credentials(made.credentials)
    local there, problem = world.saved()
    if not ok or not there then
      return tostring(err or problem)
    end
    ok, err = made.to:logout()
    local left
    left, problem = world.saved()
    local is_out = ok and not left and not problem and not made.to:authenticated()
    return is_out or tostring(err or problem)
  end,
}
