--- nginx gateway: `authorize` adds the client's credentials to a proxied request, `observe` checks
--- the upstream's response.

local core = require "mic.core_loader" -- first: it reports a core built for another Lua

local clients = require "mic.client"
local errors = require "mic.error"

local ngx = rawget(_G, "ngx")
if type(ngx) ~= "table" or not ngx.req then
  errors.raise "mic.nginx works only in nginx's *_by_lua blocks: there is no ngx"
end

local nginx = {}

local clear_header, set_header = ngx.req.clear_header, ngx.req.set_header

--- Phases that can wait and can still change the request.
local request_phases =
  { rewrite = true, server_rewrite = true, access = true, precontent = true, content = true }
--- Phases in which the status of the response is known.
local answer_phases = { header_filter = true, body_filter = true, log = true }

local function check(client, what, phases, places)
  local found = clients.inside_of(client)
  if not found then
    errors.raise(("mic.nginx.%s takes a client (got %s)"):format(what, type(client)))
  end
  local phase = ngx.get_phase()
  if not phases[phase] then
    errors.raise(
      ("mic.nginx.%s can be called only in %s (current phase: %s)"):format(what, places, phase)
    )
  end
  return found
end

local function decode(text)
  return (text:gsub("+", " "):gsub("%%(%x%x)", function(digits)
    return string.char(tonumber(digits, 16))
  end))
end

