--- Body of a request, from the options -d, -f and -F.

local failure = require "mic.command.failure"

local body = {}

local SMALL = 1024 * 1024 -- a larger file is not parsed to find its type

local function is_json(text)
  return text:find "%S" ~= nil and (require("mic.json").decode(text)) ~= nil
end

local function has_type(headers)
  for name in pairs(headers or {}) do
    if name:lower() == "content-type" then
      return true
    end
  end
  return false
end

local function add_type(opts)
  if not has_type(opts.headers) then
    opts.headers = opts.headers or {}
    opts.headers["Content-Type"] = "application/json"
  end
end

local function file_is_json(path, size)
  local file = size <= SMALL and io.open(path, "rb")
  if not file then
    return path:find "%.json$" ~= nil
  end
  local text = file:read "*a"
  file:close()
  return text ~= nil and is_json(text)
end

--- Reads all of standard input.
---@return string
function body.read_input()
  local terminal = require "mic.terminal"
  local parts = {}
  while true do
    local bytes, problem = terminal.read_input(-1)
    if problem then
      failure.raise("file", "cannot read standard input: " .. problem)
    elseif bytes == "" then
      return table.concat(parts)
    end
    parts[#parts + 1] = bytes
  end
end

local function add_file(opts, path)
  local kind, size = require("mic.terminal").file(path)
  opts.body_file = path
  if kind == "file" and file_is_json(path, size) then
    add_type(opts)
  end
end

--- Returns the fields -f and -F.
---@param options table of the command line
---@return table fields of `mic.command.fields`
function body.fields(options)
  local data = options.data
  local made, err = require("mic.command.fields").read(options.entries,
    data == "-" or data == "@-")
  return made or failure.raise(err.kind, err.message, { column = err.column, mark = err.mark })
end

--- Returns the fields as a query.
---@param options table of the command line
---@return table
function body.query(options)
  local query, err = body.fields(options):query()
  return query or failure.raise(err.kind, err.message, { column = err.column, mark = err.mark })
end

--- Adds body and query to the options of a call: fields are a query where a call has no body, and
--- beside -d.
---@param opts table
---@param options table of the command line
---@param has_body boolean the call has a body
function body.add_all(opts, options, has_body)
  if options.data then
    body.add(opts, options)
  end
  if options.entries and (options.data or not has_body) then
    opts.query = body.query(options)
  elseif options.entries then
    opts.body = body.fields(options):body()
    add_type(opts)
  end
end

--- Adds the option -d to the options of a call.
---@param opts table
---@param options table of the command line
function body.add(opts, options)
  local data = options.data
  if data:sub(1, 1) == "@" and data ~= "@-" then
    add_file(opts, data:sub(2))
    return
  end
  if data == "-" or data == "@-" then
    data = body.read_input()
  end
  opts.body = data
  if is_json(data) then
    add_type(opts)
  end
end

--- Returns the body as a table: of a call by name, or of a search.
---@param options table of the command line
---@return table
function body.object(options)
  local opts = {}
  body.add(opts, options)
  local text = opts.body
  if opts.body_file then
    local file, problem = io.open(opts.body_file, "rb")
    text = file and file:read "*a"
    if not text then
      failure.raise("file", "cannot read -d: " .. tostring(problem))
    end
    file:close()
  end
  local data, problem = require("mic.json").decode(text)
  if type(data) ~= "table" then
    failure.usage("-d: the body is not a JSON object%s", problem and ": " .. problem or "")
  end
  return data
end

return body
