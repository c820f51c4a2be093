--- A login into a store of files; a second client, as in another process, uses what is there. A
--- record that cannot be read for want of memory is not taken for a damaged one.
return {
  prepare = function(world)
    return {
      first = world.automatic { store = world.file_store() },
      second = world.automatic { store = world.file_store() },
    }
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
  after = function(world, made)
    made.first:get "/user" -- a lock that could not be released is released by the next call
    local ok, err = world.renew(made.second)
    local record, problem = world.saved()
    return ok and record and not world.is_set_aside() or tostring(err or problem)
  end,
}
