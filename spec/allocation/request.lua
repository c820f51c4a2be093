--- A call with all parts of a URL and all kinds of headers, and its whole answer.
return {
  prepare = function(world)
    return world.logged_in()
  end,
  run = function(_, client)
    local response, err = client:get("/{name}", {
      params = { name = "user" },
      query = { b = { 1, 2.5, "x y" }, a = true },
      headers = { ["X-One"] = { "a", "b" }, Accept = "application/json" },
    })
    if not response then
      return nil, err
    end
    return response, response:header_values "x-twice", response.headers["X-Twice"]
  end,
  expect = function(_, response, values, joined)
    return response
      and response.data.list[1] == 1
      and values[2] == "two"
      and joined == "one, two"
      and response.timings.total > 0
  end,
}
