--- A call whose token is due for a refresh, and one whose token has expired.
return {
  prepare = function(world)
    local client = world.automatic { refresh_margin = 1000 }
    local inner = world.inside(client)
    assert(client:login())
    inner:shift_clock(999999500)
    return { client = client, inner = inner }
  end,
  run = function(_, made)
    local response, err = made.client:get "/user"
    if not response then
      return response, err
    end
    made.inner:shift_clock(1100000000)
    return made.client:get "/user"
  end,
  expect = function(_, response)
    return response and response.status == 200
  end,
}
