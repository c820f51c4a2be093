--- Builds a request for the core from a call's options. Raises for misuse.

local call_options = require "mic.call_options"
local core = require "mic.core"
local errors = require "mic.error"
local json = require "mic.json"
local json_encoder = require "mic.json_encoder"
local options = require "mic.options"
local paths = require "mic.http.path"
local retry = require "mic.http.retry"

local build = {}

local function header_text(name, value)
  if type(value) ~= "number" then
    return value
  end
  return json.number(value) or errors.raise(('header "%s" must be a finite number'):format(name))
end

--- Checks the headers and returns them as text; nil when there are none. `owned`: names, in lower
--- case, of those that the client itself sets.
local function build_headers(given, owned)
  if not given or next(given) == nil then
    return nil
  end
  local headers = {}
  for name, content in pairs(given) do
    local list = type(content) == "table" and content or { content }
    local texts = {}
    for index, value in ipairs(list) do
      texts[index] = header_text(name, value)
      local ok, problem = core.check_header(name, texts[index])
      if not ok then
        errors.raise(problem)
      elseif owned and owned[core.lower(name)] then
        local message =
          'header "%s" is set by the client; with auth = false you may set it yourself'
        errors.raise(message:format(name))
      end
    end
    headers[name] = texts
  end
  return headers
end

local function has_header(headers, wanted)
  for name in pairs(headers) do
    if core.lower(name) == wanted then
      return true
    end
  end
  return false
end

local NONE = {}
local with_data = { POST = true, PUT = true, PATCH = true }
local usual_methods = { GET = "GET", POST = "POST", PUT = "PUT", PATCH = "PATCH" }

--- Adds the options of streaming calls: file bodies, on_data and progress.
local function add_flow(built, opts)
  built.body_file, built.save_to, built.on_data = opts.body_file, opts.save_to, opts.on_data
  built.max_size = opts.max_size
  built.listen = opts.progress
  built.progress = opts.progress ~= nil or nil
  built.stream = opts.on_data ~= nil or nil
  if opts.save_to or opts.on_data then
    built.decode = false
  end
  if opts.save_to or opts.on_data or opts.body_file then
    built.flows = true
    if opts.deadline == nil then
      built.deadline = false
    end
  end
end

--- Makes the one table that serves as the call's state and as the core's argument `more`. The core
--- reads url, headers, auth, body_file, save_to, max_size, stream, progress and, set later,
--- idle_timeout, allow_stale, alone, bare, from and from_loopback; method, path, resend and body
--- are arguments of their own. Lua reads shown (the path in events and errors), decode, flows (a
--- body is a file or a stream), timeout, deadline, retry, on_data, listen (receives the progress)
--- and attempts. While the call runs, Lua adds ends (on the transport's clock), handed (on_data got
--- a piece), and the counts retries, renewed, resent, ensured and redirects.
local function make(opts, method, path, url, data, profile)
  if data == nil then
    data = opts.data
  end
  method = usual_methods[method] or core.upper(method)
  local headers = build_headers(opts.headers, opts.auth ~= false and profile and profile.owned)
  local body = opts.body
  if data ~= nil then
    body = json_encoder.encode(data)
    headers = headers or {}
    if not has_header(headers, "content-type") then
      headers["Content-Type"] = "application/json"
    end
  end
  local idempotent = opts.idempotent
  local shown = paths.without_query(url or path)
  if idempotent == nil then
    idempotent = retry.is_idempotent(method, not url and shown or nil, profile and profile.searches)
  end
  local built = {
    method = method,
    path = not url and paths.query(path, opts.query) or nil,
    headers = headers,
    body = body,
    auth = opts.auth,
    resend = idempotent,
    shown = shown,
    decode = opts.decode ~= false,
    attempts = 0,
    timeout = opts.timeout,
    deadline = opts.deadline,
    retry = opts.retry,
  }
  if url then
    built.url = paths.query(url, opts.query)
  end
  if opts.save_to or opts.on_data or opts.body_file or opts.progress then
    add_flow(built, opts)
  end
  return built
end

local bodies = { "data", "body", "body_file" }

