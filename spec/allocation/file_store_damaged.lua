--- A damaged file is set aside, and costs a login.
return {
  prepare = function(world)
    local client = world.automatic()
    local inner = world.inside(client)
    assert(client:login())
    local core = require "mic.core"
    local file = core.credential_file(world.path "credentials", world.key)
    assert(file:save(inner:record()))
    local damaged = assert(io.open(file:path(), "wb"))
    damaged:write "no record"
    damaged:close()
    return world.automatic { store = world.file_store() }
  end,
  run = function(_, client)
    return client:get "/user"
  end,
  expect = function(_, response)
    return response and response.status == 200
  end,
  after = function(world, client)
    local ok, err = world.renew(client)
    local record, problem = world.saved()
    return ok ~= nil and record ~= nil and world.is_set_aside() or tostring(err or problem)
  end,
}
