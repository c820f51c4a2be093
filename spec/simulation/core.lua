--- What a process of the simulation gets as `mic.core`: the real module and real clients, but with
--- simulated time, and with `start` and `call` going through the simulated network. Credentials,
--- freshness, windows, records and masking stay the real C.

local exchange = require "spec.simulation.exchange"
local real_core = require "mic.core"
local token = require "spec.simulation.token"
local world_module = require "spec.simulation.world"

local core = {}
local client_methods = {}
local client_mt = { __index = client_methods }

local NOISE = 0.25 * world_module.TICK

--- Sets the real client's clocks to the time of the world.
local function sync(self)
  local world = self.process.world
  local wanted = token.EPOCH + world.now + self.process.skew - real_core.wall()
  self.real:shift_clock(wanted - self.shift)
  self.shift = self.shift + (wanted - self.shift)
end

--- How far the real clock has gone on since `sync`. A machine that held us up may have decided
--- something: then the run may not replay.
local function note_noise(self)
  local world = self.process.world
  local now = token.EPOCH + world.now + self.process.skew
  if math.abs(real_core.wall() + self.shift - now) > NOISE then
    world.noise = (world.noise or 0) + 1
  end
end

local function finish_call(self, ...)
  note_noise(self)
  return ...
end

--- Whatever is not simulated goes to the real client.
setmetatable(client_methods, {
  __index = function(methods, name)
    local function forward(self, ...)
      sync(self)
      return finish_call(self, self.real[name](self.real, ...))
    end
    methods[name] = forward
    return forward
  end,
})

--- The real one's, without the noise of the real clock, which Lua must not see.
function client_methods:freshness()
  sync(self)
  local state, generation, left, lifetime = self.real:freshness()
  note_noise(self)
  self.process.checker:generation(self, generation)
  if left then
    left = math.floor(left / world_module.TICK * 2 + 0.5) * world_module.TICK / 2
  end
  return state, generation, left, lifetime
end

function client_methods:wall()
  sync(self)
  return world_module.round(self.real:wall())
end

--- Windows begin at whole ticks before the end of a token, which lies between two.
function client_methods:schedule(advisory_at, mandatory_at)
  self.real:schedule(world_module.round(advisory_at), world_module.round(mandatory_at))
end

function client_methods:was_sent()
  return self.last_was_sent
end

function client_methods:close()
  self.closed = true
  self.real:close()
end

--- ---- login and refresh ----

--- The real C makes the record, in a client of its own, so that nothing is adopted. What a reply
--- leaves out stays as it was.
local function make_record(self, credentials, before)
  local scratch = { real = real_core.client(self.config), shift = 0, process = self.process }
  sync(scratch)
  local row = self.process.row
  assert(scratch.real:adopt {
    identity = row.is_mic and credentials.identityId or nil,
    token = credentials.token,
    refresh_token = credentials.refreshToken or before,
  })
  local record = scratch.real:record()
  scratch.real:close()
  return record
end

