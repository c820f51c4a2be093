-- A cron job. The first run logs in; later runs load the credentials from the file store, renew
-- them when due, and share them with other jobs of this user.
--
--   */5 * * * *  . $HOME/my-job.env && lua cron.lua
--
-- my-job.env exports MIC_BASE_URL, MIC_API_KEY, MIC_USERNAME and MIC_PASSWORD; set its mode to 600.
-- It may export MIC_PASSWORD_FILE instead, a file whose first line is the password.

local mic = require "mic"

local client, err = mic.from_env {
  store = mic.store.file(), -- ~/.local/state/lua-mic/credentials
  on_event = function(event)
    --- The job continues without its store as long as it can log in; report the failure.
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
  --- cron mails the output; `retryable` means that the next run may succeed.
  io.stderr:write(tostring(err), err.retryable and " (the next run may work)\n" or "\n")
  os.exit(1)
end

local logins = client:status().counters.logins
print(response.data.userName, logins == 0 and "with a saved login" or "logged in")
client:close()
