--- A refresh that fails for now: the pause is saved, and the next call gets its error.
return {
  leaves_clients = true,
  prepare = function(world)
    local client = world.client { username = "anna", store = world.file_store() }
    local inner = world.inside(client)
    local good = world.logged_in()
    assert(client:use_credentials {
      identityId = "eu-west-1:4c3b",
      token = "eyJ.opaque-secret",
      refreshToken = "refresh-busy-secret",
    })
    local _, generation = inner:freshness()
    inner:mark_stale(generation)
    return { client = client, good = good }
  end,
  run = function(_, made)
    local response, err = made.client:get "/user"
    if response or err.status ~= 503 then
      return response, err
    end
    response, err = made.client:get "/user"
    if response or err.status ~= 503 then
      return response, err
    end
    return tostring(err.hint)
  end,
  expect = function(_, hint)
    return type(hint) == "string" and hint:find "next attempt is in" ~= nil
  end,
  after = function(world, made)
    made.client:get "/user" -- a lock that could not be released is released by the next call
    local record, problem = world.saved()
    if not record then
      return problem
    end
    local ok, err = made.client:use_credentials(made.good:credentials())
    if ok then
      ok, err = made.client:get "/user"
    end
    return ok ~= nil or tostring(err)
  end,
}
