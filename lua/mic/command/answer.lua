--- Shows the answer to a request: on standard output, or in a file.

local errors = require "mic.error"
local failure = require "mic.command.failure"
local output = require "mic.command.output"

local answer = {}

local LONGEST_NAME = 200 -- bytes, to which a suffix can be added
local SMALL = 4096 -- bytes; an error that is sent with status 200 is not longer

--- Checks the options against each other.
---@param options table of the command line
function answer.check(options)
  if options.pretty and options.raw then
    failure.usage "use only one of --pretty and --raw"
  elseif options.query and options.output then
    failure.usage "-q and -o cannot be combined; redirect standard output instead"
  end
end

--- Adds to the options of a call what its answer needs.
---@param opts table
---@param options table of the command line
function answer.prepare(opts, options)
  local path = options.output
  if not path or path == "-" then
    return
  end
  opts.save_to = path
  local fits = #path:match "[^/]*$" <= LONGEST_NAME
  if fits and require("mic.terminal").file(path) == "file" then -- until the answer is no error
    opts.save_to = ("%s.mic%d"):format(path, require("mic.core").pid())
  end
end

local function show_head(response)
  if not response or not response.headers then
    return
  end
  local version = response.http_version
  local head = rawget(response, "_head") or ""
  local lines = { ("HTTP/%s %d"):format(version or "1.1", response.status) }
  for line in head:gmatch "[^\r\n]+" do
    if not line:find "^HTTP/" then
      lines[#lines + 1] = line
    end
  end
  for _, line in ipairs(lines) do
    output.error_line(line)
  end
  output.error_line ""
end

--- Raises an error that the API has sent with status 200.
local function check_legacy(response, text, opts)
  if not text or not text:find('"errorMessage"', 1, true) then
    return
  end
  local data = require("mic.json").decode(text)
  if errors.is_in(data) then
    error(errors.from_reply(response, data, {
      method = opts.method, path = opts.path, attempts = response.attempts, response = response,
      mask = require("mic.client").mask,
    }), 0)
  end
end

local function is_json(response, text)
  local kind = response.headers["content-type"]
  if kind and not kind:lower():find "json" then
    return false
  end
  return text:find "^%s*[%[{\"%-%dtfn]" ~= nil
end

--- True if a text is none: a terminal could not show it.
---@param text string
---@return boolean
function answer.is_binary(text)
  return text:find("\0", 1, true) ~= nil or require("mic.core").utf8_problem(text) ~= nil
end

local function write_text(text)
  text = require("mic.command.visible").text(text)
  output.write(text, text:sub(-1) == "\n" and "" or "\n")
end

--- Writes JSON with a line for each value.
---@param text string
function answer.write_pretty(text)
  local pretty = require "mic.command.pretty_text"
  output.write(pretty.pretty(text, output.has_color()), "\n")
end

local function show_on_terminal(response, text, options)
  if options.output == "-" or options.raw then
    output.write(text)
  elseif is_json(response, text) then
    answer.write_pretty(text)
  elseif answer.is_binary(text) then
    failure.usage "the response is binary; use -o FILE to save it, -o - to print it to the terminal"
  else
    write_text(text)
  end
end

--- Writes the results of -q, a line each.
---@param lines table of `mic.command.query`
---@param options table of the command line
function answer.write_results(lines, options)
  local is_terminal = output.is_terminal() and not options.raw
  for index, line in ipairs(lines) do
    if lines.strings[index] or not (is_terminal or options.pretty) then
      line = is_terminal and require("mic.command.visible").text(line) or line
      output.write(line, "\n")
    else
      answer.write_pretty(line)
    end
  end
end

--- Compiles -q, if it is given. Raises for a mistake in it.
---@param options table of the command line
---@return table|nil program
function answer.program(options)
  if not options.query then
    return nil
  end
  local program, err = require("mic.command.query").compile(options.query)
  if not program then
    failure.raise("usage", "-q: " .. err.message, { column = err.column, mark = err.mark })
  end
  return program
end

--- Runs -q. Raises if it does not fit the answer.
---@param program table
---@param text string
---@return table lines
function answer.results(program, text)
  local lines, err = program:run(text)
  if not lines then
    failure.raise(err.kind, err.kind == "query" and "-q: " .. err.message
      or "the response is " .. err.message)
  end
  return lines
end

--- Shows the answer to a call, or raises its error.
---@param response table|nil
---@param err table|nil
---@param options table of the command line
---@param opts table of the call
function answer.show(response, err, options, opts)
  if options.include then
    show_head(response or err.response)
  end
  if not response then
    if options.error_body and err.response and err.response.body ~= "" then
      err.error_body = err.response.body
    end
    error(err, 0)
  end
  if opts.save_to == "-" then -- written already
    return
  elseif opts.save_to then
    answer.check_file(response, options, opts)
    return
  end
  local text = response.body
  check_legacy(response, text, opts)
  if text == "" then
    return
  elseif opts.program then
    answer.write_results(answer.results(opts.program, text), options)
  elseif output.is_terminal() then
    show_on_terminal(response, text, options)
  elseif options.pretty and is_json(response, text) then
    answer.write_pretty(text)
  else
    output.write(text)
  end
end

--- Puts a saved answer into its place. Raises an error that was saved as an answer, and removes it.
---@param response table
---@param options table of the command line
---@param opts table of the call
function answer.check_file(response, options, opts)
  local kind, size = require("mic.terminal").file(opts.save_to)
  local file = kind == "file" and size <= SMALL and io.open(opts.save_to, "rb")
  if file then
    local text = file:read "*a"
    file:close()
    local ok, problem = pcall(check_legacy, response, text, opts)
    if not ok then
      os.remove(opts.save_to)
      error(problem, 0)
    end
  end
  if opts.save_to ~= options.output then
    local ok, problem = os.rename(opts.save_to, options.output)
    if not ok then
      os.remove(opts.save_to)
      failure.raise("file", problem)
    end
  end
end

return answer
