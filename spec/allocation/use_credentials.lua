--- External credentials: set and read.
return {
  prepare = function(world)
    return { from = world.logged_in(), to = world.client() }
  end,
  run = function(_, made)
    local ok, err = made.to:use_credentials(made.from:credentials())
    if not ok then
      return nil, err
    end
    return made.to:credentials()
  end,
  expect = function(_, credentials)
    return credentials and credentials.refreshToken == "refresh-one-secret"
  end,
}
