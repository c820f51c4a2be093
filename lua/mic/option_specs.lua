--- Option spec of clients, as data for `options.check`: types, values, defaults. Also the checks
--- that other specs use.

local core = require "mic.core"
local errors = require "mic.error"
local json = require "mic.json"
local pcall_compat = require "mic.pcall_compat"

local specs = {}

local HOUR = 3600

local function check_seconds(value)
  if type(value) ~= "number" then
    return true
  end
  if value > HOUR and value < math.huge then
    local guess = value % 1000 == 0 and ("; did you mean %d?"):format(value / 1000) or ""
    return false,
      ("is in seconds, at most %d (got %s%s)"):format(HOUR, json.number(value), guess)
  end
  return value > 0 and value <= HOUR
end

local function check_margin(value)
  return value >= 0 and value < math.huge
end

local function check_bytes(value)
  return value >= 1 and value % 1 == 0 and value <= 2 ^ 53
end

local function check_host(value)
  return value:find "^[A-Za-z0-9][A-Za-z0-9.-]*$" ~= nil
end

--- libcurl ends the user information at the first "/" or "#" and takes the rest for the host.
local function check_proxy(value)
  local userinfo = value:gsub("^%a[%w+.-]*://", ""):match "^(.*)@"
  local byte = userinfo and userinfo:match "[@/?#]"
  if byte then
    return false,
      ('has a raw "%s" in its user name or password; write it as %%%02X'):format(byte, byte:byte())
  end
  return true
end

local function check_store(value)
  for _, name in ipairs { "load", "save", "lock", "unlock" } do
    if type(value[name]) ~= "function" then
      return false,
        ("must be a table with the functions load, save, lock, unlock (%s is missing)"):format(name)
    end
  end
  return true
end

local transport_names = { blocking = true, nginx = true, cqueues = true, luv = true }
local loop_functions = { "wait", "park", "wake", "spawn" }

--- Functions of a user's own event loop, and whether each is required.
specs.loop_functions = { running = false }
for _, name in ipairs(loop_functions) do
  specs.loop_functions[name] = true
end

local function check_transport(value)
  if type(value) == "string" then
    return transport_names[value]
  end
  if type(value.call) == "function" then -- a complete transport
    return true
  end
  for name, needed in pairs(specs.loop_functions) do
    if type(value[name]) ~= "function" and (needed or value[name] ~= nil) then
      return false,
        ("must be a table with the functions %s (%s is missing)"):format(
          table.concat(loop_functions, ", "),
          name
        )
    end
  end
  return true
end

local function check_secret(value)
  return type(value) ~= "string" or #value <= core.secret_max,
    ("must not be longer than %d bytes"):format(core.secret_max)
end

--- C strings end at a NUL.
local function check_place(value)
  return not value:find("\0", 1, true), "must not contain a NUL byte"
end

local function check_count(value)
  return value >= 1 and value <= 100 and value % 1 == 0
end

--- Checks of all options with this text, unless their spec has another one for the name.
specs.checks = {
  ["a file name"] = check_place,
  ["a folder name"] = check_place,
  ["a positive number of seconds"] = check_seconds,
  ["a positive number of seconds or false"] = check_seconds,
  ["a positive whole number of bytes"] = check_bytes,
}

local URL, TEXT = "string: a URL", "string: a string"
local FILE, FOLDER = "string: a file name", "string: a folder name"
local SECONDS = "number: a positive number of seconds"
local SECONDS_OR_FALSE = "number|false: a positive number of seconds or false"
local BYTES = "number: a positive whole number of bytes"
local FLAG, FUNCTION, TABLE = "boolean: true or false", "function: a function", "table: a table"

local tls = {
  name = "tls",
  prefix = "tls.",
  itself = TABLE,
  fields = {
    ca_file = FILE,
    ca_path = FOLDER,
    client_cert = FILE,
    client_key = FILE,
    pinned_public_key = 'string: a file name or "sha256//…"',
    min_version = 'string: "1.2" or "1.3"',
  },
  checks = { pinned_public_key = check_place },
}

local retry = {
  name = "retry",
  prefix = "retry.",
  itself = "table|false: a table or false",
  fields = { attempts = "number: a whole number from 1 to 100", base = SECONDS, cap = SECONDS },
  checks = { attempts = check_count },
}

specs.retry = retry

function tls.rule(copy)
  if copy.client_key and not copy.client_cert then
    errors.raise 'option "tls.client_key" needs tls.client_cert'
  end
end

--- Checks of options that few clients have, loaded with the first of them.
local function check_by(name)
  return function(value)
    return pcall_compat.need("mic.option_checks")[name](value)
  end
end

--- Options of `mic.new`.
specs.client = {
  name = "client",
  fields = {
    profile = "string|table: the name of a profile or a table",
    base_url = URL,
    auth_url = URL,
    stack = "string: a host name, without scheme and path",
    manifest_url = URL,
    api_key = TEXT,
    username = TEXT,
    password = "string|function: a string or a function",
    client_id = TEXT,
    client_secret = TEXT,
    values = TABLE,
    secrets = TABLE,
    authenticate = FUNCTION,
    headers = TABLE,
    endpoints = "table: a list of rows",
    store = "table: a store",
    identity = 'string|false: "header", "query" or false',
    timeout = SECONDS,
    connect_timeout = SECONDS,
    deadline = SECONDS_OR_FALSE,
    retry = retry,
    refresh_margin = "number: a non-negative number of seconds",
    max_response_size = BYTES,
    max_size = BYTES,
    tls = tls,
    proxy = URL,
    user_agent = TEXT,
    http_version = 'string: "1.1" or "2"',
    transport = 'string|table: "blocking", "nginx", "cqueues", "luv" or the functions of a loop',
    on_event = FUNCTION,
    debug = 'any: true, 1, "headers", "bodies", false or a function', -- checked by mic.debug
    allow_insecure = FLAG,
  },
  defaults = {
    identity = "header",
    timeout = 30,
    connect_timeout = 10,
    deadline = 90,
    max_response_size = 16 * 1024 * 1024,
  },
  checks = {
    stack = check_host,
    username = check_secret,
    password = check_secret,
    client_id = check_secret,
    client_secret = check_secret,
    headers = check_by "headers",
    values = check_by "values",
    secrets = check_by "secrets",
    store = check_store,
    refresh_margin = check_margin,
    proxy = check_proxy,
    transport = check_transport,
  },
  may_be_empty = { proxy = true },
  ways = { store = "store = mic.store.file { path = … }", retry = "retry = { attempts = 3 }" },
}

function specs.client.rule(copy, what)
  if not copy.base_url and not copy.stack then
    errors.raise(what .. " needs base_url or stack (both are nil)")
  end
  if copy.base_url and copy.stack then
    errors.raise(what .. " takes base_url or stack, not both")
  end
  if copy.secrets and copy.values then
    pcall_compat.need("mic.option_checks").names(copy)
  end
  if copy.profile ~= nil and copy.profile ~= "mic" then
    return pcall_compat.need("mic.option_checks").other_profile(copy)
  end
  if copy.manifest_url and not copy.stack then
    errors.raise 'option "manifest_url" needs stack'
  end
  if copy.password and not copy.username then
    errors.raise 'option "password" needs username'
  end
  if copy.base_url and not copy.api_key then
    errors.raise(what .. " needs api_key: every call carries it (option stack looks it up)")
  end
end

return specs
