-- A job that cron starts every few minutes. The first run logs in; later ones use what it has left
-- in the file store, renew it when that is due, and share it with other jobs of this user.
--
--   */5 * * * *  . $HOME/my-job.env && lua cron.lua
--
-- my-job.env exports MIC_BASE_URL, MIC_API_KEY, MIC_USERNAME and MIC_PASSWORD; chmod 600 it. Or it
-- exports MIC_PASSWORD_FILE, a file whose first line is the password.

local mic = require "mic"

local client, err = mic.from_env {
  store = mic.store.file(), -- ~/.local/state/lua-mic/credentials
  on_event = function(event)
    --- The job goes on without its store while it can log in; somebody should know.
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
  --- cron mails what is printed; `retryable` says that the next run may well work.
  io.stderr:write(tostring(err), err.retryable and " (the next run may work)\n" or "\n")
  os.exit(1)
end

local logins = client:status().counters.logins
print(response.data.userName, logins == 0 and "with a saved login" or "logged in")
client:close()
