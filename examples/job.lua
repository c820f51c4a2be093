-- A job that a timer starts: systemd, cron, a CronJob of Kubernetes. The first run logs in; later
-- runs load the credentials from the file store, renew them when due, and share them with other
-- jobs of this user. docs/deployment.md shows how to install it.

local mic = require "mic"

local client, err = mic.from_env {
  store = mic.store.file(), -- below XDG_STATE_HOME, STATE_DIRECTORY or ~/.local/state
  on_event = function(event)
    --- If the store fails, the job still works while it can log in. Report the failure.
    if event.type == "store" and event.err then
      io.stderr:write(tostring(event.err), "\n")
    end
  end,
}

local response
if client then
  response, err = client:get "/user"
end
if not response then
  --- cron mails the output. `retryable`: the next run may succeed.
  io.stderr:write(tostring(err), err.retryable and " (the next run may work)\n" or "\n")
  os.exit(1)
end

local logins = client:status().counters.logins
print(response.data.userName, logins == 0 and "with a saved login" or "logged in")
client:close()
