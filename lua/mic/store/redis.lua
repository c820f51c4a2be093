--- Redis store: shares records between machines, over the user's own Redis client. Two scripts make
--- the steps that depend on the lock atomic.

local core = require "mic.core"
local errors = require "mic.error"
local leased = require "mic.store.leased"
local options = require "mic.options"
local pcall_compat = require "mic.pcall_compat"

local spec = {
  aliases = { call = "command", run = "command", send = "command", client = "command",
    namespace = "prefix", keyprefix = "prefix" },
  fields = {
    command = "function: a function that sends one command to Redis",
    prefix = "string: a string without braces",
  },
  defaults = { prefix = "mic:" },
  checks = {
    prefix = function(value)
      return not value:find "[{}]"
    end,
  },
  may_be_empty = { prefix = true },
  rule = function(given)
    if not given.command then
      errors.raise 'option "command" is required: a function that sends one command to Redis'
    end
  end,
}

--- Takes or releases the lock. Its value is "FENCE:NONCE", with an expiry. The fence counts how
--- often the lock was taken and never decreases. A lock with one of the caller's two nonces ("":
--- none) counts as free.
--- KEYS lock, fence. ARGV own nonce, new nonce ("" releases), milliseconds, other own nonce.
--- Returns the fence, or 1 after a release; 0 if another holder has the lock.
local LEASE = {
  sha = "0362c27416e50c5043306d8feb1533e160880388",
  text = [[
local held = redis.call('GET', KEYS[1])
local nonce = held and string.match(held, ':(.+)$')
local ours = nonce and (nonce == ARGV[1] or nonce == ARGV[4])
if ARGV[2] == '' then
  return ours and redis.call('DEL', KEYS[1]) or 0
end
if held and not ours then
  return 0
end
local fence = redis.call('INCR', KEYS[2])
redis.call('SET', KEYS[1], string.format('%.0f:%s', fence, ARGV[2]), 'PX', ARGV[3])
return fence
]],
}

--- Saves or clears a record, unless another holder has the lock or has had it since the caller.
--- KEYS record, lock, fence. ARGV the caller's lock, its fence ("": none), bytes ("" clears),
--- milliseconds ("0": no expiry).
--- Returns 1, or 0 if refused.
local SAVE = {
  sha = "8de683a35ef8a95b2b52db557b17a3efa631eb65",
  text = [[
local held = redis.call('GET', KEYS[2])
if held and held ~= ARGV[1] then
  return 0
end
if ARGV[2] ~= '' and redis.call('GET', KEYS[3]) ~= ARGV[2] then
  return 0
end
if ARGV[3] == '' then
  redis.call('DEL', KEYS[1])
elseif ARGV[4] == '0' then
  redis.call('SET', KEYS[1], ARGV[3])
else
  redis.call('SET', KEYS[1], ARGV[3], 'PX', ARGV[4])
end
return 1
]],
}

--- Hints for Redis errors, by the first word of the error.
local redis_hints = {
  NOAUTH = "the function command must log in to Redis (AUTH)",
  WRONGPASS = "check the user name and password that the function command gives to Redis",
  NOPERM = "this user of Redis needs eval, evalsha, get, set, del, incr on keys of the prefix",
  READONLY = "the function command must connect to the primary, not to a replica",
  OOM = "Redis is full: raise its maxmemory",
  MISCONF = "Redis cannot write to its disk; see its log",
  MOVED = "the function command must use a client for Redis Cluster",
}

--- Returns the error text without the arguments of the command, which some errors repeat.
local function describe(problem)
  if errors.is(problem) then
    problem = problem.message
  end
  local text = type(problem) == "string" and problem or "the client gave no reason"
  text = text:gsub(",? with args beginning with.*$", ""):gsub("mic%-record.*$", "...")
  return (text:gsub("^.-redis error: ", ""):gsub("^%S+:%d+: ", ""))
end

local function failed(problem)
  local text = describe(problem)
  local code = text:match "^(%u%u%u+) "
  code = code ~= "ERR" and code or nil
  return errors.new("store", "Redis: " .. text, { code = code, hint = redis_hints[code] })
