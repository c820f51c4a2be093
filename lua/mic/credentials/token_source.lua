--- Token source: provides usable credentials to calls. The client's interface to its credentials;
--- decides when a login or refresh is due.

local errors = require "mic.error"
local credential_cache = require "mic.credentials.credential_cache"
local pcall_compat = require "mic.pcall_compat"

local token_source = {}
local source_methods = {}
local source_mt = { __name = "mic.credentials.token_source", __index = source_methods }

--- Makes the token source of a client. The modules below get it as `account`, and use its fields
--- only.
---@param settings table core (the core's client), profile (see `mic.profile.row`), key (in the
--- store), transport, store, emit (takes an event), debug (the debug channel, if it is on),
--- username, password (a string or a function), refresh_margin, timeout (seconds, of one exchange),
--- mask (hides the client's secrets in a text), authenticate (a function of the user's, instead of
--- login and refresh), make_http (makes its first argument)
---@return table source
function token_source.new(settings)
  local self = setmetatable({
    core = settings.core,
    profile = settings.profile,
    transport = settings.transport,
    username = settings.username,
    password = settings.password,
    authenticate = settings.authenticate,
    make_http = settings.make_http,
    timeout = settings.timeout,
    mask = settings.mask,
    emit = settings.emit,
    debug = settings.debug,
    counters = { calls = 0, logins = 0, refreshes = 0, retries = 0 },
    cache = nil, -- the credential cache
    group = nil, -- its group: what the clients of this store and key share
    loaded = false, -- the store has been read once
    user = nil, -- user name of the last login
    refused_generation = nil, -- its refresh token was refused, while its token is good
    refused_err = nil,
    quiet_until = nil, -- no early refresh before this time
    last_error = nil,
    digested = nil, -- see `refused_logins`
    has_asked = false, -- the password that calls carry is that of a function
  }, source_mt)
  --- True if a login can be sent without the user: its values are options of the client.
  function self.can_log_in()
    return self.authenticate ~= nil
      or (self.core:can("login", self.username, self.password and ""))
  end
  --- True if there is a refresh token, or what else a refresh needs.
  function self.can_refresh()
    if self.authenticate then
      local _, _, _, refresh_token = self.core:credentials()
      return refresh_token ~= nil
    end
    return (self.core:can "refresh")
  end
  --- Events of a transaction are delivered after it has ended and its lock is released.
  local function emit(event)
    local flight = self.group.flight
    if flight and flight.account == self and not flight.ended then
      flight.events[#flight.events + 1] = event
    else
      settings.emit(event)
    end
  end
  self.cache = credential_cache.new {
    core = settings.core,
    store = settings.store,
    key = settings.key,
    transport = settings.transport,
    refresh_margin = settings.refresh_margin,
    emit = emit,
  }
  self.group = self.cache.group
  return self
end

--- Loads the code of transactions, which a call with a good token does not need.
---@return table|nil single_flight
---@return table|nil err why it cannot be loaded
local function load_single_flight()
  local module, kind, code, message = pcall_compat.load "mic.credentials.single_flight"
  return module, not module and errors.from_fail(kind, code, message) or nil
end

--- Runs a transaction, or joins the current one.
local function run(self, purpose, deadline, details)
  local single_flight, err = load_single_flight()
  if not single_flight then
    return nil, err
  end
  return single_flight.run(self, purpose, deadline, details)
end

--- True if the token is fresh or in the advisory window.
---@return boolean
function source_methods:is_good()
  return self.cache:is_good()
end

--- True if the token may be sent: fresh, advisory or mandatory.
---@return boolean
function source_methods:is_usable()
  return self.cache:is_usable()
end

--- Adopts what the store holds, unless a transaction is running.
---@return boolean adopted the credentials are new
function source_methods:look()
  if self.group.flight then
    return load_single_flight().look(self)
  end
  local _, adopted = self.cache:reload()
  return adopted
end

--- Reads the store once, before the first use of the credentials.
function source_methods:load()
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

--- True if there are unexpired credentials. Reads the store if those in memory are not usable.
---@return boolean
function source_methods:is_logged_in()
  self:load()
  if not self:is_usable() and self.core:freshness() ~= "none" then
    self:look()
  end
  return self:is_usable()
end

--- ---- asked for by the user ----

--- Returns the password of the options; calls it if it is a function.
local function own_password(self)
  if type(self.password) ~= "function" then
    return self.password
  end
  local password, kind, code, message = pcall_compat.load "mic.credentials.password"
  if not password then
    return nil, errors.from_fail(kind, code, message)
  end
  return password.get(self.password, self.mask)
end

--- Logs in.
---@param username string|nil that of the options when nil
---@param password string|nil that of the options when nil
---@param deadline number|nil on the transport's clock
---@param retry table|false|nil of `mic.http.retry`
---@return table|nil reply masked
---@return table|nil err
function source_methods:login(username, password, deadline, retry)
  local own = not password
  if own and self.password and not self.authenticate then
    local problem
    password, problem = own_password(self)
    if not password then
      return nil, problem
    end
  end
  local able, lacks = self.core:can("login", username or self.username, password and "")
  if not able and not self.authenticate then
    return nil, errors.new("auth", lacks and "a login needs " .. lacks or "this API has no login")
  end
  self.loaded = true
  return run(self, "force", deadline, {
    login = true,
    username = username or self.username or false,
    password = password or false,
    own = own,
    saved = self.core:record(),
    retry = retry,
  })
end

--- Refreshes now, or joins a running refresh.
---@param deadline number|nil on the transport's clock
---@param retry table|false|nil of `mic.http.retry`
---@return true|nil ok
---@return table|nil err
function source_methods:refresh(deadline, retry)
  self:load()
  if self.profile.no_login and not self.profile.requests.refresh then
    return nil, errors.new("auth", "this API has no login and no refresh")
  end
  if self.core:freshness() == "none" then
    return nil, errors.from_fail("missing", nil, "not logged in", errors.context(self, {}))
  end
  local ok, err = run(self, "force", deadline, { retry = retry })
  return ok and true, err
end

--- Adopts and saves credentials from elsewhere. Raises if they are malformed.
---@param credentials table
---@return true|nil ok
---@return table|nil err
function source_methods:use_credentials(credentials)
  local before, dirty = self.core:record(), self.cache.dirty
  self.cache:mark_dirty(before) -- before `adopt`: see `keep` in refresh
  local ran, adopted, err = pcall(self.cache.adopt, self.cache, credentials)
  if not (ran and adopted) then
    self.cache.dirty = dirty
  end
  if not ran then
    errors.pass_memory(adopted)
    errors.raise("client:use_credentials: " .. tostring(adopted))
  end
  if not adopted then
    return nil, err
  end
  self.loaded = true
  self.group.backoff:finish()
  local details = { explicit = true, saved = before, wanted = self.core:record() }
  return run(self, "flush", nil, details)
end

--- Forgets the credentials, first in memory, then in the store.
---@return true|nil ok
---@return table|nil err
function source_methods:logout()
  self:load()
  local before = self.core:record()
  self.cache:mark_dirty(before)
  self.core:forget()
  self.user = nil
  return run(self, "flush", nil, { explicit = true, saved = before })
end

--- ---- needed by a call ----

--- Asks a password function, where calls carry the password. Returns an error if it gives none.
local function fill_password(self)
  local password, err = own_password(self)
  if password then
    self.core:set_password(password)
    self.has_asked = true
  end
  return err
end

--- Forgets the password of a function after the API has refused it: the next call asks again.
function source_methods:drop_password()
  if self.has_asked then
    self.core:set_password(nil)
    self.has_asked = false
  end
end

--- Ensures usable credentials; logs in or refreshes if needed.
---@param deadline number|nil on the transport's clock
---@param retry table|false|nil of `mic.http.retry`: retries of the login or refresh
---@return true|nil ok
---@return table|nil err
function source_methods:ensure(deadline, retry)
  self:load()
  if self:is_good() then
    return true
  end
  if self.profile.sends_password and type(self.password) == "function" then
    local err = fill_password(self)
    if err or self:is_good() then
      return not err or nil, err
    end
  end
  local ok, err = run(self, "ensure", deadline, { retry = retry })
  return ok and true, err
end

--- Renews after the API refused the token of this generation.
---@param generation number
---@param deadline number|nil
---@param retry table|false|nil
---@return true|nil ok
---@return table|nil err
function source_methods:replace(generation, deadline, retry)
  self.core:mark_stale(generation)
  return self:ensure(deadline, retry)
end

--- Refreshes early while the token is good. A failure emits an event and starts a backoff.
---@param deadline number|nil
function source_methods:prefetch(deadline)
  local now = self.transport.now()
  if self.group.backoff:left(now) or (self.quiet_until and now < self.quiet_until) then
    return
  end
  local _, generation = self.core:freshness()
  if self.refused_generation == generation and not self.can_log_in() then
    return
  end
  local able = self.core:can "refresh" or self.can_log_in()
  local single_flight = able and load_single_flight()
  if single_flight then
    single_flight.start(self, "prefetch", deadline)
  end
end

--- Saves again what could not be saved, if its backoff is over. Releases a lock that a transaction
--- could not release.
---@param deadline number|nil
function source_methods:flush(deadline)
  local single_flight = load_single_flight()
  if single_flight and not single_flight.is_running(self) then
    self.cache:unlock_left()
    local dirty = self.cache.dirty
    if dirty and self.transport.now() >= dirty.next_try then
      single_flight.start(self, "flush", deadline)
    end
  end
end

--- Returns the number of successful logins and refreshes of this client.
---@return number
function source_methods:renewals()
  return self.counters.logins + self.counters.refreshes
end

--- ---- answers that a new token does not change ----

--- Notes that the API calls a renewed token expired, too. For a minute such answers start no
--- renewal.
---@param generation number of the token that was sent
function source_methods:note_useless_renewal(generation)
  local _, present = self.core:freshness()
  if generation == present then
    self.group.minute_limit:note("useless", self.transport.now(), 1)
  end
end

--- True if a renewal is known to be useless at the moment.
---@return boolean
function source_methods:is_renewal_useless()
  local notes = self.group.minute_limit
  return (notes:here("useless", self.transport.now()) or notes:shared "useless") ~= nil
end

--- Marks the present token as refused, so that the next use renews it. Limited to one token a
--- minute for all that share the store's notes.
---@param generation number of the token that was sent, which is the present one
---@param digest number of that token
---@return boolean marked
function source_methods:mark_refused(generation, digest)
  if not self.group.minute_limit:note("mark", self.core:monotonic(), digest) then
    return false
  end
  self.core:mark_stale(generation)
  return true
end

return token_source
