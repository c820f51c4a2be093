--- A client of another API: a login by itself, an expired token, a refresh, and the call again.
return {
  prepare = function(world)
    return world.automatic {
      headers = {
        ["X-Trace"] = function()
          return "trace"
        end,
      },
      values = { tenant = "t" },
      profile = {
        name = "row",
        login = "POST /auth/login?tenant={tenant}",
        login_body = "u={username}&p={password}&x={nothing?}",
        login_headers = { "X-Basic: {basic}" },
        refresh = "POST /auth/refresh",
        refresh_body = '{"list":[{refresh_token},{nothing?}]}',
        token = "credentials.token",
        refresh_token = "credentials.refreshToken",
        identity = "credentials.identityId",
        headers = { "Authorization: {token}", "X-Id: {identity}", "X-Tenant: {tenant}" },
        expired = { { 401, "the incoming TOKEN has expired" } },
      },
    }
  end,
  run = function(_, client)
    return client:get "/expired"
  end,
  expect = function(_, response)
    return response and response.data.fresh and response.attempts == 2
  end,
}
