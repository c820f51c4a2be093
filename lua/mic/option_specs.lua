--- Option specs of clients and calls, as data for `options.check`: types, values, defaults.

local core = require "mic.core"
local errors = require "mic.error"
local json = require "mic.json"

local specs = {}

local HOUR = 3600
local NAME_LIMIT = 60
local METHOD_LIMIT = 23

--- Names used by other libraries (lower case, without underscores) that no spelling rule covers.
local client_aliases = {
  url = "base_url",
  endpoint = "base_url",
  host = "stack",
  hostname = "stack",
  key = "api_key",
  user = "username",
  pass = "password",
  ssl = "tls",
  ca = "tls.ca_file",
  cafile = "tls.ca_file",
  cacert = "tls.ca_file",
  capath = "tls.ca_path",
  cert = "tls.client_cert",
  clientcert = "tls.client_cert",
  clientkey = "tls.client_key",
  minversion = "tls.min_version",
  retries = "retry",
  maxretries = "retry.attempts",
  attempts = "retry.attempts",
  cache = "store",
  logger = "on_event",
  log = "on_event",
}
local call_aliases = {
  url = "path",
  uri = "path",
  json = "data",
  payload = "data",
  content = "body",
  form = "body",
  file = "body_file",
  header = "headers",
  args = "query",
  qs = "query",
  retries = "retry",
  output = "save_to",
  download = "save_to",
}
local tls_aliases = {
  ca = "ca_file",
  cert = "client_cert",
  certificate = "client_cert",
  key = "client_key",
  pin = "pinned_public_key",
  version = "min_version",
}

--- Names that are not options, and where they belong.
local client_advice = {
  headers = "headers go with each call: client:get(path, { headers = … })",
  header = "headers go with each call: client:get(path, { headers = … })",
  token = "credentials that you have go to client:use_credentials",
  identityid = "credentials that you have go to client:use_credentials",
  authorization = "credentials that you have go to client:use_credentials",
  credentials = "credentials that you have go to client:use_credentials",
}

local function one_of(list)
  return function(value)
    if type(value) ~= "string" then
      return true
    end
    for _, accepted in ipairs(list) do
      if value == accepted then
        return true
      end
    end
    return false
  end
end

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

local function bytes(default)
  return {
    types = { "number" },
    expects = "a positive whole number of bytes",
    check = check_bytes,
    default = default,
  }
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
      ('has a raw "%s" in its user name or password; write %%%02X for it'):format(byte, byte:byte())
  end
  return true
end

local function check_store(value)
  for _, name in ipairs { "load", "save", "lock", "unlock" } do
    if type(value[name]) ~= "function" then
      return false,
        ("must be a table with the functions load, save, lock, unlock (%s is none)"):format(name)
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
  if type(value.request) == "function" then -- a complete transport
    return true
  end
  for name, needed in pairs(specs.loop_functions) do
    if type(value[name]) ~= "function" and (needed or value[name] ~= nil) then
      return false,
        ("must be a table with the functions %s (%s is none)"):format(
          table.concat(loop_functions, ", "),
          name
        )
    end
  end
  return true
end

local usual_methods = { GET = true, POST = true, PUT = true, PATCH = true, DELETE = true }

