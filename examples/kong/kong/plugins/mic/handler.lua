-- A Kong plugin: adds the credentials of one client to requests, so that callers need none. It logs
-- in automatically, and renews the token once for all workers, without blocking a worker.

local clients = require "kong.plugins.mic.client"
local gateway = require "mic.nginx"

local MicHandler = {
  PRIORITY = 760, -- after the plugins that check the caller or change the request
  VERSION = "0.1.0",
}

--- Replaces the credentials of the caller by those of the client.
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

--- If the API has refused the token, the next request renews it.
function MicHandler:log(conf)
  gateway.observe(clients.of(conf))
end

return MicHandler
