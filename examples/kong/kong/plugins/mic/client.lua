-- The clients of the plugin: one for each configuration and worker, made at the first request.

local mic = require "mic"

local clients = {}

--- Fields of the configuration that are options of mic.new.
local names = { "base_url", "api_key", "username", "profile", "auth_url", "client_id",
  "client_secret" }

--- Options of mic.new for a configuration. Kong updates values of a vault in the configuration
--- table, so the password is read when it is needed.
local function options_of(conf)
  local options = {}
  for _, name in ipairs(names) do
    options[name] = conf[name] ~= ngx.null and conf[name] or nil
  end
  if conf.password and conf.password ~= ngx.null then
    function options.password()
      return conf.password
    end
  end
  if conf.scope and conf.scope ~= ngx.null then
    options.values = { scope = conf.scope }
  end
  if conf.ca_file and conf.ca_file ~= ngx.null then
    options.tls = { ca_file = conf.ca_file }
  end
  return options
end

--- Kong passes the same table to each request until the configuration changes.
local made = setmetatable({}, { __mode = "k" })

--- Returns the client of a configuration. All workers share its credentials.
function clients.of(conf)
  local client = made[conf]
  if not client then
    local options = options_of(conf)
    options.store = mic.store.shared_dict(conf.shared_dict)
    client = mic.new(options)
    made[conf] = client
  end
  return client
end

--- Returns true, or nil and the error of mic.new for the configuration. Sends nothing.
function clients.check(conf)
  local ok, result = pcall(mic.new, options_of(conf))
  if not ok then
    return nil, (tostring(result):gsub("^.-:%d+: ", ""))
  end
  result:close()
  return true
end

return clients
