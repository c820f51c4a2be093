--- The fast path with a body, and with an unknown path.
return {
  prepare = function(world)
    return world.logged_in()
  end,
  run = function(_, client)
    local response, err = client:post("/things", { name = "lamp" })
    if not response then
      return response, err
    end
    local nothing
    nothing, err = client:post("/nowhere", { name = "lamp" })
    if nothing or not err.status then
      return nothing, err
    end
    return { created = response.data.created, status = err.status, text = err.message }
  end,
  expect = function(_, seen)
    return seen and seen.created and seen.status == 404 and seen.text == "no such answer"
  end,
}
