--- Names that are not options: aliases, advice and spelling corrections. Loaded only for misuse.

local call_options = require "mic.call_options"
local core = require "mic.core"
local errors = require "mic.error"
local specs = require "mic.option_specs"

local option_names = {}

--- Names used by other libraries (lower case, without underscores) that no spelling rule covers.
local client_aliases = {
  url = "base_url",
  endpoint = "base_url",
  tokenurl = "auth_url",
  tokenendpoint = "auth_url",
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

--- Names that are not options, and the correct place of their values.
local client_advice = {
  token = "pass existing credentials to client:use_credentials",
  identityid = "pass existing credentials to client:use_credentials",
  authorization = "pass existing credentials to client:use_credentials",
  credentials = "pass existing credentials to client:use_credentials",
  scope = "write values = { scope = … }",
  audience = "write values = { audience = … }",
}
local retry_aliases = {
  retries = "attempts",
  tries = "attempts",
  max = "attempts",
  delay = "base",
  maxdelay = "cap",
}

--- Aliases by the name of a spec.
local all_aliases = {
  client = client_aliases,
  call = call_aliases,
  tls = tls_aliases,
  retry = retry_aliases,
}
local all_advice = { client = client_advice }
local otherwise = { call = "for ?%s=… use query = { %s = … }" }

local NAME_LIMIT = 60

--- Names (lower case, without underscores) that turn off verification in other libraries.
local verification = {
  verify = true,
  verifyssl = true,
  verifytls = true,
  verifypeer = true,
  verifyhost = true,
  sslverify = true,
  tlsverify = true,
  skipverify = true,
  insecure = true,
  insecureskipverify = true,
  rejectunauthorized = true,
  strictssl = true,
  noverify = true,
}

local function plain(name)
  return (core.lower(name):gsub("[_%-]", ""))
end

--- Edit distance of two words: letters changed, added or dropped.
local function distance(left, right)
  local row = {}
  for column = 0, #right do
    row[column] = column
  end
  for line = 1, #left do
    local diagonal = row[0]
    row[0] = line
    for column = 1, #right do
      local change = diagonal + (left:byte(line) == right:byte(column) and 0 or 1)
      diagonal = row[column]
      row[column] = math.min(change, diagonal + 1, row[column - 1] + 1)
    end
  end
  return row[#right]
end

--- Returns the known name that an unknown one probably means.
local function meant(name, spec, known)
  local wanted = plain(name)
  for _, candidate in ipairs(known) do
    if plain(candidate) == wanted then
      return candidate
    end
  end
  local alias = (spec.aliases or all_aliases[spec.name])[wanted]
  if alias then
    return alias
  end
  local best, best_distance = nil, math.min(2, math.floor(#wanted / 3)) + 1
  for _, candidate in ipairs(known) do
    local candidate_distance = distance(wanted, plain(candidate))
    if candidate_distance < best_distance then
      best, best_distance = candidate, candidate_distance
    end
  end
  return best
end

local function known_names(spec)
  local known = {}
  for name in pairs(spec.fields) do
    known[#known + 1] = name
  end
  table.sort(known)
  return known
end

--- Returns a name in a form that is safe in a message.
---@param name any
---@return string
function option_names.shown(name)
  return (tostring(name):gsub("[%z\1-\31\127]", "?"):sub(1, NAME_LIMIT))
end

--- Returns the name in a list that an unknown one probably means.
---@param name string
---@param known table list of names
---@return string|nil
function option_names.meant(name, known)
  return meant(name:sub(1, NAME_LIMIT), { aliases = {} }, known)
end

--- Raises for an unknown option.
---@param name any
---@param spec table as for `options.verify`
---@param what string name of the method, for messages
function option_names.refuse(name, spec, what)
  if type(name) ~= "string" then
    errors.raise(
      ("%s: option names must be strings (got a key of type %s)"):format(what, type(name))
    )
  end
  local prefix = spec.prefix or ""
  if verification[plain(name)] then
    errors.raise(
      ('unknown option "%s%s": verification cannot be turned off; '):format(prefix, name)
        .. "for your own certificate authority use tls.ca_file"
    )
  end
  local known = known_names(spec)
  local shown = option_names.shown(name)
  local guess = meant(name:sub(1, NAME_LIMIT), spec, known)
  local advice = all_advice[spec.name]
  local mend = advice and advice[plain(name)]
  if mend then
    mend = mend .. "; "
  elseif guess then
    mend = ('did you mean "%s%s"? '):format(prefix, guess)
  elseif otherwise[spec.name] then
    mend = otherwise[spec.name]:gsub("%%s", (shown:gsub("%%", "%%%%"))) .. "; "
  end
  errors.raise(
    ('unknown option "%s%s"; %sknown options: %s'):format(
      prefix,
      shown,
      mend or "",
      prefix .. table.concat(known, ", " .. prefix)
    )
  )
end

--- Returns a name in `known` that is the same in small letters, or has an edit distance of one and
--- the same first letter; nil for the name of an option.
---@param name string
---@param known table by name
---@return string|nil
function option_names.near_miss(name, known)
  if specs.client.fields[name] or call_options.fields[name] then
    return nil
  end
  local lower = name:lower()
  if lower ~= name and known[lower] then
    return lower
  end
  for candidate in pairs(known) do
    if candidate:byte() == name:byte() and distance(name, candidate) == 1 then
      return candidate
    end
  end
end

return option_names
