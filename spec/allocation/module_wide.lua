--- A module-wide login and call.
return {
  prepare = function()
    return require "mic"
  end,
  run = function(world, mic)
    local client, err = mic.login {
      base_url = world.base_url,
      api_key = "key-secret",
      username = "anna",
      password = world.password,
      retry = false,
      timeout = 5,
    }
    if not client then
      return nil, err
    end
    return mic.get "/user"
  end,
  expect = function(_, response)
    return response and response.data.userName == "anna"
  end,
}
