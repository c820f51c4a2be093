--- State in shared memory: modes, counters, the settings of this start.
local json = require "sandbox.json"

local state = {}

local dict = ngx.shared.state

local function integer(low, high)
  return {
    accepts = string.format("an integer from %d to %d", low, high),
    test = function(value)
      return type(value) == "number" and value % 1 == 0 and value >= low and value <= high
    end,
  }
end

local function one_of(...)
  local names = { ... }
  return {
    accepts = '"' .. table.concat(names, '", "') .. '"',
    test = function(value)
      for _, name in ipairs(names) do
        if value == name then
          return true
        end
      end
      return false
    end,
  }
end

local function number(low, high)
  return {
    accepts = string.format("a number from %d to %d", low, high),
    test = function(value)
      return type(value) == "number" and value >= low and value <= high
    end,
  }
end

local boolean = {
  accepts = "true or false",
  test = function(value)
    return type(value) == "boolean"
  end,
}

-- The modes: what they accept, and how the sandbox starts.
local MODES = {
  strict = { kind = boolean, default = true },
  token_life = { kind = integer(1, 86400), default = 3600 },
  token_length = { kind = integer(0, 60000), default = 0 },
  refresh = { kind = one_of("echo", "rotate", "omit"), default = "echo" },
  refresh_grace = { kind = integer(0, 60), default = 0 },
  clock_offset = { kind = integer(-630720000, 630720000), default = 0 },
  rate = { kind = number(0, 1000000), default = 0 },
  burst = { kind = integer(0, 1000000), default = 0 },
  quota = { kind = integer(0, 1000000000), default = 0 },
  observations = { kind = integer(0, 200000), default = 0 },
  search_faults = { kind = integer(0, 1000000), default = 0 },
  largest_search = { kind = integer(0, 10000), default = 0 },
  too_large = { kind = one_of("message", "status"), default = "message" },
  profile = {
    kind = one_of("mic", "challenge", "directus", "idle", "iso", "oauth2", "query", "status200",
      "supabase", "text", "vault"),
    default = "mic",
  },
}

-- Those that have an effect with another profile than MIC's: with each one, or with those.
local OTHER = {
  token_life = true, token_length = true, clock_offset = true, rate = true, burst = true,
  quota = true, profile = true, refresh_grace = { directus = true, oauth2 = true, supabase = true },
}

local COUNTERS = { "login", "refresh", "calls", "connections", "handshakes",
  "throttled" }

---@param name string one of MODES
---@return any value
function state.mode(name)
  local value = dict:get("mode:" .. name)
  if value == nil then
    return MODES[name].default
  end
  return value
end

---@return table modes name to value
function state.modes()
  local modes = {}
  for name in pairs(MODES) do
    modes[name] = state.mode(name)
  end
  return modes
end

local function has_effect(name, profile)
  local other = OTHER[name]
  return profile == "mic" or other == true or type(other) == "table" and other[profile] == true
end

-- Which of these modes have no effect with the profile, and are not to keep their initial value.
local function without_effect(wanted)
  local wrong, profile = {}, wanted.profile or state.mode "profile"
  for name, value in pairs(wanted) do
    if not has_effect(name, profile) and value ~= MODES[name].default then
      wrong[#wrong + 1] = string.format("mode %s has no effect with the profile %s", name, profile)
    end
  end
  return wrong
end

--- Sets all given modes, or none of them.
---@param wanted table name to value
---@return boolean? ok
---@return string? message names every unknown mode and wrong value, or every mode that has no
--- effect with the profile
function state.set_modes(wanted)
  local known, wrong = {}, {}
  for name in pairs(MODES) do
    known[#known + 1] = name
  end
  table.sort(known)
  for name, value in pairs(wanted) do
    local mode = MODES[name]
    if not mode then
      wrong[#wrong + 1] = string.format("unknown mode %q (known: %s)", tostring(name),
        table.concat(known, ", "))
    elseif not mode.kind.test(value) then
      wrong[#wrong + 1] = string.format("mode %s takes %s", name, mode.kind.accepts)
    end
  end
  if #wrong == 0 then
    wrong = without_effect(wanted)
  end
  if #wrong > 0 then
    table.sort(wrong)
    return nil, table.concat(wrong, "; ")
  end
  for name, value in pairs(wanted) do
    dict:set("mode:" .. name, value)
  end
  return true
end

---@return integer seconds since the epoch, by the sandbox's own clock
function state.time()
  return ngx.time() + state.mode "clock_offset"
end

---@return number seconds since the epoch to the millisecond, by the sandbox's own clock
function state.now()
  ngx.update_time() -- nginx reads the clock once for all events that are ready
  return ngx.now() + state.mode "clock_offset"
end

---@param name string one of COUNTERS
---@return integer value after counting
function state.count(name)
  return dict:incr("count:" .. name, 1, 0)
end

---@return table counters name to number
function state.counters()
  local counters = {}
  for _, name in ipairs(COUNTERS) do
    counters[name] = dict:get("count:" .. name) or 0
  end
  return counters
end

-- Tokens carry the epoch in which they were made; the next epoch finds them expired.

---@return integer epoch
function state.epoch()
  return dict:get "epoch" or 1
end

function state.next_epoch()
  dict:incr("epoch", 1, 1)
end

-- Settings: what this start chose (ports, API key, password). A reset keeps them.

---@param settings table
function state.keep_settings(settings)
  dict:set("settings", json.encode(settings))
end

---@return table settings
function state.settings()
  return json.decode(dict:get "settings")
end

---@return integer seconds since the epoch: when the sandbox was started or last reset
function state.started()
  return dict:get "started"
end

--- Resets modes, counters and answers; the settings stay.
function state.reset()
  local settings = state.settings()
  dict:flush_all()
  state.keep_settings(settings)
  dict:set("started", ngx.time())
end

return state
