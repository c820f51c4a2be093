--- Help on the terminal, from the data in arguments.

local arguments = require "mic.command.arguments"
local failure = require "mic.command.failure"
local output = require "mic.command.output"

local help = {}

local INDENT, COLUMN, MOST_WIDTH = 2, 28, 100

--- Breaks a text into lines of at most `width` columns.
local function wrap(text, width)
  local lines, line = {}, ""
  for word in text:gmatch "%S+" do
    if line ~= "" and #line + 1 + #word > width then
      lines[#lines + 1], line = line, ""
    end
    line = line == "" and word or line .. " " .. word
  end
  lines[#lines + 1] = line
  return lines
end

local function add_row(lines, left, text, width)
  local wrapped = wrap(text, width - COLUMN)
  left = (" "):rep(INDENT) .. left
  if #left >= COLUMN - 1 then
    lines[#lines + 1] = left
    left = ""
  end
  for index, line in ipairs(wrapped) do
    left = index == 1 and left or ""
    lines[#lines + 1] = left .. (" "):rep(COLUMN - #left) .. line
  end
end

--- The names of an option and what it takes: "-q, --query EXPR".
---@param option table
---@return string
function help.option_label(option)
  local label = table.concat({ option[1], option[2] }, ", ")
  if not option[2] then
    label = "    " .. label
  end
  return option.takes and label .. " " .. option.takes or label
end

--- How a command is typed: "mic get PATH [OPTION...]".
---@param command table
---@return string
function help.usage(command)
  local words = { "mic", command.name }
  for _, argument in ipairs(command.arguments or {}) do
    local count = argument[4]
    local shown = count == "*" and argument[2] .. "..." or argument[2]
    words[#words + 1] = count and "[" .. shown .. "]" or shown
  end
  return command.usage or table.concat(words, " ") .. " [OPTION...]"
end

--- What a command does, as a sentence or more.
---@param command table
---@return string
function help.description(command)
  return (command.summary:gsub("^%l", string.upper)) .. "."
    .. (command.text and " " .. command.text or "")
end

local function add_text(lines, text, width)
  for _, line in ipairs(wrap(text, width)) do
    lines[#lines + 1] = line
  end
end

local function add_examples(lines, examples)
  if examples then
    lines[#lines + 1] = ""
    lines[#lines + 1] = "Examples:"
    for _, example in ipairs(examples) do
      lines[#lines + 1] = (" "):rep(INDENT) .. example
    end
  end
end

--- Adds the calls of a name: "mic users get NAME", and what each does.
local function add_calls(lines, command, width)
  local named, rows = require "mic.command.named", require "mic.api.rows"
  lines[#lines + 1] = ""
  lines[#lines + 1] = "Calls:"
  for _, row in ipairs(rows.builtin().list) do
    local collection, method = rows.split(row.name)
    if (collection or method) == command.api_name and not row.unnamed then
      add_row(lines, (named.usage(row):gsub("^mic ", "")), row.summary:gsub("^%u", string.lower),
        width)
    end
  end
end

local function of_command(command, width)
  local lines = { "Usage: " .. help.usage(command), "" }
  add_text(lines, help.description(command), width)
  if command.arguments then
    lines[#lines + 1] = ""
    for _, argument in ipairs(command.arguments) do
      add_row(lines, argument[2], argument[3], width)
    end
  end
  if command.api_name then
    add_calls(lines, command, width)
  end
  lines[#lines + 1] = ""
  lines[#lines + 1] = "Options:"
  for _, key in ipairs(arguments.option_keys(command)) do
    local option = arguments.options[key]
    add_row(lines, help.option_label(option), option.text, width)
  end
  add_examples(lines, command.examples)
  return lines
end

local function of_all(width)
  local lines = { "Usage: mic COMMAND [ARGUMENT...] [OPTION...]", "" }
  add_text(lines, arguments.summary, width)
  local group
  for _, command in ipairs(arguments.commands) do
    if command.group ~= group then
      group = command.group
      lines[#lines + 1] = ""
      lines[#lines + 1] = group .. ":"
    end
    add_row(lines, command.name, command.summary, width)
  end
  lines[#lines + 1] = ""
  lines[#lines + 1] = "Endpoints:"
  add_row(lines, "NAME CALL [ARGUMENT...]", "such as mic users get anna; mic api lists all",
    width)
  add_examples(lines, arguments.examples)
  lines[#lines + 1] = ""
  lines[#lines + 1] = "Exit codes:"
  for _, code in ipairs(arguments.codes) do
    add_row(lines, ("%d"):format(code[1]), code[2], width)
  end
  lines[#lines + 1] = ""
  lines[#lines + 1] = "mic COMMAND --help shows the options of a command. man mic shows the manual."
  return lines
end

--- Shows the help of a command, or of all.
---@param command table|nil
function help.show(command)
  local width = math.min(output.width(), MOST_WIDTH)
  local lines = command and of_command(command, width) or of_all(width)
  output.write(table.concat(lines, "\n"), "\n")
end

--- The command `help`.
---@param _ table
---@param options table topic
function help.run(_, options)
  local command = options.topic and arguments.find(options.topic)
  if options.topic and not command then
    failure.usage("there is no command '%s'; mic --help lists them all", options.topic)
  end
  help.show(command)
end

return help
