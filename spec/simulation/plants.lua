--- Mutations: bugs that the rules must detect. Each has a description and the rule that it
--- violates; no other violation counts. `parts` changes the store and the transport of a process,
--- `core` a core's client, `modules` those of the library. `first` is a seed near which a world
--- detects it.

local plants = {}

--- Changes what comes of the exchanges of a core's client. `change` gets what was asked for and
--- what `result` returns.
local function change_results(client, change)
  local start = client.start
  function client.start(self, what, ...)
    local running = start(self, what, ...)
    if not running.simulated then -- the real core has refused it
      return running
    end
    local result = running.result
    function running.result(exchange)
      return change(what, result(exchange))
    end
    return running
  end
end

local function plant(name, rule, change)
  change.name, change.rule = name, rule
  plants[#plants + 1] = change
end

plant("a store whose lock is granted to every process", "at most one login or refresh at a time", {
  parts = function(store, _, process)
    local lock, shared = store.lock, process.group.store
    function store.lock(...)
      shared.holder = nil
      return lock(...)
    end
  end,
})

plant("a store whose lock locks nothing", "a login or refresh holds the lock", {
  parts = function(store)
    function store.lock()
      return 1
    end
  end,
})

plant("a lock that is gone when it is needed", "a save requires the lock", {
  parts = function(store, _, process)
    local save, shared = store.save, process.group.store
    function store.save(...)
      shared.holder = nil
      return save(...)
    end
  end,
})

plant("a session that adopts before it saves", "a token is saved before it is used", {
  first = 29,
  modules = function(require_module)
    local vault = require_module "mic.credentials.credential_cache"
    local new = vault.new
    function vault.new(settings)
      local made = new(settings)
      local adopt, save = made.adopt, made.save
      function made.save(self, record)
        if record and not self.core:holds(record) then
          adopt(self, record)
        end
        return save(self, record)
      end
      function made.adopt(self, record, generation)
        if self.core:holds(record) then
          return select(2, self.core:freshness())
        end
        return adopt(self, record, generation)
      end
      return made
    end
  end,
})

plant("a save that is not awaited", "a token is saved before it is used", {
  parts = function(store, _, process)
    local save = store.save
    function store.save(...)
      process.world:spawn(process.life, "late save", function(...)
        process.world:sleep(2)
        save(...)
      end, ...)
      return true
    end
  end,
})

plant("a store that shows each process what it saw first", "nothing newer is overwritten", {
  parts = function(store)
    local load, seen = store.load, nil
    function store.load(...)
      seen = seen or load(...)
      return seen
    end
  end,
})

plant("a session that throws away what came", "what arrives is saved", {
  core = function(client)
    change_results(client, function(what, reply, record, code, message)
      if what ~= "request" and reply and record then
        return nil, "network", nil, "lost on the way"
      end
      return reply, record, code, message
    end)
  end,
})

plant("a session that sees no refusal", "no refused password twice within its time", {
  core = function(client)
    change_results(client, function(what, reply, ...)
      if what == "login" and reply then
        reply.means = nil
      end
      return reply, ...
    end)
  end,
})

plant("a record that forgets what was refused", "no refused password twice within its time", {
  modules = function(require_module)
    local refusals = require_module "mic.credentials.refused_logins"
    local new = refusals.new
    function refusals.new()
      local made = new()
      function made.attach(_, record)
        return record
      end
      return made
    end
  end,
})

plant("a policy that never tries a refused password again", "every client recovers", {
  first = 47,
  modules = function(require_module)
    require_module("mic.credentials.renewal_policy").refusal_left = function()
      return 1e9
    end
  end,
})

plant("a session that takes every failure for a refusal", "no login that works is erased", {
  core = function(client)
    change_results(client, function(what, reply, ...)
      if what == "refresh" and reply and reply.status >= 300 then
        reply.means = "refused"
      end
      return reply, ...
    end)
  end,
})

plant("a policy whose pauses never end", "every client recovers", {
  modules = function(require_module)
    require_module("mic.credentials.renewal_policy").backoff = function()
      return 1e9
    end
  end,
})

plant("a policy without pauses", "one call per pause", {
  first = 22,
  modules = function(require_module)
    require_module("mic.credentials.renewal_policy").backoff = function()
      return 0
    end
  end,
})

plant("a policy that forgets the failures of others", "the failures in a row are counted", {
  modules = function(require_module)
    require_module("mic.credentials.renewal_policy").failures_left = function()
      return 0
    end
  end,
})

plant("a session that tries without end", "no more tries than the option allows", {
  modules = function(require_module)
    local retry = require_module "mic.http.retry"
    local settings = retry.settings
    function retry.settings(...)
      local made = settings(...)
      return made and { attempts = 99, base = made.base, cap = made.cap, budget = made.budget }
    end
  end,
})

plant("a session that does not hear Retry-After", "Retry-After is kept to", {
  first = 24,
  modules = function(require_module)
    require_module("mic.http.retry").after = function() end
  end,
})

plant("a core that masks nothing", "a secret is shown nowhere", {
  core = function(client)
    function client.mask(_, text)
      return text
    end
  end,
})

plant("a core whose generations go back", "generations only grow", {
  core = function(client)
    local freshness = client.real.freshness
    local real = client.real
    client.real = setmetatable({}, {
      __index = function(_, name)
        return function(_, ...)
          return real[name](real, ...)
        end
      end,
    })
    function client.real.freshness()
      local state, generation, left, lifetime = freshness(real)
      return state, generation % 3, left, lifetime
    end
  end,
})

plant("a transport that oversleeps", "no task waits past its deadline", {
  parts = function(_, transport)
    local sleep = transport.sleep
    function transport.sleep(seconds)
      sleep(seconds + 100)
    end
  end,
})

plant("a transport that fails without a cause", "no call fails without a reason", {
  parts = function(_, transport, process)
    local call = transport.call
    function transport.call(...)
      if process.random:chance(0.2) then
        return nil, "network", nil, "no cause"
      end
      return call(...)
    end
  end,
})

plant("a transport without random numbers", "nothing is raised", {
  parts = function(_, transport)
    function transport.random() end
  end,
})

return plants
