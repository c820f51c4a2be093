--- A loop over pages: what is handed out stays whole, and goes on after a failure.
local function go_on(made)
  while true do
    local item, hit = made.it:next()
    if item == nil then
      return table.concat(made.ids, " ", 1, made.count), made.it.err
    end
    made.count = made.count + 1
    made.ids[made.count] = hit._id
  end
end

return {
  prepare = function(world)
    local client = world.logged_in()
    return { it = client.observations:each { page_size = 2 }, ids = { "", "", "" }, count = 0 }
  end,
  run = function(_, made)
    local ids, err = go_on(made)
    if err then
      return nil, err
    end
    return ids, #made.it:position()
  end,
  expect = function(_, ids, position)
    return ids == "a b c" and position > 20
  end,
  after = function(_, made)
    made.it:retry()
    local ids, err = go_on(made)
    if err and err.message:find("was interrupted by an error", 1, true) then
      return ids == "" or ids == "a b" or ids == "a b c" or "broken within a page: " .. ids
    end
    return ids == "a b c" or ids .. tostring(err)
  end,
}