--- Raises if the call has a second body: one of data, body and body_file is allowed.
local function check_bodies(opts, data, what)
  if data == nil then
    return -- the rule of the option specs covers two bodies among the options
  end
  for index = 1, #bodies do
    if opts[bodies[index]] ~= nil then
      errors.raise(
        ('%s: data and option "%s" cannot be combined: a call has one body'):format(
          what, bodies[index])
      )
    end
  end
end

local function check_target(opts, what, verb)
  if verb and (opts.method or opts.path) then
    local name = opts.method and "method" or "path"
    errors.raise(('option "%s" is not allowed in %s'):format(name, what))
  end
end

--- Raises for options in the place of data: those of post are its third argument.
local function refuse_misplaced(what, name, shown)
  errors.raise(
    ("%s(path, data, options): %s is an option, but is in data"):format(what, name)
      .. (shown and (": %s(path, nil, { %s = … })"):format(what, name) or "")
  )
end

--- Options that are not likely to be fields of an API object.
local telling = { "body", "body_file", "save_to", "on_data", "progress" }

local function has_only_options(data)
  for name in next, data do
    if not call_options.fields[name] then
      return false
    end
  end
  return true
end

--- Raises for data that is almost always a mistake: a string, which would be sent in quotes, and a
--- table of call options.
---@param data any
---@param what string name of the method, for messages
---@param verb any nil: the data is the option `data`
function build.check_data(data, what, verb)
  if type(data) == "table" then
    for index = 1, verb and #telling or 0 do
      if rawget(data, telling[index]) ~= nil and has_only_options(data) then
        refuse_misplaced(what, telling[index], true)
      end
    end
  elseif type(data) == "string" then
    errors.raise(
      what
        .. ": data is a string, which would be sent in quotes; for text, or for JSON that"
        .. " is encoded, use body"
        .. (verb and (": %s(path, nil, { body = … })"):format(what) or "")
    )
  end
end

--- Checks the options of a call and builds the request for the core. Raises for misuse.
---@param opts table|nil
---@param what string name of the method, for messages
---@param method string|nil the verb; nil: option `method`
---@param path any the verb's path; without a verb: option `path`
---@param data any the verb's data
---@param profile table|nil the client's, of which `owned` and `searches` are read
---@return table built
function build.call(opts, what, method, path, data, profile)
  opts = opts or NONE
  if not method and type(opts) ~= "table" then
    errors.raise(
      ("%s takes a table of options (got %s); "):format(what, type(opts))
        .. ('write %s { method = "GET", path = … }'):format(what)
    )
  end
  options.verify(opts, call_options, what)
  check_target(opts, what, method)
  check_bodies(opts, data, what)
  if data ~= nil then
    build.check_data(data, what, method)
  else
    build.check_data(opts.data, what)
  end
  if not method then
    path = opts.path
  end
  if type(path) ~= "string" or path == "" then
    local alone = method and type(path) == "table" and next(path) ~= nil
    local takes = with_data[method] and "path, data, { … }" or "path, { … }"
    errors.raise(
      ('%s needs a path, such as "/users"'):format(what)
        .. (alone and ("; write %s(%s)"):format(what, takes) or "")
    )
  end
  if not opts.params and type(data) == "table" and paths.is_template(path) then
    if type(rawget(data, "params")) == "table" then
      refuse_misplaced(what, "params")
    end
  end
  path = paths.fill(path, opts.params)
  return make(opts, method or opts.method or "GET", path, nil, data, profile)
end

--- Builds the request of an absolute URL.
---@param opts table|nil
---@param url any
---@param profile table|nil as for `call`
---@return table built
function build.fetch(opts, url, profile)
  local what = "client:fetch"
  opts = opts or NONE
  options.verify(opts, call_options, what)
  check_bodies(opts, nil, what)
  build.check_data(opts.data, what)
  for _, name in ipairs { "path", "params" } do
    if opts[name] ~= nil then
      errors.raise(('option "%s" is not allowed in %s'):format(name, what))
    end
  end
  if type(url) ~= "string" then
    errors.raise(("%s needs a URL, https://… (got %s)"):format(what, type(url)))
  end
  return make(opts, opts.method or "GET", nil, url, nil, profile)
end

return build
