--- Token source: provides usable credentials to calls. Decides when a refresh transaction starts,
--- waits for it and shares its outcome.

local errors = require "mic.error"
local single_flight = require "mic.credentials.single_flight"
local renewal_policy = require "mic.credentials.renewal_policy"
local pcall_compat = require "mic.pcall_compat"
local flight_group = require "mic.credentials.flight_group"
local credential_cache = require "mic.credentials.credential_cache"

local token_source = {}
local session_methods = {}
local session_mt = { __name = "mic.credentials.token_source", __index = session_methods }

local LAUNCHES = 2 -- transactions per call, if one ends without an outcome

--- Makes the token source of a client.
---@param settings table core (the core's client), transport, store, emit (takes an event),
--- username, password (a string or a function), refresh_margin, timeout (seconds, of one exchange),
--- mask (hides the client's secrets in a text)
---@return table session
function token_source.new(settings)
  local key = settings.core:root() .. " " .. (settings.username or "")
  local shared = flight_group.of(settings.store, key)
  local self = setmetatable({
    core = settings.core,
    transport = settings.transport,
    username = settings.username,
    password = settings.password,
    timeout = settings.timeout,
    mask = settings.mask,
    counters = { calls = 0, logins = 0, refreshes = 0, retries = 0 },
    group = shared, -- the flight group of this store and key
    loaded = false, -- the store has been read once
    user = nil, -- user name of the last login
    dead_generation = nil, -- generation whose refresh token was refused, while its token is good
    dead_err = nil,
    quiet_until = nil, -- no early refresh before this time
    last_error = nil,
    digested = nil, -- see `digest`
  }, session_mt)
  self.emit_now = settings.emit
  --- Events of a transaction are delivered after it has ended and its lock is released.
  function self.emit(event)
    local this = shared.flight
    if this and this.session == self and not this.ended then
      this.events[#this.events + 1] = event
    else
      settings.emit(event)
    end
  end
  self.cache = credential_cache.new {
    core = settings.core,
    store = settings.store,
    key = key,
    transport = settings.transport,
    emit = self.emit,
    refresh_margin = settings.refresh_margin,
    owner = shared,
  }
  return self
end

--- Seconds since 1970, from the transport if it has a clock of its own.
---@return number
function session_methods:wall()
  return self.cache:wall()
end

--- Ends a transaction: its lock is released, and the waiting tasks get the outcome. `ended` is set
--- before anything that allocates.
---@param this table
function session_methods:land(this)
  local err = this.err or nil
  this.ended = true
  if self.group.flight == this then
    self.group.flight = nil
  end
  if this.purpose ~= "save" and this.purpose ~= "settle" then
    self.last_error = err
  end
  if this.purpose == "ahead" and err then
    local _, _, left, lifetime = self.core:freshness()
    local facts = { left = left or math.huge, lifetime = lifetime, failures = 1, random = 0 }
    self.quiet_until = self.transport.now() + renewal_policy.pause(facts)
  end
  if self.transport.wake then
    self.transport.wake(this)
  end
  if this.sent then
    this.events[#this.events + 1] = { type = this.sent, err = err }
  end
  local call = this.events[1] and require("mic.events").next_call() -- loaded by refresh
  for _, event in ipairs(this.events) do
    event.call = call
    self.emit_now(event)
  end
end

--- ---- interface for the client ----

--- True if the token is fresh or in the advisory window.
---@return boolean
function session_methods:is_good()
  local state = self.core:freshness()
  return state == "fresh" or state == "advisory"
end

--- Returns the password of the options; calls it if it is a function.
---@return string|nil password
---@return table|nil err
function session_methods:own_password()
  if type(self.password) ~= "function" then
    return self.password
  end
  local password, kind, code, message = pcall_compat.load "mic.credentials.password"
  if not password then
    return nil, errors.from_fail(kind, code, message)
  end
  return password.get(self.password, self.mask)
end

--- Returns the digest that identifies a refused login. The last one is cached: it is slow.
---@param username string
---@param password string
---@return string
function session_methods:digest(username, password)
  local last = self.digested
  if not last or last.username ~= username or last.password ~= password then
    local digest = self.core:login_digest(username, password)
    last = { username = username, password = password, digest = digest }
    self.digested = last
  end
  return last.digest
end

--- Returns how long the password of the options is not sent because the API refused it.
---@param password string|nil nil: the one of the last digest
---@return number|nil seconds nil: it may be sent
function session_methods:refused_for(password)
  local refused, last = self.group.refusals, self.digested
  password = password or (last and last.password)
  if refused:is_empty() or not password or not self.username then
    return nil
  end
  return refused:left(self:digest(self.username, password), self:wall())
end

--- True if the token may be sent: fresh, advisory or mandatory.
---@return boolean
function session_methods:is_usable()
  local state = self.core:freshness()
  return state == "fresh" or state == "advisory" or state == "mandatory"
end

--- Adopts what the store holds, unless a transaction of ours is running.
---@return boolean changed the credentials are new
function session_methods:look()
  local saved = not self.group:present() and self.cache:saved()
  return saved and self.cache:adopt_saved(saved) or false
end

--- Reads the store once, before the first use of the credentials.
function session_methods:load()
  if not self.loaded then
    self.loaded = true -- set first: the store may call the client
    if self.core:freshness() == "none" then
      local ok, problem = pcall_compat.call(self.look, self)
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
---@param retry table|false|nil of `mic.http.retry`
---@return table|nil reply masked
---@return table|nil err
function session_methods:login(username, password, deadline, retry)
  local own = not password
  if own then
    local problem
    password, problem = self:own_password()
    if not password then
      return nil, problem
    end
  end
  self.loaded = true
  return single_flight.outcome(single_flight.run(self, "login", deadline, {
    username = username or self.username,
    password = password,
    own = own,
    saved = self.core:record(),
    retry = retry,
  }))
end

--- Refreshes now, or joins a running refresh.
---@param deadline number|nil on the transport's clock
---@param retry table|false|nil of `mic.http.retry`
---@return true|nil ok
---@return table|nil err
function session_methods:refresh(deadline, retry)
  self:load()
  local _, generation = self.core:freshness()
  if self.core:freshness() == "none" then
    return nil, errors.from_fail("missing", nil, "not logged in")
  end
  local details = { retry = retry }
  local ok, err = single_flight.outcome(
    single_flight.run(self, "refresh", deadline, details, function(other)
      if other.ok then
        return single_flight.share(self, other, generation) and self:is_good()
      end
      return other.sent and single_flight.is_shared(self, other)
    end)
  )
  return ok and true, err
end

--- Returns the error of the backoff, unless the store has better credentials by now.
local function in_pause(self)
  local err = self.group.pause:error(self.transport.now())
  if not self:is_usable() then
    self:look()
    if self:is_good() then
      return true
    end
  end
  return nil, err
end

--- Ensures usable credentials; logs in or refreshes if needed.
---@param deadline number|nil on the transport's clock
---@param retry table|false|nil of `mic.http.retry`: retries of the login or refresh
---@return true|nil ok
---@return table|nil err
function session_methods:ensure(deadline, retry)
  self:load()
  local launched = 0
  while not self:is_good() do
    local _, generation = self.core:freshness()
    local this = self.group:present()
    local is_own = not this
    if is_own then
      local able = self.core:can_refresh() or self.password
      if able and self.group.pause:left(self.transport.now()) then
        return in_pause(self)
      end
      launched = launched + 1
      this = single_flight.launch(self, "renew", deadline, { retry = retry })
    else
      single_flight.lend(this, retry, deadline)
    end
    local _, err = self.group:wait(this, self.transport, deadline)
    if is_own then
      single_flight.check_raised(this)
    end
    if err then
      return nil, err
    end
    local changed = single_flight.share(self, this, generation)
    if this.ok and (is_own or changed) then
      return true
    end
    local better = this.err and this.session ~= self and self:look() and self:is_good()
    if not better and single_flight.is_shared(self, this) then
      return nil, errors.copy(this.err)
    end
    if is_own and launched == LAUNCHES then
      return nil, this.err or single_flight.broken_off()
    end
  end
  return true
end

--- Returns the number of successful logins and refreshes of this client.
---@return number
function session_methods:renewals()
  return self.counters.logins + self.counters.refreshes
end

--- Renews after the API refused the token of this generation.
---@param generation number
---@param deadline number|nil
---@param retry table|false|nil
---@return true|nil ok
---@return table|nil err
function session_methods:replace(generation, deadline, retry)
  self.core:mark_stale(generation)
  return self:ensure(deadline, retry)
end

--- Notes that the API calls a renewed token expired, too. For a minute such answers start no
--- renewal.
---@param generation number of the token that was sent
function session_methods:note_vain(generation)
  local _, present = self.core:freshness()
  if generation == present then
    self.group.minute_limit:note("vain", self.transport.now(), 1)
  end
end

--- True if a renewal is known to be useless at the moment.
---@return boolean
function session_methods:is_vain()
  local notes = self.group.minute_limit
  return (notes:here("vain", self.transport.now()) or notes:shared "vain") ~= nil
end

--- Marks the present token as refused, so that the next use renews it. Limited to one token a
--- minute for all that share the store's notes.
---@param generation number of the token that was sent, which is the present one
---@param digest number of that token
---@return boolean marked
function session_methods:mark_refused(generation, digest)
  if not self.group.minute_limit:note("mark", self.core:monotonic(), digest) then
    return false
  end
  self.core:mark_stale(generation)
  return true
end

--- Starts a transaction without waiting for it, unless one is running.
local function start_aside(self, purpose, deadline)
  if not self.group:present() then
    single_flight.check_raised(single_flight.launch(self, purpose, deadline))
  end
end

--- Refreshes early while the token is good. A failure emits an event and starts a backoff.
---@param deadline number|nil
function session_methods:prefetch(deadline)
  local now = self.transport.now()
  if self.group.pause:left(now) or (self.quiet_until and now < self.quiet_until) then
    return
  end
  local _, generation = self.core:freshness()
  if self.dead_generation == generation and not self.password then
    return
  end
  if self.core:can_refresh() or self.password then
    start_aside(self, "ahead", deadline)
  end
end

--- Retries a save that failed, if its backoff is over. Releases a lock that a transaction could not
--- release.
---@param deadline number|nil
function session_methods:flush(deadline)
  if self.group.token and not self.group:present() then
    self.group:give_back(self.cache)
  end
  local dirty = self.cache.dirty
  if dirty and self.transport.now() >= dirty.next_try then
    start_aside(self, "settle", deadline)
  end
end

--- Adopts and saves credentials from elsewhere. Raises if they are malformed.
---@param credentials table
---@return true|nil ok
---@return table|nil err
function session_methods:use_credentials(credentials)
  local before, owed = self.core:record(), self.cache.dirty
  self.cache:mark_dirty(before) -- before `adopt`, which needs it: see `refresh_steps.keep`
  local ran, adopted, err = pcall(self.cache.adopt, self.cache, credentials)
  if not (ran and adopted) then
    self.cache.dirty = owed
  end
  if not ran then
    errors.pass_memory(adopted)
    errors.raise("client:use_credentials: " .. tostring(adopted))
  end
  if not adopted then
    return nil, err
  end
  self.loaded = true
  self.group.pause:finish()
  local details = { saved = before, wanted = self.core:record() }
  return single_flight.outcome(single_flight.run(self, "save", nil, details))
end

--- Forgets the credentials, first in memory, then in the store.
---@return true|nil ok
---@return table|nil err
function session_methods:logout()
  self:load()
  local before = self.core:record()
  self.cache:mark_dirty(before)
  self.core:forget()
  self.user = nil
  return single_flight.outcome(single_flight.run(self, "save", nil, { saved = before }))
end

--- True if there are unexpired credentials. Reads the store if those in memory are not usable.
---@return boolean
function session_methods:is_logged_in()
  self:load()
  if not self:is_usable() and self.core:freshness() ~= "none" then
    self:look()
  end
  return self:is_usable()
end

return token_source
