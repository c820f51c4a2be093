--- Many calls at once, one of which fails, one of which logs in anew.
local function statuses(results)
  local list = {}
  for index, result in ipairs(results) do
    list[index] = result.response and result.response.status or result.err.status
  end
  return table.concat(list, " ")
end

return {
  prepare = function(world)
    return world.logged_in()
  end,
  run = function(_, client)
    local results = client:batch {
      { path = "/user" },
      { path = "/missing" },
      { method = "GET", path = "/expired" },
      { method = "POST", path = "/things", data = { name = "lamp" } },
      concurrency = 3,
    }
    for _, result in ipairs(results) do
      if result.err and not result.err.status then
        return nil, result.err
      end
    end
    return statuses(results)
  end,
  expect = function(_, list)
    return list == "200 404 200 201"
  end,
}
