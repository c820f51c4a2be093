-- A Kong plugin: requests reach the API with the credentials of one client, and their callers need
-- none. It logs in by itself, and renews the token for all workers without blocking one.

local clients = require "kong.plugins.mic.client"
local gateway = require "mic.nginx"

local MicHandler = {
  PRIORITY = 760, -- after the plugins that check the caller or change the request
  VERSION = "0.1.0",
}

--- Replaces the caller's credentials by the client's.
function MicHandler:access(conf)
  local problem
  gateway.authorize(clients.of(conf), {
    on_error = function(err)
      problem = err
      return true
    end,
  })
  if problem then
    kong.log.err("no credentials: ", tostring(problem))
    return kong.response.exit(503, { message = "The API cannot be reached now" })
  end
end

--- An answer that refuses the token makes the next request renew it.
function MicHandler:log(conf)
  gateway.observe(clients.of(conf))
end

return MicHandler
