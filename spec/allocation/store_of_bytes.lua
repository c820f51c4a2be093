--- A store of bytes; a second client loads the record of the first one.
local function new_store()
  local kept = {}
  return {
    load = function(key)
      return kept[key]
    end,
    save = function(key, record)
      kept[key] = record and record:bytes()
      return true
    end,
    lock = function()
      return 1
    end,
    unlock = function()
      return true
    end,
  }
end

return {
  prepare = function(world)
    local store = new_store()
    return { first = world.automatic { store = store }, second = world.automatic { store = store } }
  end,
  run = function(world, made)
    local session, err = made.first:login("anna", world.password)
    if not session then
      return nil, err
    end
    return made.second:get "/user"
  end,
  expect = function(_, response)
    return response and response.status == 200
  end,
}