local function check_method(value)
  return usual_methods[value]
    or (#value <= METHOD_LIMIT and value:find "^[A-Za-z][A-Za-z-]*$" ~= nil)
end

local function is_header_value(value)
  return type(value) == "string" or type(value) == "number"
end

local function check_headers(value)
  for name, content in pairs(value) do
    if type(name) ~= "string" then
      return false, ("must have header names as keys (got a key of type %s)"):format(type(name))
    end
    local list = type(content) == "table" and content or { content }
    for _, item in pairs(list) do
      if not is_header_value(item) then
        local shown = name:gsub("[%z\1-\31\127]", "?"):sub(1, NAME_LIMIT)
        return false,
          ('must hold strings, numbers or lists of these ("%s" is a %s)'):format(shown, type(item))
      end
    end
  end
  return true
end

local function text(expects)
  return { types = { "string" }, expects = expects }
end

--- Spec of a file or folder name. C strings end at a NUL.
local function place(expects)
  return {
    types = { "string" },
    expects = expects,
    check = function(value)
      return not value:find("\0", 1, true), "must not hold a NUL byte"
    end,
  }
end

local function check_secret(value)
  return type(value) ~= "string" or #value <= core.secret_max,
    ("must not be longer than %d bytes"):format(core.secret_max)
end

local function seconds(default, or_false)
  return {
    types = { "number", or_false and "false" or nil },
    expects = "a positive number of seconds" .. (or_false and " or false" or ""),
    check = check_seconds,
    default = default,
  }
end

local function flag()
  return { types = { "boolean" }, expects = "true or false" }
end

local function a_table(expects, check, way)
  return { types = { "table" }, expects = expects, check = check, way = way }
end

local function a_function()
  return { types = { "function" }, expects = "a function" }
end

local tls = {
  prefix = "tls.",
  aliases = tls_aliases,
  types = { "table" },
  expects = "a table",
  fields = {
    ca_file = place "a file name",
    ca_path = place "a folder name",
    client_cert = place "a file name",
    client_key = place "a file name",
    pinned_public_key = place 'a file name or "sha256//…"',
    min_version = {
      types = { "string" },
      expects = '"1.2" or "1.3"',
      check = one_of { "1.2", "1.3" },
    },
  },
}

local function check_count(value)
  return value >= 1 and value <= 100 and value % 1 == 0
end

local retry = {
  prefix = "retry.",
  aliases = {
    retries = "attempts",
    tries = "attempts",
    max = "attempts",
    delay = "base",
    maxdelay = "cap",
  },
  types = { "table", "false" },
  expects = "a table or false",
  way = "retry = { attempts = 3 }",
  fields = {
    attempts = {
      types = { "number" },
      expects = "a whole number from 1 to 100",
      check = check_count,
    },
    base = seconds(),
    cap = seconds(),
  },
}

function tls.rule(copy)
  if copy.client_key and not copy.client_cert then
    errors.raise 'option "tls.client_key" needs tls.client_cert'
  end
end

--- Options of `mic.new`.
specs.client = {
  aliases = client_aliases,
  advice = client_advice,
  fields = {
    base_url = text "a URL",
    stack = {
      types = { "string" },
      expects = "a host name, without scheme and path",
      check = check_host,
    },
    manifest_url = text "a URL",
    api_key = text "a string",
    username = { types = { "string" }, expects = "a string", check = check_secret },
    password = {
      types = { "string", "function" },
      expects = "a string or a function",
      check = check_secret,
    },
    store = a_table("a store", check_store, "store = mic.store.file { path = … }"),
    identity = {
      types = { "string", "false" },
      expects = '"header", "query" or false',
      check = one_of { "header", "query" },
      default = "header",
    },
    timeout = seconds(30),
    connect_timeout = seconds(10),
    deadline = seconds(90, true),
    retry = retry,
    refresh_margin = {
      types = { "number" },
      expects = "a number of seconds, not negative",
      check = check_margin,
    },
    max_response_size = bytes(16 * 1024 * 1024),
    max_size = bytes(),
    tls = tls,
    proxy = {
      types = { "string" },
      expects = "a URL",
      check = check_proxy,
      may_be_empty = true,
    },
    user_agent = text "a string",
    http_version = {
      types = { "string" },
      expects = '"1.1" or "2"',
      check = one_of { "1.1", "2" },
    },
    transport = {
      types = { "string", "table" },
      expects = '"blocking", "nginx", "cqueues", "luv" or the functions of a loop',
      check = check_transport,
    },
    on_event = a_function(),
    allow_insecure = flag(),
  },
}

function specs.client.rule(copy, what)
  if not copy.base_url and not copy.stack then
    errors.raise(what .. " needs base_url or stack (both are nil)")
  end
  if copy.base_url and copy.stack then
    errors.raise(what .. " takes base_url or stack, not both")
  end
  if copy.manifest_url and not copy.stack then
    errors.raise 'option "manifest_url" needs stack'
  end
  if copy.password and not copy.username then
    errors.raise 'option "password" needs username'
  end
  if copy.base_url and not copy.api_key then
    errors.raise(what .. " needs api_key: every call carries it (with stack it is found by itself)")
  end
end

--- Options of one call.
specs.call = {
  aliases = call_aliases,
  otherwise = "for ?%s=… use query = { %s = … }",
  fields = {
    method = {
      types = { "string" },
      expects = "an HTTP method",
      check = check_method,
    },
    path = text "a path",
    params = a_table "a table",
    query = a_table("a table", nil, 'query = { name = value }, or ?name=value into the path'),
    headers = a_table("a table", check_headers),
    data = { types = { "any" }, expects = "a value", may_be_empty = true },
    body = { types = { "string" }, expects = "a string", may_be_empty = true },
    body_file = place "a file name",
    auth = flag(),
    timeout = seconds(),
    deadline = seconds(nil, true),
    retry = retry,
    idempotent = flag(),
    decode = flag(),
    save_to = place "a file name",
    max_size = bytes(),
    on_data = a_function(),
    progress = a_function(),
  },
}

local bodies = { "data", "body", "body_file" }

function specs.call.rule(copy)
  local first
  for index = 1, #bodies do
    local name = bodies[index]
    if copy[name] ~= nil then
      if first then
        errors.raise(('options "%s" and "%s": a call has one body'):format(first, name))
      end
      first = name
    end
  end
  if copy.save_to and copy.on_data then
    errors.raise 'options "save_to" and "on_data": a body goes to one of them'
  end
  if copy.max_size and not copy.save_to then
    errors.raise 'option "max_size" is of a file: it goes with save_to'
  end
end

return specs
