--- Simulated network: delays and lost packets, for one exchange at a time.

local weather = require "spec.simulation.weather"

local network = {}
local network_methods = {}
local network_mt = { __index = network_methods }

local SLOW = 1 -- seconds; whatever takes longer is trouble

--- Makes the network.
---@param world table
---@param sky table the weather
---@param random table
---@param settings table echoes (how often an error's body repeats what was sent)
---@return table network
function network.new(world, sky, random, settings)
  return setmetatable(
    { world = world, weather = sky, random = random, settings = settings },
    network_mt
  )
end

local function failure(kind, code, message, sent)
  return { kind = kind, code = code, message = message, sent = sent }
end

local function timed_out()
  return failure("timeout", "CURLE_OPERATION_TIMEDOUT", "no answer came in time", true)
end

--- An error reply, which echoes the request, secrets included.
local function status_reply(self, request, fate)
  local what = weather.fates[fate]
  local text = "something broke"
  if request.secret and self.random:chance(self.settings.echoes) then
    text = text .. " for " .. request.secret
  end
  local head = ("HTTP/1.1 %d Simulated\r\n"):format(what.status)
  if what.retry_after then
    head = ("%sRetry-After: %d\r\n"):format(head, self.random:whole(1, 20))
  end
  return {
    status = what.status,
    body = ('{"message":"%s"}'):format(text),
    head = head .. "x-amzn-RequestId: simulated\r\n\r\n",
  }
end

--- How it ends without the timeout: the seconds that it takes and the outcome.
local function play(self, request, fate, there, back)
  if fate == "refused" then
    return there, failure("network", "CURLE_COULDNT_CONNECT", "connection refused", false)
  elseif fate == "reset" then
    return there, failure("network", "CURLE_SEND_ERROR", "the connection broke", true)
  elseif fate == "hole" then
    return math.huge
  end
  local kind = weather.fates[fate]
  if kind and not kind.processed then
    return there + back, status_reply(self, request, fate)
  end
  return there + back, nil, there
end

--- Sends a request and calls `done` with the outcome: a reply (with `status`), or a failure (with
--- `kind`, `code`, `message`, `sent`).
---@param request table auth (boolean), timeout (seconds), handle (what the API does; gives the
--- reply), secret (what an error may repeat), disturbed (called with the name of a fault of the
--- network or the API)
---@param done fun(outcome: table)
function network_methods:send(request, done)
  local world = self.world
  local fate, there, back = self.weather:fate(request.auth)
  if fate or there + back > SLOW then
    request.disturbed(fate or "slow")
  end
  local takes, outcome, arrives = play(self, request, fate, there, back)
  local over = false
  local function finish(result)
    if not over then
      over = true
      done(result)
    end
  end
  if arrives then
    world:after(arrives, function()
      outcome = request.handle()
      if fate == "reply_reset" then
        outcome = failure("network", "CURLE_RECV_ERROR", "the connection broke", true)
      elseif fate == "gateway" then
        outcome = status_reply(self, request, fate)
      end
    end)
  end
  if fate == "reply_hole" or takes >= request.timeout then
    world:after(request.timeout, function()
      finish(timed_out())
    end)
    return
  end
  world:after(takes, function()
    finish(outcome)
  end)
end

return network
