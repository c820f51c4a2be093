--- All events of a login, of successful and of failed calls. An event may be lost if the listener
--- has no memory for it.
return {
  prepare = function(world)
    local events = {}
    local client = world.automatic {
      on_event = function(event)
        events[#events + 1] = event.type .. (event.err and tostring(event.err) or "")
      end,
    }
    return { client = client, events = events }
  end,
  run = function(_, made)
    local response, err = made.client:get "/expired"
    if not response then
      return nil, err
    end
    response, err = made.client:get "/missing"
    if response or err.kind ~= "http" then
      return response, err
    end
    return table.concat(made.events, "\n")
  end,
  expect = function(_, text)
    return type(text) == "string" and not text:find("secret", 1, true)
  end,
}
