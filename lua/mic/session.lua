--- The life of a client's credentials: decides when a flight starts. Only one is under way.

local core_module = require "mic.core"
local errors = require "mic.error"
local flight = require "mic.flight"
local policy = require "mic.policy"
local vault = require "mic.vault"

local session = {}
local session_methods = {}
local session_mt = { __name = "mic.session", __index = session_methods }

local FLIGHT_SECONDS = 30 -- a flight's own deadline
local GRACE_SECONDS = 5

--- Makes the session of a client.
---@param settings table core (the core's client), transport, store, emit (takes an event),
--- username, password (a string or a function), refresh_margin, timeout (seconds, of one exchange)
---@return table session
function session.new(settings)
  local self = setmetatable({
    core = settings.core,
    transport = settings.transport,
    username = settings.username,
    password = settings.password,
    timeout = settings.timeout,
    counters = { calls = 0, logins = 0, refreshes = 0, retries = 0 },
    flight = nil, -- the one under way
    loaded = false, -- the store was asked once
    user = nil, -- who logged in last
    refused_password = nil, -- not tried again until it changes
    dead_generation = nil, -- the one whose refresh token was refused, while its token is good
    dead_err = nil,
    quiet_until = nil, -- no early refresh before
    last_error = nil,
  }, session_mt)
  --- Events of a flight are delivered once it has ended and its lock is free.
  function self.emit(event)
    if self.flight then
      self.flight.events[#self.flight.events + 1] = event
    else
      settings.emit(event)
    end
  end
  self.vault = vault.new {
    core = settings.core,
    store = settings.store,
    key = settings.core:root() .. " " .. (settings.username or ""),
    transport = settings.transport,
    emit = self.emit,
    refresh_margin = settings.refresh_margin,
  }
  return self
end

--- ---- flights ----

local function finish(self, this)
  local err = this.err or nil
  self.flight = nil
  for _, event in ipairs(this.events) do
    self.emit(event)
  end
  if this.purpose ~= "save" and this.purpose ~= "logout" then
    self.last_error = err
  end
  if this.sent then
    self.emit { type = this.sent, err = err }
  end
  if this.raised then
    error(this.raised, 0)
  end
  return this.ok or nil, err
end

--- Whether a flight is under way. One that an error from outside (a debug hook's) has torn out of
--- its way does not count for ever.
local function is_flying(self)
  local this = self.flight
  return this and not this.ended and self.transport.now() < this.ends + GRACE_SECONDS
end

local function launch(self, this)
  self.flight = this
  self.transport.spawn(flight.fly, this)
end

--- Starts a flight and waits for its end: the flight, then ok and err; or nil and an error.
local function run(self, purpose, deadline, login)
  if is_flying(self) then
    local message = "a call made during a login or refresh would have to wait for it for ever"
    return nil, errors.new("auth", message)
  end
  local ends = math.min(self.transport.now() + FLIGHT_SECONDS, deadline or math.huge)
  local this = flight.new(self, purpose, ends)
  if login then
    this.username, this.password, this.own = login.username, login.password, login.own
  end
  local spawned, problem = pcall(launch, self, this)
  this.password = nil
  if not spawned then
    this.ended, this.raised = true, problem
    self.vault.owner.ended = true -- the flight may not have had the memory to unlock
  end
  return this, finish(self, this)
end

--- The outcome for explicit calls, which also tell of a save that failed.
local function outcome(this, ok, err)
  if not this then
    return nil, ok
  end
  if not ok then
    return nil, err
  end
  if this.store_err then
    return nil, this.store_err
  end
  return this.reply or true
end

--- ---- what the client calls ----

--- The password of the options; a function is asked.
---@return string|nil password
---@return table|nil err
function session_methods:own_password()
  if type(self.password) ~= "function" then
    return self.password
  end
  local ran, password = pcall(self.password)
  if ran and type(password) == "string" and password ~= "" then
    return password
  end
  if not ran then
    errors.pass_memory(password)
  end
  return nil,
    errors.new(
      "auth",
      ran and ("the password function returned no string (got %s)"):format(type(password))
        or "the password function raised an error"
    )
end

--- Whether the present token may be sent, if need be shortly before its end.
---@return boolean
function session_methods:is_usable()
  local state = self.core:freshness()
  return state == "fresh" or state == "advisory" or state == "mandatory"
end

--- Asks the store once, before the first use of the credentials.
function session_methods:load()
  if not self.loaded then
    self.loaded = true -- before asking: the store may call the client
    if self.core:freshness() == "none" then
      local ok, problem = pcall(self.vault.adopt_saved, self.vault)
      if not ok then
        self.loaded = false
        error(problem, 0)
      end
    end
  end
end

--- Logs in.
---@param username string|nil that of the options when nil
---@param password string|nil that of the options when nil
---@param deadline number|nil on the transport's clock
---@return table|nil reply masked
---@return table|nil err
function session_methods:login(username, password, deadline)
  local own = not password
  if own then
    local problem
    password, problem = self:own_password()
    if not password then
      return nil, problem
    end
  end
  self.loaded = true
  return outcome(run(self, "login", deadline, {
    username = username or self.username,
    password = password,
    own = own,
  }))
end

--- Refreshes now.
---@param deadline number|nil on the transport's clock
---@return true|nil ok
---@return table|nil err
function session_methods:refresh(deadline)
  self:load()
  if self.core:freshness() == "none" then
    return nil, errors.from_fail("missing", nil, "not logged in")
  end
  local ok, err = outcome(run(self, "refresh", deadline))
  return ok and true, err
end

--- Makes sure that there are credentials that can be sent; logs in or refreshes where needed.
---@param deadline number|nil on the transport's clock
---@return true|nil ok
---@return table|nil err
function session_methods:renew(deadline)
  self:load()
  local state = self.core:freshness()
  if state == "fresh" or state == "advisory" then
    return true
  end
  local this, ok, err = run(self, "renew", deadline)
  if not this then
    return nil, ok
  end
  return ok, err
end

--- Renews after the API has refused the token of this generation.
---@param generation number
---@param deadline number|nil
---@return true|nil ok
---@return table|nil err
function session_methods:renew_refused(generation, deadline)
  self.core:mark_stale(generation)
  return self:renew(deadline)
end

--- Refreshes ahead while the present token is good. A failure is an event, and a pause.
---@param deadline number|nil
function session_methods:refresh_ahead(deadline)
  local now = self.transport.now()
  if is_flying(self) or (self.quiet_until and now < self.quiet_until) then
    return
  end
  if not self.core:can_refresh() and not self.password then
    return
  end
  local _, ok = run(self, "renew", deadline)
  if not ok then
    local _, _, _, lifetime = self.core:freshness()
    self.quiet_until = now + policy.pause(lifetime, self.transport.random())
  end
end

--- Adopts and saves credentials obtained elsewhere. Raises a plain string for what no credentials
--- can be.
---@param credentials table
---@return true|nil ok
---@return table|nil err
function session_methods:adopt(credentials)
  self.loaded = true
  local adopted, err = self.vault:adopt(credentials)
  if not adopted then
    return nil, err
  end
  return outcome(run(self, "save"))
end

--- Forgets the credentials, in memory at once and then in the store.
---@return true|nil ok
---@return table|nil err
function session_methods:logout()
  self.loaded = true
  self.core:forget()
  self.user = nil
  return outcome(run(self, "logout"))
end

--- Adds to a client's status; no secrets.
---@param status table
function session_methods:describe(status)
  local _, _, left, lifetime = self.core:freshness()
  status.username = self.user or status.username
  status.store_error = self.vault.store_error and tostring(self.vault.store_error)
  status.last_error = self.last_error and tostring(self.last_error)
  for name, count in pairs(self.counters) do
    status.counters[name] = count
  end
  status.counters.adoptions = self.vault.adoptions
  if left then
    local expires = core_module.wall() + left
    status.expires = math.floor(expires)
    status.issued = lifetime and math.floor(expires - lifetime)
    status.next_refresh = math.floor(expires - (self.vault.advisory or 0))
  end
end

return session