--- Removes all parameters of this name from a query, however encoded, also for servers that take
--- ";" for "&" or decode twice. The rest is unchanged to the byte.
local function without_member(query, name)
  local kept, first = {}, 1
  local wanted = core.lower(name)
  for before, member in query:gmatch "([&;]?)([^&;]*)" do
    local spelt = decode(member:match "^[^=]*")
    if core.lower(spelt) ~= wanted and core.lower(decode(spelt)) ~= wanted then
      kept[#kept + 1] = before .. member
    elseif #kept == 0 then
      first = 2 -- drop the separator before the first kept parameter
    end
  end
  return table.concat(kept):sub(first)
end

--- ---- authorize ----

--- Spellings of a header name with "_" in place of "-", which some servers treat as the same name.
--- nginx passes them on with `underscores_in_headers on` or `ignore_invalid_headers off`.
local function other_spellings(name)
  local found = {}
  local function spell(done, rest)
    local before, after = rest:match "^([^-]*)%-(.*)$"
    if before then
      spell(done .. before .. "-", after)
      spell(done .. before .. "_", after)
    elseif done .. rest ~= name then
      found[#found + 1] = done .. rest
    end
  end
  spell("", name)
  return found
end

--- Generates a function that sets the headers of a profile on a request, and removes the caller's
--- in every spelling. It has one line for each name, because a loop would end LuaJIT's trace. The
--- variable http_NAME has the value of any spelling, so most requests need to clear none.
local function generate(names)
  local lines = { "local clear, set, var = ...", "return function(headers)", "local value" }
  local function add(line, ...)
    lines[#lines + 1] = line:format(...)
  end
  for _, name in ipairs(names) do -- first: afterwards the variables have our values
    local spellings = other_spellings(name)
    if #spellings > 0 then
      add("if var[%q] then", "http_" .. core.lower(name):gsub("%-", "_"))
      for _, spelling in ipairs(spellings) do
        add("clear %q", spelling)
      end
      add "end"
    end
  end
  for _, name in ipairs(names) do
    add("value = headers[%q]", name)
    add("if value then set(%q, value) else clear %q end", name, name)
  end
  return assert(loadstring(table.concat(lines, "\n") .. "\nend"))(clear_header, set_header, ngx.var)
end

--- Generated functions, by client state.
local putters = setmetatable({}, { __mode = "k" })

local function put_query(name, value)
  local query = ngx.var.args
  local rest = query and query ~= "" and without_member(query, name)
  if value then
    local member = name .. "=" .. ngx.escape_uri(value)
    ngx.req.set_uri_args(rest and rest ~= "" and rest .. "&" .. member or member)
  elseif rest and rest ~= query then
    ngx.req.set_uri_args(rest)
  end
end

local NONE = { headers = {} }

--- Sets these credentials on the request and removes the caller's.
local function put(mine, own)
  local putter = putters[mine]
  if not putter then
    putter = generate(mine.profile.header_names)
    putters[mine] = putter
  end
  putter(own.headers)
  if mine.profile.query_name then
    put_query(mine.profile.query_name, own.query)
  end
end

--- Headers of the last used generation, by client state: thousands of requests share them.
local used = setmetatable({}, { __mode = "k" })

--- Client states whose token was refused but not marked as stale. The store may have a better one.
local refused = setmetatable({}, { __mode = "k" })

--- True if this generation of a core client is the present one and no refresh is due. Called by
--- FFI, because a method of the core would end LuaJIT's compiled trace at each request. FFI is
--- always available here: the semaphores of our calls need it too.
local is_fresh = require("ffi").cast("bool (*)(const void *, double)", core.is_fresh_function)

--- Returns the client's credentials, renewed if due.
local function take(client, mine)
  local headers, err = client:auth_headers()
  if not headers then
    return nil, err
  end
  local own = { headers = headers, token = headers[mine.profile.token_header] or "" }
  own.digest = ngx.crc32_long(own.token)
  local _
  _, own.generation = mine.core:freshness()
  local query_name = mine.profile.row.identity_query
  if query_name then
    own.query, headers[query_name] = headers[query_name], nil
  end
  return own
end

--- True if `observe` saw this token refused, in any worker that shares the store's notes.
local function is_refused(mine, own)
  return mine.token_source.group.minute_limit:shared "mark" == own.digest
end

--- True if these credentials are still the present ones and have not expired. The API's 401 may
--- have had another cause.
local function may_do(mine, own)
  local _, generation, left = mine.core:freshness()
  return generation == own.generation and (left == nil or left > 0)
end

--- Returns the credentials for the request, renewed if due.
---@return table|nil own generation, headers, token (the header that carries it), query
---@return table|nil err
local function own_credentials(client, mine)
  local own = used[mine]
  if own and mine.core and is_fresh(mine.core, own.generation) and not is_refused(mine, own) then
    return own
  end
  local before = own
  used[mine] = nil
  if refused[mine] then
    refused[mine] = nil
    mine.token_source:look()
  end
  local err
  own, err = take(client, mine)
  if own and is_refused(mine, own) then
    mine.core:mark_stale(own.generation)
    before = own
    own, err = take(client, mine)
  end
  used[mine] = own or before
  if not own and before and mine.core and not mine.closed and may_do(mine, before) then
    return before
  end
  return own, err
end

--- True if the path has dots that nginx left and that the API may resolve, with our credentials.
--- nginx decodes the path once, and does not treat ";" and "\" specially.
local function has_dots()
  local path = ngx.var.uri
  return (path:find("/.", 1, true) or path:find("%", 1, true) or path:find("\\", 1, true))
    and core.has_dot_part(path)
end

local option_names = { on_error = true }

local function check_options(options)
  if type(options) ~= "table" then
    errors.raise(("mic.nginx.authorize: options must be a table (got %s)"):format(type(options)))
  end
  for name, value in pairs(options) do
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
end

--- Replaces the caller's credentials in the current request by the client's. Renews them first if
--- due, without blocking the worker. Ends the request with 503 without credentials, and with
--- 400 if the path has dots. For `rewrite_by_lua`, `access_by_lua` and, before a subrequest,
--- `content_by_lua`.
---@param client table of `mic.new`
---@param options? { on_error?: fun(err: table): boolean? } `on_error` is called if there
--- are no credentials, instead of the log entry. It may end the request, or return true to continue
--- without credentials
---@return true|nil ok nil only if `on_error` returned true
---@return table|nil err
function nginx.authorize(client, options)
  local mine =
    check(client, "authorize", request_phases, "rewrite_by_lua, access_by_lua, content_by_lua")
  if options ~= nil then
    check_options(options)
  end
  if has_dots() then
    ngx.log(ngx.INFO, "mic: the request path has the segment . or ..")
    return ngx.exit(ngx.HTTP_BAD_REQUEST)
  end
  local own, err = own_credentials(client, mine)
  put(mine, own or NONE)
  if own then
    return true
  end
  if not options or not options.on_error then
    ngx.log(ngx.ERR, "mic: no credentials for the request: ", tostring(err))
  elseif options.on_error(err) == true then
    return nil, err
  end
  return ngx.exit(ngx.HTTP_SERVICE_UNAVAILABLE)
end

--- ---- observe ----

--- Returns the status of the last upstream. Not `ngx.status`, which `error_page` or the caller's
--- own code may have set.
local function upstream_status()
  local statuses = ngx.var.upstream_status
  return statuses and statuses:match "(%d+)%D*$"
end

--- True if the upstream's response means that the token has expired, as far as its header shows. If
--- there is no WWW-Authenticate, the text that a profile expects counts as found: it may be in the
--- body.
local function means_expired(profile)
  local status = tonumber(upstream_status())
  if not status or (profile.is_mic and status ~= 401) then
    return false
  end
  local challenge = ngx.var.upstream_http_www_authenticate
  for _, answer in ipairs(profile.row.expired) do
    if answer[1] == status
      and (not answer[2] or not challenge
        or core.lower(challenge):find(core.lower(answer[2]), 1, true)) then
      return true
    end
  end
  return false
end

--- Returns the generation of the token sent with this request; nil if it is not the one in use. It
--- is read from the header, because a field of `ngx.ctx` would cost each request a table.
local function sent_generation(mine)
  local own = used[mine]
  local sent = own and ngx.var["http_" .. mine.profile.token_variable]
  return sent and sent == own.token and own.generation or nil
end

--- Checks the response: one that means "expired" (for MIC a 401) marks the credentials of
--- `authorize` as stale, so that the next request renews them. At most once a minute, because some
--- responses are 401 whatever the token is; within the minute the next request checks whether
--- another worker has saved a new token. For `log_by_lua`, best in `server`, `header_filter_by_lua`
--- and `body_filter_by_lua`.
---@param client table the client passed to `authorize`
---@return boolean marked true if the credentials were marked as stale
function nginx.observe(client)
  local mine =
    check(client, "observe", answer_phases, "header_filter_by_lua, body_filter_by_lua, log_by_lua")
  local sent = means_expired(mine.profile) and not mine.closed and sent_generation(mine)
  if not sent then
    return false
  end
  local state, present = mine.core:freshness()
  if sent ~= present or state == "stale" then
    return false
  end
  if mine.token_source:mark_refused(sent, used[mine].digest) then
    return true
  end
  refused[mine], used[mine] = true, nil -- the next authorize takes the slow path
  return false
end

return nginx
