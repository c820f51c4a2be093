--- nginx in front of the API: `authorize` gives a request that nginx passes on the client's own
--- credentials, `observe` looks at what the API made of them.

local clients = require "mic.client"
local core = require "mic.core"
local errors = require "mic.error"

local ngx = ngx

local nginx = {}

local names = core.credential_names

local YOUNG_SECONDS = 60 -- a 401 to a token younger than that is no matter of expiry

--- Phases that can wait and still change the request.
local request_phases = { rewrite = true, server_rewrite = true, access = true, content = true }
--- Phases that know the answer.
local answer_phases = { header_filter = true, body_filter = true, log = true }

local function check(client, what, phases, places)
  local found = clients.inside_of(client)
  if not found then
    errors.raise(("mic.nginx.%s takes a client (got %s)"):format(what, type(client)))
  end
  local phase = ngx.get_phase()
  if not phases[phase] then
    errors.raise(("mic.nginx.%s is for %s (this is the phase %s)"):format(what, places, phase))
  end
  return found
end

local function decode(text)
  return (text:gsub("+", " "):gsub("%%(%x%x)", function(digits)
    return string.char(tonumber(digits, 16))
  end))
end

--- A query without the members of this name, however they are spelt. The rest stays to the byte.
local function without_member(query, name)
  local kept = {}
  for member in (query .. "&"):gmatch "([^&]*)&" do
    if decode(member:match "^[^=]*"):lower() ~= name:lower() then
      kept[#kept + 1] = member
    end
  end
  return table.concat(kept, "&")
end

--- ---- authorize ----

--- Nothing of the caller's that looks like credentials goes on, in whatever spelling.
local function drop_callers_own()
  for _, kind in ipairs { "token", "identity", "api_key" } do
    ngx.req.clear_header(names[kind])
  end
  local query = ngx.var.args
  local rest = query and without_member(query, names.identity_query)
  if rest ~= query then
    ngx.req.set_uri_args(rest)
  end
end

local function add_to_query(value)
  local query = ngx.var.args
  local member = names.identity_query .. "=" .. ngx.escape_uri(value)
  ngx.req.set_uri_args(query and query ~= "" and query .. "&" .. member or member)
end

local function set_own(mine, headers)
  for name, value in pairs(headers) do
    if name == names.identity and mine.given.identity == "query" then
      add_to_query(value)
    else
      ngx.req.set_header(name, value)
    end
  end
end

local option_names = { on_error = true }

local function check_options(options)
  if options ~= nil and type(options) ~= "table" then
    errors.raise(("mic.nginx.authorize: options must be a table (got %s)"):format(type(options)))
  end
  for name, value in pairs(options or {}) do
    if not option_names[name] then
      errors.raise(
        ("mic.nginx.authorize: unknown option %q; known: on_error"):format(tostring(name))
      )
    elseif type(value) ~= "function" then
      errors.raise(
        ("mic.nginx.authorize: on_error must be a function (got %s)"):format(type(value))
      )
    end
  end
  return options or {}
end

--- Gives the current request the client's credentials in place of its caller's; renews them first
--- where that is due, without blocking. For `rewrite_by_lua`, `access_by_lua` and, before a
--- subrequest, `content_by_lua`.
---@param client table of `mic.new`
---@param options? { on_error?: fun(err: table): boolean? } `on_error` is called instead of the log
--- entry when there are no credentials; it may end the request, or return true to let it go on
--- without any
---@return true|nil ok nil only when on_error returned true; else the request ends with 503
---@return table|nil err
function nginx.authorize(client, options)
  local mine =
    check(client, "authorize", request_phases, "rewrite_by_lua, access_by_lua, content_by_lua")
  options = check_options(options)
  drop_callers_own()
  local headers, err = client:auth_headers()
  if headers then
    set_own(mine, headers)
    local _, generation = mine.core:freshness()
    ngx.ctx.mic = { client = client, generation = generation }
    return true
  end
  if not options.on_error then
    ngx.log(ngx.ERR, "mic: no credentials for the request: ", tostring(err))
  elseif options.on_error(err) == true then
    return nil, err
  end
  return ngx.exit(ngx.HTTP_SERVICE_UNAVAILABLE)
end

--- ---- observe ----

--- How old the present token is, in seconds; from when it was first used where nothing better is
--- known.
local function age(mine)
  local _, _, left, lifetime = mine.core:freshness()
  return left and lifetime and lifetime - left or math.huge
end

--- Looks at the answer: a 401 to the credentials that `authorize` gave marks them as stale, so that
--- the next request renews them. Not when they are new: then they are good, and the API means
--- something else. For `header_filter_by_lua`, `body_filter_by_lua` and `log_by_lua`.
---@param client table the one of `authorize`
---@return boolean marked
function nginx.observe(client)
  local mine =
    check(client, "observe", answer_phases, "header_filter_by_lua, body_filter_by_lua, log_by_lua")
  local sent = ngx.ctx.mic
  if not sent or sent.client ~= client or not ngx.var.upstream_status or ngx.status ~= ngx.HTTP_UNAUTHORIZED then
    return false
  end
  local _, present = mine.core:freshness()
  if present ~= sent.generation or age(mine) < YOUNG_SECONDS then
    return false
  end
  mine.core:mark_stale(sent.generation)
  return true
end

return nginx
