--- `--curl`: prints the curl command of a call. It has no secrets: curl reads the headers that
--- carry them from `mic token --headers`.

local failure = require "mic.command.failure"
local output = require "mic.command.output"
local target = require "mic.command.target"

local curl = {}

local function quote(text)
  if text:find "^[%w_@%%+=:,./-]+$" then
    return text
  end
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

--- The words that name the same API for `mic token`.
local function same_api(options)
  local words = {}
  for _, name in ipairs { "profile", "stack", "url", "config" } do
    if options[name] then
      words[#words + 1] = ("--%s %s"):format(name, quote(options[name]))
    end
  end
  return #words > 0 and " " .. table.concat(words, " ") or ""
end

local function is_open(inside, path)
  for _, prefix in ipairs(inside.profile.row.open or {}) do
    if path:sub(1, #prefix) == prefix then
      return true
    end
  end
  for _, request in pairs(inside.profile.requests) do
    if request.path == path:match "^[^?]*" then
      return true
    end
  end
  return false
end

local function add_headers(words, headers)
  local names = {}
  for name in pairs(headers or {}) do
    names[#names + 1] = name
  end
  table.sort(names)
  for _, name in ipairs(names) do
    local value = headers[name]
    for _, one in ipairs(type(value) == "table" and value or { value }) do
      words[#words + 1] = "-H " .. quote(("%s: %s"):format(name, one))
    end
  end
end

--- Prints the command.
---@param client table
---@param opts table of the call: method, path, params, query, headers, body, body_file, save_to
---@param options table of the command line
function curl.show(client, opts, options)
  local inside = target.connected(client)
  local paths = require "mic.http.path"
  local path = failure.checked(paths.fill, opts.path, opts.params)
  path = failure.checked(paths.query, path, opts.query)
  local words = { "curl -sS" }
  if is_open(inside, path) then
    output.note "mic: this path needs no login; add the API key yourself if it is required"
  else
    words[#words + 1] = ("-H @<(mic token --headers%s)"):format(same_api(options))
  end
  local tls = inside.given.tls or {}
  for option, name in pairs { ca_file = "--cacert", ca_path = "--capath" } do
    words[#words + 1] = tls[option] and name .. " " .. quote(tls[option])
  end
  if opts.method == "HEAD" then
    words[#words + 1] = "-I"
  elseif opts.method ~= "GET" or opts.body or opts.body_file then
    words[#words + 1] = "-X " .. opts.method
  end
  add_headers(words, opts.headers)
  if (opts.body or opts.body_file) and not (opts.headers and opts.headers["Content-Type"]) then
    words[#words + 1] = "-H Content-Type:"
  end
  if opts.body_file then
    words[#words + 1] = "--data-binary " .. quote("@" .. opts.body_file)
  elseif opts.body then
    words[#words + 1] = "--data-raw " .. quote(opts.body)
  end
  if options.output and options.output ~= "-" then
    words[#words + 1] = "-o " .. quote(options.output)
  end
  words[#words + 1] = quote(inside.core:root() .. path)
  output.write(table.concat(words, " "), "\n")
end

local verbs = { "get", "head", "delete", "options", "post", "put", "patch" }
local with_data = { post = true, put = true, patch = true }

--- Prints the command of a call by name: its client notes what it would send.
---@param source table of `mic.api.names`
---@param own table|nil the call's own table
---@param opts table options of the call
---@param options table of the command line
---@return nil
function curl.show_named(source, own, opts, options)
  local client, call = source.client, nil
  local function note(method, path, data, given)
    call = { method = method, path = path }
    for name, value in pairs(given or {}) do
      call[name] = value
    end
    call.data = data == nil and call.data or data
    return call
  end
  for _, verb in ipairs(verbs) do
    rawset(client, verb, function(_, path, first, second)
      if with_data[verb] then
        return note(verb:upper(), path, first, second)
      end
      return note(verb:upper(), path, nil, first)
    end)
  end
  rawset(client, "request", function(_, given)
    return note(given.method, given.path, nil, given)
  end)
  failure.checked(source.call, source, own, opts)
  if call.data ~= nil then
    call.body = require("mic.json").encode(call.data)
    call.headers = call.headers or {}
    call.headers["Content-Type"] = "application/json"
  end
  curl.show(client, call, options)
end

return curl
