--- Makes of a call's options what the core takes of them. Raises for misuse.

local core = require "mic.core"
local errors = require "mic.error"
local json = require "mic.json"
local options = require "mic.options"
local paths = require "mic.path"
local policy = require "mic.policy"

local builder = {}

local function header_text(value)
  return type(value) == "number" and json.number(value) or value
end

--- The headers as text, each of them checked; nil when there are none.
local function build_headers(given, own)
  if not given or next(given) == nil then
    return nil
  end
  local headers = {}
  for name, content in pairs(given) do
    local list = type(content) == "table" and content or { content }
    local texts = {}
    for index, value in ipairs(list) do
      texts[index] = header_text(value)
      local ok, problem = core.check_header(name, texts[index], own)
      if not ok then
        errors.raise(problem)
      end
    end
    headers[name] = texts
  end
  return headers
end

local function has_header(headers, wanted)
  for name in pairs(headers) do
    if name:lower() == wanted then
      return true
    end
  end
  return false
end

local usual_methods = { GET = "GET", POST = "POST", PUT = "PUT", PATCH = "PATCH" }

local function make(opts, method, path, url, data)
  if data == nil then
    data = opts.data
  end
  method = usual_methods[method] or method:upper()
  local headers = build_headers(opts.headers, opts.auth == false)
  local body = opts.body
  if data ~= nil then
    body = json.encode(data)
    headers = headers or {}
    if not has_header(headers, "content-type") then
      headers["Content-Type"] = "application/json"
    end
  end
  local idempotent = opts.idempotent
  if idempotent == nil then
    idempotent = policy.is_idempotent(method)
  end
  local flows = opts.save_to or opts.on_data or opts.body_file
  local deadline = opts.deadline
  if deadline == nil and flows then
    deadline = false
  end
  return {
    spec = {
      method = method,
      path = not url and paths.query(path, opts.query) or nil,
      url = url and paths.query(url, opts.query) or nil,
      headers = headers,
      body = body,
      body_file = opts.body_file,
      save_to = opts.save_to,
      stream = opts.on_data ~= nil or nil,
      progress = opts.progress ~= nil or nil,
      auth = opts.auth,
      resend = idempotent,
      timeout = nil, -- of each attempt
    },
    path = paths.without_query(url or path),
    timeout = opts.timeout,
    flows = flows and true,
    on_data = opts.on_data,
    progress = opts.progress,
    deadline = deadline,
    retry = opts.retry,
    idempotent = idempotent,
    decode = opts.decode ~= false and not opts.save_to and not opts.on_data,
    -- Added on the way: ends (on the transport's clock), handed (a piece went to on_data), retries,
    -- renewed, ensured, redirects (how often each has happened).
    attempts = 0,
  }
end

local bodies = { "data", "body", "body_file" }

--- The one body of the call: data, body or body_file.
local function check_bodies(opts, data, what)
  local count = data ~= nil and 1 or 0
  for index = 1, #bodies do
    if opts[bodies[index]] ~= nil then
      count = count + 1
    end
  end
  if count > 1 then
    errors.raise(("%s: a call has one body"):format(what))
  end
end

local function check_target(opts, what, verb)
  if verb and (opts.method or opts.path) then
    errors.raise(('option "%s" is not for %s'):format(opts.method and "method" or "path", what))
  end
end

--- Checks the options of a call and makes what the core takes of them. Raises for misuse.
---@param opts table|nil
---@param what string who takes the options, for messages
---@param method string|nil the verb; that of the options when nil
---@param path any the verb's path; that of the options when there is no verb
---@param data any the verb's data
---@return table built
function builder.call(opts, what, method, path, data)
  opts = opts or {}
  options.verify(opts, options.call, what)
  check_target(opts, what, method)
  check_bodies(opts, data, what)
  if not method then
    path = opts.path
  end
  if type(path) ~= "string" or path == "" then
    errors.raise(('%s needs a path, such as "/users"'):format(what))
  end
  path = paths.fill(path, opts.params)
  return make(opts, method or opts.method or "GET", path, nil, data)
end

--- The same for an absolute URL.
---@param opts table|nil
---@param url any
---@return table built
function builder.fetch(opts, url)
  local what = "client:fetch"
  opts = opts or {}
  options.verify(opts, options.call, what)
  check_bodies(opts, nil, what)
  for _, name in ipairs { "path", "params" } do
    if opts[name] ~= nil then
      errors.raise(('option "%s" is not for %s'):format(name, what))
    end
  end
  if type(url) ~= "string" or not url:find "^%a[%w+.-]*://" then
    errors.raise(what .. " needs an absolute URL (https://…); a path is for client:get")
  end
  return make(opts, opts.method or "GET", nil, url, nil)
end

return builder
