--- Parser of the command line, over the data in arguments. Options stand anywhere, before the
--- command too; what follows one that takes a value is the value, whatever it looks like.

local arguments = require "mic.command.arguments"
local failure = require "mic.command.failure"

local parser = {}

--- Keys of options by their names, such as "-q" and "--query".
local function names_of_options()
  local found = {}
  for key, option in pairs(arguments.options) do
    for _, name in ipairs(option) do
      found[name] = key
    end
  end
  return found
end

local function did_you_mean(name, known)
  local near = require("mic.options").near_miss(name, known)
  return near and ("; did you mean '%s'?"):format(near) or ""
end

local function to_number(name, option, text)
  local number = text:find "^%d*%.?%d+$" and tonumber(text)
  local is_whole = option.number == "whole"
  if not number or number <= 0 or (is_whole and number % 1 ~= 0) then
    failure.usage("%s needs %s (got '%s')", name,
      is_whole and "a whole number from 1" or "a positive number", text)
  end
  return number
end

local function check_choice(name, option, text)
  for _, choice in ipairs(option.choices) do
    if text == choice then
      return
    end
  end
  failure.usage("%s must be one of %s (got '%s')", name, table.concat(option.choices, ", "), text)
end

--- Takes an option with its value.
local function set(state, key, name, value)
  local option, given = arguments.options[key], state.options
  state.used[key] = state.used[key] or name
  if option.counts then
    given[key] = (given[key] or 0) + 1
  elseif not option.takes then
    given[key] = true
  elseif option.entry then
    given.entries = given.entries or {}
    table.insert(given.entries, { text = value, typed = option.entry == "typed", option = name })
  elseif option.many then
    given[key] = given[key] or {}
    table.insert(given[key], value)
  else
    if given[key] ~= nil then
      failure.usage("%s is given twice", name)
    elseif value == "" and not option.may_be_empty then
      failure.usage("%s needs a value (got an empty one)", name)
    elseif option.choices then
      check_choice(name, option, value)
    elseif option.number then
      value = to_number(name, option, value)
    end
    given[key] = value
  end
end

--- Takes the next word as the value of an option.
local function next_word(state, name)
  local word = state.words[state.at + 1]
  if not word then
    failure.usage("%s needs a value", name)
  end
  state.at = state.at + 1
  return word
end

--- What other tools take as an option, and this one does not: other users can see a command line.
local instead = {
  ["--password"] = "--password-stdin, MIC_PASSWORD_FILE or MIC_PASSWORD",
  ["--api-key"] = "MIC_API_KEY, or api_key in the configuration file",
  ["--client-secret"] = "MIC_CLIENT_SECRET, or client_secret in the configuration file",
  ["--token"] = "mic login --row bearer --password-stdin",
}

local function refuse_long(state, name)
  if instead[name] then
    failure.usage("there is no option '%s': other users could read its value; use %s", name,
      instead[name])
  end
  failure.usage("there is no option '%s'%s", name, did_you_mean(name, state.names))
end

local function read_long(state, word)
  local name, value = word:match "^(%-%-[^=]*)=(.*)$"
  name = name or word
  local key = state.names[name]
  if not key then
    refuse_long(state, name)
  end
  local takes = arguments.options[key].takes
  if value and not takes then
    failure.usage("%s takes no value", name)
  end
  set(state, key, name, takes and (value or next_word(state, name)))
end

--- Reads letters: -iv, -q.a, -q .a
local function read_short(state, word)
  local at = 2
  while at <= #word do
    local name = "-" .. word:sub(at, at)
    local key = state.names[name]
    if not key then
      failure.usage("there is no option '%s'%s", name,
        #word > 2 and " in '" .. word .. "'" or "")
    end
    local rest = word:sub(at + 1)
    if arguments.options[key].takes then
      set(state, key, name, rest ~= "" and rest or next_word(state, name))
      return
    end
    set(state, key, name)
    at = at + 1
  end
end

local function check_used(state, command)
  local allowed = {}
  for _, key in ipairs(arguments.option_keys(command)) do
    allowed[key] = true
  end
  for key, name in pairs(state.used) do
    if not allowed[key] then
      failure.usage("mic %s has no option %s", command.name, name)
    end
  end
end

--- Gives the words that are no options to the command's arguments.
local function set_arguments(state, command)
  local at, plain = 2, state.plain
  for _, argument in ipairs(command.arguments or {}) do
    local key, shown, count = argument[1], argument[2], argument[4]
    if count == "*" then
      local rest = {}
      for index = at, #plain do
        rest[#rest + 1] = plain[index]
      end
      state.options[key], at = rest, #plain + 1
    elseif plain[at] then
      state.options[key], at = plain[at], at + 1
    elseif count ~= "?" then
      failure.usage("mic %s needs %s", command.name, shown)
    end
  end
  if plain[at] then
    failure.usage("mic %s: unexpected argument '%s'", command.name, plain[at])
  end
end

local function find_command(name)
  local command = arguments.find(name)
  if command then
    return command
  end
  local known = {}
  for api_name in pairs(require("mic.api.names").all()) do
    known[api_name:gsub("_", "-")] = true
  end
  for _, each in ipairs(arguments.commands) do
    known[each.name] = true
  end
  local near = did_you_mean(name, known)
  failure.usage("there is no command '%s'%s", name,
    near ~= "" and near or "; mic --help lists them all")
end

--- Parses the words.
---@param words string[]
---@return table|nil command nil if there is none
---@return table options by key, arguments too
function parser.parse(words)
  local state = { words = words, at = 1, names = names_of_options(), options = {}, plain = {},
    used = {} }
  while state.at <= #words do
    local word = words[state.at]
    if word == "--" then
      for index = state.at + 1, #words do
        table.insert(state.plain, words[index])
      end
      break
    elseif word:find "^%-%-" then
      read_long(state, word)
    elseif word:find "^%-." then
      read_short(state, word)
    else
      table.insert(state.plain, word)
    end
    state.at = state.at + 1
  end
  local name = state.plain[1]
  local command = name and find_command(name)
  if not command or state.options.help then
    if not command and not state.options.help and not state.options.version then
      failure.usage "no command given; mic --help lists them all"
    end
    return command, state.options
  end
  check_used(state, command)
  set_arguments(state, command)
  return command, state.options
end

return parser
