-- An APISIX plugin: requests reach the API with the credentials of one client, and their callers
-- need none. It logs in by itself, and renews the token for all workers without blocking one.

local core = require "apisix.core"
local gateway = require "mic.nginx"
local mic = require "mic"

local schema = {
  type = "object",
  properties = {
    base_url = { type = "string", minLength = 1 },
    api_key = { type = "string" },
    username = { type = "string" },
    password = { type = "string" },
    profile = { type = "string", default = "mic" }, -- another API: docs/other-apis.md
    auth_url = { type = "string" },
    client_id = { type = "string" },
    client_secret = { type = "string" },
    scope = { type = "string" },
    ca_file = { type = "string" },
    shared_dict = { type = "string", default = "mic_credentials" },
  },
  required = { "base_url" },
  encrypt_fields = { "api_key", "password", "client_secret" },
}

local plugin = {
  version = 0.1,
  priority = 50, -- after the plugins that check the caller or change the request
  name = "mic",
  schema = schema,
}

--- The fields of the configuration that are options of mic.new.
local names = { "base_url", "api_key", "username", "password", "profile", "auth_url", "client_id",
  "client_secret" }

--- Makes the client of a configuration. Sends nothing.
local function make(conf)
  local options = { store = mic.store.shared_dict(conf.shared_dict) }
  for _, name in ipairs(names) do
    options[name] = conf[name]
  end
  options.values = conf.scope and { scope = conf.scope }
  options.tls = conf.ca_file and { ca_file = conf.ca_file }
  return mic.new(options)
end

--- One client for each version of a configuration and each worker. One that is dropped costs no
--- login: its credentials are in the shared dict.
local cache = core.lrucache.new { type = "plugin", count = 256 }

local function client_of(conf, ctx)
  return core.lrucache.plugin_ctx(cache, ctx, nil, make, conf)
end

--- Also says what mic.new does not take.
function plugin.check_schema(conf)
  local ok, err = core.schema.check(schema, conf)
  if not ok then
    return false, err
  end
  local made, result = pcall(make, conf)
  if not made then
    return false, (tostring(result):gsub("^.-:%d+: ", ""))
  end
  result:close()
  return true
end

--- Replaces the caller's credentials by the client's.
function plugin.access(conf, ctx)
  local problem
  gateway.authorize(client_of(conf, ctx), {
    on_error = function(err)
      problem = err
      return true
    end,
  })
  if problem then
    core.log.error("no credentials: ", tostring(problem))
    return 503, { message = "The API cannot be reached now" }
  end
end

--- An answer that refuses the token makes the next request renew it.
function plugin.log(conf, ctx)
  gateway.observe(client_of(conf, ctx))
end

return plugin
