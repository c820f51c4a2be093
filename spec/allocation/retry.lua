--- A busy server: retries until the last attempt.
return {
  prepare = function(world)
    return world.logged_in { retry = { attempts = 3, base = 0.001, cap = 0.001 } }
  end,
  run = function(_, client)
    return client:get "/busy"
  end,
  expect = function(_, response, err)
    return response == nil and err.status == 503 and err.attempts == 3
  end,
}
