--- The command `mic`: reads the command line, runs one command, reports its failure, ends the
--- process with the exit code.

local main = {}

local function load_terminal()
  local ok, terminal = pcall(require, "mic.terminal")
  if ok then
    return terminal
  end
  local why = tostring(terminal)
  why = why:find " not found:" and "it is built with mic.core" or why:gsub("%s*\n%s*", " ")
  io.stderr:write("mic: cannot load the module mic.terminal: ", why, "\n")
  os.exit(5)
end

--- Reports a failure and returns the exit code.
local function report(problem, as_json)
  local failure, output = require "mic.command.failure", require "mic.command.output"
  if not failure.is(problem) then -- a fault of this program, or no memory
    problem = { kind = "internal", message = tostring(problem):match "^[^\n]*", exit = 5 }
  end
  problem = failure.for_people(problem)
  if problem.quiet and not as_json then -- said already, on standard output
    return failure.code(problem)
  elseif as_json then
    output.error_line(failure.json(problem))
  else
    output.error_line("mic: " .. failure.line(problem))
    if problem.mark then
      io.stderr:write(problem.mark, "\n")
    end
  end
  if problem.error_body then
    output.error_line(problem.error_body)
  end
  return failure.code(problem)
end

local function is_yes(value)
  return value ~= nil and value ~= "" and value ~= "0" and value ~= "false"
end

local function wants_json(words)
  if is_yes(os.getenv "MIC_JSON_ERRORS") then
    return true
  end
  for _, word in ipairs(words) do
    if word == "--json-errors" then
      return true
    end
  end
  return false
end

local function show_version()
  local core = require "mic.core"
  local features = core.features()
  require("mic.command.output").write(("mic %s (libcurl %s, %s)\n"):format(core.version,
    features.libcurl, _VERSION))
end

local function run(words)
  local code
  local output = require "mic.command.output"
  local command, options = require("mic.command.parser").parse(words)
  output.silent = options.silent or false
  output.color = options.color or "auto"
  options.json_errors = wants_json(words)
  if options.version then
    show_version()
  elseif options.help or not command then
    require("mic.command.help").show(command)
  else
    code = require(command.module).run(command, options)
  end
  output.flush()
  if output.last_note then
    output.note(output.last_note)
  end
  return code
end

--- Runs the command and ends the process.
---@param words string[] of the command line
function main.run(words)
  local terminal = load_terminal()
  terminal.open_standard()
  io.stdout:setvbuf "full"
  local ok, problem = terminal.guard(run, words)
  local code = ok and (type(problem) == "number" and problem or 0)
  if not ok and not terminal.caught() then
    code = report(problem, wants_json(words))
  end
  local number = terminal.caught()
  if number then
    require("mic.command.cleanup").run()
    terminal.end_by(number)
  end
  os.exit(code)
end

return main
