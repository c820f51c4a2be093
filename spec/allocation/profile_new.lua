--- A client of another API is made, with every kind of field and placeholder.
return {
  run = function(world)
    return require("mic").new {
      base_url = world.base_url,
      auth_url = world.origin .. "/id/token",
      username = "anna",
      password = world.password,
      client_id = "id",
      client_secret = "client-secret",
      values = { tenant = "t", scope = "" },
      secrets = { extra = "extra-secret" },
      headers = { ["X-Trace"] = "1" },
      profile = {
        name = "row",
        extends = "oauth2",
        login = "POST /in/{tenant}?a={username}&b={scope?}",
        login_body = '{"user":{username},"list":[{extra},{nothing?},1],"deep":{"p":{password}}}',
        login_headers = { "Authorization: Basic {client_basic}", "X-Tenant: {tenant}" },
        refresh = "POST /",
        refresh_body = "grant_type=refresh_token&refresh_token={refresh_token}&scope={scope?}",
        token = "data.token",
        refresh_token = "data.refresh",
        identity = "data.user.id",
        expires = "data.ends",
        expires_as = "iso",
        lifetime = 60,
        headers = { "Authorization: Bearer {token}", "X-Tenant: {tenant?}", "X-Id: {identity}" },
        open = { "/open/" },
        expired = { { 401, "expired" }, { 200, "terminated" } },
        refused = { { 400 } },
      },
    }
  end,
  expect = function(world, client)
    return tostring(client) == "mic.client (" .. world.base_url .. ")"
      and client:status().profile == "row"
  end,
}
