--- Headers for another library while a refresh is due, and after the token has expired.
return {
  prepare = function(world)
    local client = world.automatic { refresh_margin = 1000 }
    local inner = world.inside(client)
    assert(client:login())
    inner:shift_clock(999999500)
    return { client = client, inner = inner }
  end,
  run = function(_, made)
    local headers, err = made.client:auth_headers()
    if not headers then
      return headers, err
    end
    made.inner:shift_clock(1100000000)
    return made.client:auth_headers()
  end,
  expect = function(_, headers)
    return headers and headers.Authorization:find "^eyJ" == 1
  end,
}
