--- `mic status`: whether there is a login, and until when. Sends nothing, unless asked to.

local failure = require "mic.command.failure"
local output = require "mic.command.output"
local target = require "mic.command.target"

local status = {}

local NOT_LOGGED_IN = 3
local HOUR, DAY = 3600, 86400
local REFRESHABLE = 30 * DAY -- of MIC's refresh tokens

local function clock_time(seconds, now)
  local form = math.abs(seconds - now) < DAY and "%H:%M" or "%d %b %H:%M"
  return os.date(form, math.floor(seconds))
end

local function duration(seconds)
  for _, unit in ipairs { { 120, 1, "s" }, { 2 * HOUR, 60, "min" }, { 2 * DAY, HOUR, "h" } } do
    if seconds < unit[1] then
      return ("%d %s"):format(math.floor(seconds / unit[2]), unit[3])
    end
  end
  return ("%d days"):format(math.floor(seconds / DAY))
end

local function describe_login(facts, now)
  if not facts.expires then
    return facts.logged_in and "logged in" or "not logged in"
  end
  local line = facts.logged_in and "logged in, token until " or "logged in, token expired at "
  line = line .. clock_time(facts.expires, now)
  if facts.logged_in then
    line = line .. (" (in %s)"):format(duration(facts.expires - now))
  end
  if facts.profile == "mic" and facts.issued then
    local last = os.date("%d %b", math.floor(facts.issued + REFRESHABLE)):gsub("^0", "")
    line = line .. ", refreshed by itself until about " .. last
  end
  return line
end

local function line_of(facts, found, path, is_unknown)
  local login = is_unknown and "unknown until the stack is contacted; use --check"
    or describe_login(facts, os.time())
  local parts = { found.name or "-", facts.api, facts.username or "-", login, path,
    "(" .. facts.source .. ")" }
  return table.concat(parts, "  ")
end

--- Asks the API whether it takes the credentials.
local function check(client, facts)
  if facts.profile == "mic" then
    return client:get("/user", { retry = false })
  end
  return client:auth_headers()
end

local function to_json(facts, pretty)
  local json = require "mic.json"
  local copy = {}
  for name, value in pairs(facts) do
    copy[name] = value
  end
  local text = json.encode(copy)
  if pretty then
    text = require("mic.command.pretty_text").pretty(text, output.has_color())
  end
  return text
end

--- Loads stored credentials, as a call would.
local function has_credentials(client)
  return client:credentials() ~= nil
end

--- Runs the command.
---@param _ table
---@param options table of the command line
function status.run(_, options)
  local client, found = target.client(options)
  local is_there = has_credentials(client)
  local problem
  if options.check then
    local _
    _, problem = check(client, client:status())
  end
  local facts = client:status()
  facts.source = found.source
  local is_unknown = not require("mic.client").inside_of(client).core
  local _, path = target.store()
  path = path or require("mic.command.config").shown(tostring(target.store()):match "%((.*)%)")
  if options.json then
    output.write(to_json(facts, output.is_terminal()), "\n")
  else
    output.line(line_of(facts, found, path, is_unknown))
  end
  if problem then
    error(problem, 0)
  elseif not is_there and not facts.logged_in then
    output.flush()
    failure.raise("auth", "not logged in", { quiet = true, exit = NOT_LOGGED_IN })
  end
end

return status
