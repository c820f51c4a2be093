--- The verbs: get, head, delete, post, put, patch. One command is one request.

local answer = require "mic.command.answer"
local failure = require "mic.command.failure"
local target = require "mic.command.target"

local raw = {}

--- Splits a list of NAME=VALUE.
local function pairs_of(list, option)
  local made
  for _, text in ipairs(list) do
    local name, value = text:match "^([^=]+)=(.*)$"
    if not name then
      failure.usage("%s needs NAME=VALUE (got '%s')", option, text)
    end
    made = made or {}
    if made[name] then
      failure.usage("%s: '%s' is given twice", option, name)
    end
    made[name] = value
  end
  return made
end

local function headers_of(list)
  local made
  for _, line in ipairs(list) do
    local name, value = line:match "^([^:]-)%s*:%s*(.*)$"
    if not name or name == "" then
      failure.usage("-H needs 'NAME: VALUE' (got '%s')", line)
    end
    made = made or {}
    local present = made[name]
    if type(present) == "table" then
      present[#present + 1] = value
    else
      made[name] = present and { present, value } or value
    end
  end
  return made
end

--- Returns the path of a call: a leading slash may be missing, and a whole URL below the base URL
--- is cut.
---@param client table
---@param path string
---@return string
function raw.path(client, path)
  if not path:find "^%a[%w+.-]*://" then
    return path:sub(1, 1) == "/" and path or "/" .. path
  end
  local root = target.connected(client).core:root()
  local rest = path:sub(#root + 1)
  if path:sub(1, #root) == root and (rest == "" or rest:find "^[/?]") then
    return rest:sub(1, 1) == "/" and rest or "/" .. rest
  end
  failure.usage("the URL is not below the base URL %s", root)
end

--- Returns the options of a call that no part of the request is.
---@param options table of the command line
---@return table opts
function raw.call_options(options)
  if options.retry and options.no_retry then
    failure.usage "use only one of --retry and --no-retry"
  end
  local opts = {
    headers = headers_of(options.header or {}),
    timeout = options.timeout,
    deadline = options.deadline,
    idempotent = options.idempotent,
  }
  if options.no_retry then
    opts.retry = false
  elseif options.retry then
    opts.retry = { attempts = options.retry }
  end
  return opts
end

--- Returns the options of a call by its path.
---@param options table of the command line
---@param has_body? boolean fields are its body
---@return table opts
function raw.options(options, has_body)
  local opts = raw.call_options(options)
  opts.params = pairs_of(options.params or {}, "-p")
  if options.data or options.entries then
    require("mic.command.body").add_all(opts, options, has_body or false)
  end
  return opts
end

--- Asks before a DELETE where a person is at the terminal.
---@param verb string
---@param path string
---@param options table of the command line
function raw.confirm(verb, path, options)
  local terminal = require "mic.terminal"
  if verb ~= "DELETE" or options.yes or not terminal.is_terminal(0)
    or not terminal.is_terminal(2) then
    return
  end
  local question = ("DELETE %s? [y/N] "):format(require("mic.command.visible").text(path))
  local reply = terminal.ask(question)
  if not reply or not reply:find "^%s*[yY]" then
    failure.raise("cancelled", "nothing was sent", { exit = 1 })
  end
end

--- Options that the short way takes.
local few = { params = true, query = true, timeout = true }
local without_body = { GET = "get", HEAD = "head", DELETE = "delete" }

--- Sends the call. With few options it takes the client's short way, which loads less. That decodes
--- the answer; what cannot be decoded is shown as it is.
local function send(client, verb, path, opts)
  local is_short = without_body[verb] ~= nil
  for name in pairs(opts) do
    is_short = is_short and few[name]
  end
  if not is_short then
    opts.method, opts.path, opts.decode = verb, path, false
    return failure.checked(client.request, client, opts)
  end
  local response, err = failure.checked(client[without_body[verb]], client, path, opts)
  if err and (err.kind == "decode" or err.kind == "too_large") and err.response then
    return err.response
  end
  return response, err
end

--- Runs the command.
---@param command table
---@param options table of the command line
function raw.run(command, options)
  local given = command.path or options.path
  answer.check(options)
  if options.paginate or options.slurp or options.limit or options.page_size or options.after then
    require("mic.command.paginate").check(options)
  end
  local program = answer.program(options)
  local opts = raw.options(options, command.has_body)
  local client = target.client(options)
  local path = raw.path(client, given)
  if options.paginate then
    path = failure.checked(require("mic.http.path").fill, path, opts.params)
    require("mic.command.named").paginate_path(client, command.verb, path, opts, options, program)
    return
  end
  answer.prepare(opts, options)
  if options.curl then
    opts.method, opts.path = command.verb, path
    require("mic.command.curl").show(client, opts, options)
    return
  end
  raw.confirm(command.verb, path, options)
  local finish = (opts.save_to or opts.body_file) and require("mic.command.progress").attach(opts)
  local response, err = send(client, command.verb, path, opts)
  if finish then
    finish()
  end
  answer.show(response, err, options, { method = command.verb, path = path,
    save_to = opts.save_to, program = program })
end

return raw
