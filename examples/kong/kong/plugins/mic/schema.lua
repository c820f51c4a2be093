-- The configuration of the plugin. The fields have the names of options of mic.new.

local typedefs = require "kong.db.schema.typedefs"

--- A string that is encrypted in Kong's database, and may be a reference such as {vault://env/KEY}.
local function secret()
  return { type = "string", encrypted = true, referenceable = true }
end

return {
  name = "mic",
  fields = {
    { consumer = typedefs.no_consumer },
    { protocols = typedefs.protocols_http },
    { config = {
      type = "record",
      fields = {
        { base_url = typedefs.url { required = true } },
        { api_key = secret() },
        { username = { type = "string", referenceable = true } },
        { password = secret() },
        { profile = { type = "string", default = "mic" } }, -- another API: docs/other-apis.md
        { auth_url = typedefs.url() },
        { client_id = { type = "string", referenceable = true } },
        { client_secret = secret() },
        { scope = { type = "string" } },
        { ca_file = { type = "string" } },
        { shared_dict = { type = "string", default = "mic_credentials" } },
      },
      custom_validator = function(config)
        return require("kong.plugins.mic.client").check(config)
      end,
    } },
  },
}
