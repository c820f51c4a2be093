--- The functions of the store of files.
return {
  prepare = function(world)
    local client = world.automatic()
    local inner = world.inside(client)
    assert(client:login())
    return inner:record()
  end,
  run = function(world, record)
    local store = world.file_store()
    local token, err = store.lock(world.key, 5, "me")
    if not token then
      return nil, err
    end
    local list = {}
    for _, saved in ipairs { record, record:bytes(), record:with_retry_at(2000000000) } do
      local ok, loaded
      ok, err = store.save(world.key, saved)
      if ok then
        loaded, err = store.load(world.key)
      end
      if not loaded then
        return nil, err
      end
      list[#list + 1] = loaded:same(record) and loaded:retry_at()
    end
    local ok
    ok, err = store.save(world.key, nil)
    if not ok then
      return nil, err
    end
    list[#list + 1] = tostring(store.load(world.key))
    list[#list + 1] = tostring(store.unlock(world.key, token))
    return list
  end,
  expect = function(_, list)
    return list and table.concat(list, " "):gsub("%.0", "") == "0 0 2000000000 nil true"
  end,
  after = function(world, record)
    collectgarbage()
    local store = world.file_store()
    local _, problem = world.saved()
    local ok, err = store.save(world.key, record)
    local loaded = world.saved()
    return ok
        and not problem
        and not world.is_set_aside()
        and loaded ~= nil
        and loaded:same(record)
      or tostring(err or problem)
  end,
}
