--- A client is made, with every kind of option.
return {
  run = function(world)
    return require("mic").new {
      base_url = world.base_url,
      api_key = "key-secret",
      username = "anna",
      password = world.password,
      identity = "query",
      timeout = 5,
      connect_timeout = 2,
      deadline = 20,
      retry = { attempts = 2, base = 0.1, cap = 1 },
      max_response_size = 100000,
      user_agent = "scenario/1",
      proxy = "http://127.0.0.1:1",
      http_version = "1.1",
      tls = { ca_file = "/nowhere/ca.pem", ca_path = "/nowhere", min_version = "1.3" },
      on_event = print,
    }
  end,
  expect = function(world, client)
    return tostring(client) == "mic.client (" .. world.base_url .. ")"
  end,
}
