-- An APISIX plugin: adds the credentials of one client to requests, so that callers need none. It
-- logs in automatically, and renews the token once for all workers, without blocking a worker.

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

--- Fields of the configuration that are options of mic.new.
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

--- One client for each version of a configuration and each worker. A new one needs no login: the
--- credentials are in the shared dict.
local cache = core.lrucache.new { type = "plugin", count = 256 }

local function client_of(conf, ctx)
  return core.lrucache.plugin_ctx(cache, ctx, nil, make, conf)
end

--- Also returns the error of mic.new for this configuration.
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

--- Replaces the credentials of the caller by those of the client.
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

--- If the API has refused the token, the next request renews it.
function plugin.log(conf, ctx)
  gateway.observe(client_of(conf, ctx))
end

return plugin
