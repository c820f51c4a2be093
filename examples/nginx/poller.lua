-- One worker calls the API every few seconds, and shares the result with all workers.

local mic = require "mic"

local poller = {}

local SECONDS = 2

local function poll(premature)
  if premature then
    return -- the worker is exiting
  end
  local res, err = require("my_mic"):get "/user"
  if res then
    local reading = { at = os.time(), userName = res.data.userName }
    ngx.shared.readings:set("last", mic.json.encode(reading))
  else
    ngx.log(ngx.WARN, "poller: ", tostring(err))
  end
  ngx.timer.at(SECONDS, poll)
end

function poller.start()
  if ngx.worker.id() == 0 then
    ngx.timer.at(0, poll)
  end
end

return poller
