--- A client from the environment, and one that lacks a variable.
return {
  prepare = function(world)
    local values = {
      MIC_BASE_URL = world.base_url,
      MIC_API_KEY = "key-secret",
      MIC_USERNAME = "anna",
      MIC_PASSWORD = world.password,
    }
    function os.getenv(name) -- luacheck: ignore
      return values[name]
    end
    return values
  end,
  run = function(_, values)
    local mic = require "mic"
    values.MIC_BASE_URL = "ftp://nowhere"
    local client, err = mic.from_env()
    if client or not tostring(err):find("MIC_BASE_URL", 1, true) then
      return nil, err
    end
    return client, err
  end,
  expect = function(_, client, err)
    return client == nil and err.kind == "config"
  end,
}