end

local last = 0

--- Returns a text that is unique across machines.
local function new_nonce()
  last = last + 1
  local high, low = math.floor(core.random() * 2 ^ 48), math.floor(core.random() * 2 ^ 48)
  return ("%d-%d-%.0f-%.0f"):format(core.pid(), last, high, low)
end

local function milliseconds(seconds)
  return ("%.0f"):format(math.max(1, math.ceil(seconds * 1000)))
end

--- Makes a store in Redis 2.6 or later, or a compatible server. Its functions wait no longer
--- than `command` does. `load` returns "" for a value that is not a string.
---@param given { command: function, prefix?: string } `command(name, ...)` sends one command (GET,
--- EVALSHA, EVAL) with its arguments, all strings, and returns the reply, or nil and an error, or
--- raises; it is responsible for connecting, TLS, AUTH and timeouts. `prefix` precedes all keys,
--- "mic:" by default
---@return table store with `load`, `save`, `lock`, `unlock`
local function redis(given)
  local checked = options.check(given, spec, "mic.store.redis")
  local command, prefix = checked.command, checked.prefix
  local primitives = { shown = prefix, encode = leased.bytes_of, retakes = true }
  local unsure = {} -- by key: nonce of a lock that Redis may have granted, but the reply was lost

  --- Sends one command. Returns its reply, or nil and an error object.
  local function ask(...)
    local ran, reply, problem = pcall_compat.user(command, ...)
    if not ran then
      return nil, failed(reply)
    end
    if not reply and problem ~= nil then
      return nil, failed(problem)
    end
    return reply
  end

  local function run(script, ...)
    local reply, err = ask("EVALSHA", script.sha, ...)
    if err and err.code == "NOSCRIPT" then
      reply, err = ask("EVAL", script.text, ...)
    end
    reply = tonumber(reply)
    if not reply and not err then
      err = failed "the function command returned no number for a script that returns one"
    end
    return reply, err
  end

  --- Returns the names of record, lock and fence. The braces put them on one node of a cluster.
  local function names(key)
    local tag = key:gsub("[%%{}]", function(character)
      return ("%%%02x"):format(character:byte())
    end)
    local stem = prefix .. "{" .. tag .. "}"
    return stem .. ":record", stem .. ":lock", stem .. ":fence"
  end

  function primitives.load(key)
    local reply, err = ask("GET", (names(key)))
    if err then
      if err.code == "WRONGTYPE" then
        return ""
      end
      return nil, err
    end
    if type(reply) == "string" then
      return reply
    end
    -- nil, false, or the userdata that some clients return for nil
    return (type(reply) == "number" or type(reply) == "table" or reply == true) and "" or nil
  end

  function primitives.save(key, bytes, ttl, lease)
    local place, lock, fence = names(key)
    local saved, err = run(SAVE, "3", place, lock, fence, lease and lease.token or "",
      lease and lease.fence or "", bytes or "", ttl and milliseconds(ttl) or "0")
    if not saved then
      return nil, err
    end
    return saved ~= 0
  end

  function primitives.take(key, seconds, lease, again)
    local _, lock, fence = names(key)
    local nonce, maybe = new_nonce(), unsure[key] or ""
    local count, err = run(LEASE, "2", lock, fence, again and lease.nonce or "", nonce,
      milliseconds(seconds), maybe)
    if not count then
      unsure[key] = nonce -- the reply may have been lost
      return nil, err
    end
    unsure[key] = nil
    if count == 0 then
      return false
    end
    count = ("%.0f"):format(count)
    return { token = count .. ":" .. nonce, fence = count, nonce = nonce }
  end

  function primitives.release(key, token)
    local nonce = type(token) == "string" and token:match "^%d+:(.+)$"
    if not nonce then
      return false
    end
    local _, lock, fence = names(key)
    local given_back, err = run(LEASE, "2", lock, fence, nonce, "", "0", "")
    if not given_back then
      return nil, err
    end
    return given_back == 1
  end

  return leased.new("mic.store.redis", primitives)
end

return redis
