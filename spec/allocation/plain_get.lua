--- The fast path: a call with only a path, one with params; then the lazily parsed members.
return {
  prepare = function(world)
    return world.logged_in()
  end,
  run = function(_, client)
    local response, err = client:get "/user"
    if not response then
      return response, err
    end
    response, err = client:get("/{name}", { params = { name = "user" } })
    if not response then
      return response, err
    end
    return {
      name = response.data.userName,
      twice = response:header_values "x-twice"[2],
      url = response.url,
      seconds = response.timings.total,
    }
  end,
  expect = function(world, seen)
    return seen
      and seen.name == "anna"
      and seen.twice == "two"
      and seen.url == world.base_url .. "/user"
      and seen.seconds > 0
  end,
}
