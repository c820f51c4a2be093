--- What Lua needs of a profile's row. That of MIC without further options is written down in
--- `mic.profile.mic`.

local core = require "mic.core"
local errors = require "mic.error"
local mic = require "mic.profile.mic"
local pcall_compat = require "mic.pcall_compat"

local facts = {}

--- MIC's row with the identity in another place: option `identity`.
local function place_identity(place)
  local copy = {}
  for name, value in pairs(mic) do
    copy[name] = value
  end
  copy.headers = {}
  for _, line in ipairs(mic.headers) do
    if not line:find "{identity}$" then
      copy.headers[#copy.headers + 1] = line
    end
  end
  copy.identity_query = place == "query" and mic.query_name or nil
  return copy
end

local function row_of(given)
  if given.profile ~= nil and given.profile ~= "mic" then
    return pcall_compat.need("mic.profile.row").make(given)
  elseif given.identity == nil or given.identity == "header" then
    return mic
  end
  return place_identity(given.identity)
end

--- Fields that the option `authenticate` replaces.
local request_fields = { "login", "login_body", "login_headers", "refresh", "refresh_body",
  "refresh_headers" }

local function without_requests(row)
  local copy = {}
  for name, value in pairs(row) do
    copy[name] = value
  end
  for _, name in ipairs(request_fields) do
    copy[name] = nil
  end
  copy.by_function = true
  return copy
end

local order = { "username", "password", "client_id", "client_secret", "api_key" }
local computed = { basic = "username password", client_basic = "client_id client_secret" }

--- Returns the values without which a login, or the calls of an API without one, cannot be sent: as
--- a set, and the options among them in words.
local function needs_of(row, is_login, secrets)
  local set, list = {}, {}
  local text = table.concat(row.headers, "\n")
  if is_login then
    local headers = table.concat(row.login_headers or {}, "\n")
    text = table.concat({ row.login or "", row.login_body or "", headers }, "\n")
  end
  for name in text:gsub("{{", ""):gmatch "{([%a_][%w_]*)}" do
    for option in (computed[name] or name):gmatch "%S+" do
      set[option] = true
    end
  end
  for _, name in ipairs(order) do
    list[#list + 1] = set[name] and name or nil
  end
  local own
  for name in pairs(secrets or {}) do
    own = own or set[name]
  end
  list[#list + 1] = own and "secrets" or nil
  local words = table.concat(list, ", "):gsub(", ([^,]*)$", " and %1")
  if words == "client_id" and is_login then
    words = "client_id; there is no client_secret"
  end
  words = words ~= "" and words or "what the profile's login sends"
  for _, name in ipairs { "token", "refresh_token", "identity" } do
    if is_login and set[name] then
      words = ("%s; its login needs {%s} too"):format(words, name)
    end
  end
  return set, words
end

--- Returns the path of the auth URL, for which the path "/" of a request stands; nil without one.
---@param given table the client's options
---@return string|nil path
function facts.auth_path(given)
  local path = given.auth_url and given.auth_url:match "^%a[%w+.-]*://[^/?#]*([^?#]*)"
  return path == "" and "/" or path
end

local function request_of(text, given)
  if text then
    local method, path = text:match "^(%S+) ([^?]*)"
    path = path == "/" and facts.auth_path(given) or path:gsub("{{", "{")
    return { method = method, path = path }
  end
end

--- Makes the profile of a client. Raises for a row that is not valid.
---@param given table the client's options
---@return table made row (for the core), name, is_mic, requests (method and path of `login` and
--- `refresh`, for events), header_names, owned (these in lower case, as a set), token_header (the
--- one that carries the token), token_variable (its name in nginx), query_name (query member of the
--- identity), no_login (nil, or what calls need instead: "token" or "options"), sends_password
--- (calls carry it, and there is no login), login_needs (the options that a login needs, without
--- one the calls, in words), takes_user (a login sends user name or password), searches (paths of
--- POST requests that are idempotent, as a set)
function facts.make(given)
  local row = row_of(given)
  row = given.authenticate and without_requests(row) or row
  local made = {
    row = row,
    name = row.name,
    is_mic = row.is_default or false,
    requests = {
      login = request_of(row.login, given),
      refresh = request_of(row.refresh, given),
    },
    no_login = not (row.login or given.authenticate) and "options" or nil,
    header_names = {}, -- of MIC also where the identity is not sent as a header
    owned = {},
    query_name = row.query_name,
    searches = row.searches,
    login_needs = "username and password",
    takes_user = true,
  }
  if not made.is_mic then
    local set
    set, made.login_needs = needs_of(row, not made.no_login, given.secrets)
    made.no_login = made.no_login and set.token and "token" or made.no_login
    made.takes_user = set.username or set.password or false
  end
  for index, line in ipairs((made.is_mic and mic or row).headers) do
    local name = line:match "^[^:]*"
    made.header_names[index] = name
    made.owned[core.lower(name)] = true
    if made.no_login and (line:find("{basic", 1, true) or line:find("{password", 1, true)) then
      made.sends_password = true
    end
    if not made.token_header and (line:find("{token", 1, true) or line:find("{basic", 1, true)) then
      made.token_header = name
    end
  end
  made.token_header = made.token_header or made.header_names[1] or "Authorization"
  made.token_variable = core.lower(made.token_header):gsub("%-", "_")
  for name in pairs(given.headers or {}) do
    if made.owned[core.lower(name)] then
      errors.raise(('option "headers": "%s" is set by the client itself'):format(name))
    end
  end
  return made
end

--- The key of a client's record in its store, for other profiles than MIC's.
---@param made table of `make`
---@param root string the base URL
---@param given table the client's options
---@return string key
function facts.key(made, root, given)
  local values = {}
  for name, value in pairs(given.values or {}) do
    values[#values + 1] = ("%d:%s%d:%s"):format(#name, name, #value, value)
  end
  table.sort(values)
  local digest = core.digest(table.concat(values)):gsub(".", function(byte)
    return ("%02x"):format(byte:byte())
  end)
  return table.concat(
    { root, given.username or "", made.name, given.client_id or "", digest },
    " "
  )
end

return facts