local function mask(text, secret)
  local first, last = text:find(secret, 1, true)
  if not first then
    return text
  end
  return text:sub(1, first - 1) .. ("*"):rep(#secret) .. mask(text:sub(last + 1), secret)
end

local function failed(self, outcome)
  self.last_was_sent = outcome.sent
  return nil, outcome.kind, outcome.code, outcome.message
end

local function make_reply(outcome, generation, authenticated)
  return {
    status = outcome.status,
    head = outcome.head or ("HTTP/1.1 %d Simulated\r\n\r\n"):format(outcome.status),
    body = outcome.body,
    content_type = "application/json",
    url = "https://api.simulation.test/prod/",
    http_version = "2",
    new_connection = false,
    generation = generation,
    authenticated = authenticated,
    means = outcome.means,
    timings = {},
  }
end

--- Begins a login or refresh: `secret` is what it carries.
local function start_auth(self, what, timeout, secret, handle)
  local process = self.process
  local attempt = process.checker:auth_begins(process, what, secret, timeout)
  local running
  running = exchange.new(process.world, function(outcome)
    if outcome.kind then
      return failed(self, outcome)
    end
    local reply = make_reply(outcome, 0, false)
    reply.body = mask(reply.body, secret)
    local refused = outcome.status == 401 or reply.body:find("INVALID_LOGIN", 1, true)
    reply.means = refused and "refused" or nil
    reply.absorbed = outcome.credentials ~= nil
    if not outcome.credentials then
      return reply, nil
    end
    return reply, make_record(self, outcome.credentials, what == "refresh" and secret or nil)
  end)
  process.network:send({
    auth = true,
    timeout = timeout,
    handle = handle,
    secret = secret,
    disturbed = function(fate)
      attempt.disturbed = fate
      process.checker:disturb(what .. ": " .. fate)
    end,
  }, function(outcome)
    process.checker:auth_arrives(attempt, outcome)
    running:finish(outcome)
  end)
  return running
end

local starts = {}

function starts.login(self, username, password, timeout)
  return start_auth(self, "login", timeout or 30, password, function()
    return self.process.api:login(username, password)
  end)
end

function starts.refresh(self, timeout)
  local _, _, _, refresh = self.real:credentials()
  if not refresh then
    return self.real:start "refresh" -- which refuses, and sends nothing
  end
  return start_auth(self, "refresh", timeout or 30, refresh, function()
    return self.process.api:refresh(refresh)
  end)
end

--- ---- calls ----

--- Of a 2xx answer the values of the core's `call`; the packed one is its head.
local function call_result(outcome, generation, authenticated, is_advisory)
  local reply = make_reply(outcome, generation, authenticated)
  if reply.status < 200 or reply.status > 299 then
    return reply, is_advisory and "advisory" or nil
  end
  return reply.status, reply.body, reply.head, reply.content_type, is_advisory, authenticated
end

function starts.call(self, method, path, timeout, resend, body, more)
  local process = self.process
  sync(self)
  if not self.real:ready(method, path, more or {}) then -- it refuses, and sends nothing
    return self.real:start("call", method, path, timeout, resend, body, more)
  end
  local _, generation = self.real:freshness()
  local _, _, jwt = self.real:credentials()
  note_noise(self)
  local task = process.world.current
  local running = exchange.new(process.world, function(outcome)
    if outcome.kind then
      return failed(self, outcome)
    end
    return call_result(outcome, generation, jwt ~= nil, self:freshness() == "advisory")
  end)
  process.checker:uses(process, jwt)
  local function disturbed(fate)
    process.checker:disturb("call: " .. fate)
    if task.call then
      task.call.disturbed = fate
    end
  end
  process.network:send({
    auth = false,
    timeout = timeout or 30,
    secret = jwt,
    disturbed = disturbed,
    handle = function()
      if process.random:chance(process.settings.denials) then
        disturbed "denied"
        return { status = 401, body = '{"message":"Unauthorized"}' }
      end
      local reply = process.api:call(jwt)
      if reply.cut_off and task.call then
        process.checker:cut_off(task.call, jwt)
      end
      return reply
    end,
  }, function(outcome)
    running:finish(outcome)
  end)
  return running
end

--- Begins a call, as the core's `start`.
function client_methods:start(what, ...)
  if self.closed then
    return self.real:start(what, ...)
  end
  return starts[what](self, ...)
end

--- A call that waits, as the core's.
function client_methods:call(...)
  local running = self:start("call", ...)
  running:run(3600)
  return running:result()
end

--- ---- the module ----

--- Makes the module for a process.
---@param process table
---@return table core
function core.new(process)
  local module = setmetatable({}, { __index = real_core })

  function module.now()
    return process.world.now
  end

  function module.wall()
    return token.EPOCH + process.world.now + process.skew
  end

  function module.random()
    return process.random:next()
  end

  function module.sleep(seconds)
    process.world:sleep(seconds)
  end

  --- Of an answer that `call_result` made.
  function module.unpack_answer(head)
    return head, "https://api.simulation.test/prod/", "2", false, {}
  end

  function module.client(config)
    local self = {
      real = real_core.client(config),
      config = config,
      shift = 0,
      process = process,
      closed = false,
      last_was_sent = true,
      generation_seen = 0,
    }
    process.cores[#process.cores + 1] = self
    setmetatable(self, client_mt)
    if process.plants.core then
      process.plants.core(self)
    end
    return self
  end

  return module
end

return core
