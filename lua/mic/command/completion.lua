--- `mic completion SHELL`: a script that completes what is typed, from the data in arguments and
--- the table of endpoints. Completing sends nothing; it reads the names of profiles from the
--- configuration file.

local arguments = require "mic.command.arguments"
local failure = require "mic.command.failure"
local output = require "mic.command.output"
local rows = require "mic.api.rows"

local completion = {}

--- What completes the value of an option, by the name of that value.
local kinds = { FILE = "files", ["TEXT|@FILE|-"] = "data" }

local PROFILES = [=[
sed -n 's/^[[:space:]]*\[profile[[:space:]]\{1,\}\([^][:space:]]*\)[[:space:]]*\].*/\1/p' \
    "${MIC_CONFIG:-${XDG_CONFIG_HOME:-$HOME/.config}/lua-mic/config}" 2>/dev/null]=]

local function sorted(set)
  local list = {}
  for name in pairs(set) do
    list[#list + 1] = name
  end
  table.sort(list)
  return list
end

--- The paths of a method, those with a parameter up to it.
local function paths_of(method)
  local found = {}
  method = method == "HEAD" and "GET" or method
  for _, row in ipairs(rows.builtin().list) do
    if (not method or row.method == method) and not row.discovery then
      found[row.path:match "^[^{]*"] = true
    end
  end
  return sorted(found)
end

--- The commands of the API by name, and their calls.
local function add_named(list)
  local index = rows.builtin()
  local calls = {}
  for _, row in ipairs(index.list) do
    local collection, method = rows.split(row.name)
    if not row.unnamed then
      calls[collection or method] = calls[collection or method] or {}
      calls[collection or method][collection and method or ""] = true
    end
  end
  for name, methods in pairs(calls) do
    local command = arguments.find(name)
    local typed = name:gsub("_", "-")
    if command and not list[typed] then
      methods[""] = nil
      local words = sorted(methods)
      for at, word in ipairs(words) do
        words[at] = word:gsub("_", "-")
      end
      list[typed] = { name = typed, summary = command.summary, command = command,
        words = { words } }
    end
  end
end

--- The names of all calls, and of their groups.
local function calls()
  local found = {}
  for _, row in ipairs(rows.builtin().list) do
    if not row.unnamed then
      found[row.name], found[(row.name:gsub("%..*", ""))] = true, true
    end
  end
  return sorted(found)
end

--- What completes the arguments of a command: lists of words, or the name of what does.
local function words_of(command)
  local words = {}
  for at, argument in ipairs(command.arguments or {}) do
    if argument.words == "calls" then
      words[at] = calls()
    elseif argument.words then
      words[at] = argument.words
    elseif argument[2] == "PATH" then
      words[at] = paths_of(command.verb)
    elseif argument[2] == "FILE" then
      words[at] = "files"
    elseif argument[2] == "COMMAND" then
      words[at] = "commands"
    end
  end
  return words
end

--- All commands, sorted: name, summary, options (of arguments), words.
local function all_commands()
  local list = {}
  for _, command in ipairs(arguments.commands) do
    list[command.name] = { name = command.name, summary = command.summary, command = command,
      words = words_of(command) }
  end
  add_named(list)
  local names = sorted(list)
  local commands = {}
  for at, name in ipairs(names) do
    commands[at] = list[name]
    commands[at].options = {}
    for _, key in ipairs(arguments.option_keys(list[name].command)) do
      table.insert(commands[at].options, arguments.options[key])
    end
  end
  return commands, names
end

--- What completes the value of an option: a list of words, the name of what does, or nil.
local function values_of(option)
  return option.choices or option == arguments.options.profile and "profiles" or kinds[option.takes]
end

local function options_with_values()
  local list = {}
  for _, key in ipairs(sorted(arguments.options)) do
    local option = arguments.options[key]
    if option.takes then
      list[#list + 1] = option
    end
  end
  return list
end

local function names_with_values(separator)
  local names = {}
  for _, option in ipairs(options_with_values()) do
    names[#names + 1] = table.concat(option, separator)
  end
  return table.concat(names, separator)
end

--- Options that may stand before a command.
local function leading_options()
  local list = {}
  for _, key in ipairs { "help", "version" } do
    list[#list + 1] = arguments.options[key]
  end
  return list
end

local function option_names(options)
  local names = {}
  for _, option in ipairs(options) do
    names[#names + 1] = table.concat(option, " ")
  end
  return table.concat(names, " ")
end

--- The commands with the same options: names, and the options.
local function by_options(commands)
  local groups, known = {}, {}
  for _, command in ipairs(commands) do
    local key = option_names(command.options)
    if not known[key] then
      known[key] = { names = {}, options = command.options }
      groups[#groups + 1] = known[key]
    end
    table.insert(known[key].names, command.name)
  end
  return groups
end

--- Calls a function with the name of each command, the number of an argument and what completes it.
local function each_words(commands, task)
  for _, command in ipairs(commands) do
    for at = 1, #(command.command.arguments or {}) do
      local words = command.words[at]
      if words and (type(words) == "string" or #words > 0) then
        task(command.name, at - 1, words)
      end
    end
  end
end

--- Fills a script: a name in double braces is replaced by a text, or by the lines of a list.
local function fill(script, lists)
  return (script:gsub("{{(%u+)}}", function(name)
    local list = lists[name:lower()]
    return type(list) == "table" and table.concat(list, "\n") or list
  end))
end

local BASH = [=[
# Completion of mic for bash: source <(mic completion bash)
_mic_profiles() {
  {{PROFILES}}
}

_mic() {
  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
  local command='' count=0 index=1 words='' IFS=$' \t\n'
  COMPREPLY=()
  if [ "$current" = = ]; then
    current=''
  elif [ "$previous" = = ]; then
    previous=${COMP_WORDS[COMP_CWORD - 2]}
  fi
  while [ "$index" -lt "$COMP_CWORD" ]; do
    case ${COMP_WORDS[index]} in
      {{TAKING}})
        index=$((index + 1))
        [ "${COMP_WORDS[index]}" = = ] && index=$((index + 1)) ;;
      -*) ;;
      *)
        if [ -z "$command" ]; then
          command=${COMP_WORDS[index]}
        else
          count=$((count + 1))
        fi ;;
    esac
    index=$((index + 1))
  done
  case $previous in
{{VALUES}}
    {{TAKING}}) return ;;
  esac
  case $current in
    -*)
      case $command in
{{OPTIONS}}
      esac ;;
    *)
      case $command:$count in
{{WORDS}}
      esac ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
  if [ "${#COMPREPLY[@]}" = 1 ] && [ "${COMPREPLY[0]%/}" != "${COMPREPLY[0]}" ]; then
    compopt -o nospace 2>/dev/null
  fi
}

_mic_files() {
  local IFS=$'\n'
  compopt -o filenames 2>/dev/null
  COMPREPLY=($(compgen -f -- "$1"))
}

_mic_data() {
  local IFS=$'\n'
  if [ "${1#@}" != "$1" ]; then
    COMPREPLY=($(compgen -f -P @ -- "${1#@}"))
  fi
}

complete -F _mic mic
]=]

--- Quotes a text in single quotes for a shell.
local function quoted(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

local function bash_words(words)
  if words == "files" then
    return '_mic_files "$current"; return'
  elseif words == "data" then
    return '_mic_data "$current"; return'
  elseif words == "profiles" then
    return "words=$(_mic_profiles)"
  end
  return "words=" .. quoted(table.concat(words, " "))
end

local function bash()
  local commands, names = all_commands()
  local lists = { profiles = PROFILES, taking = names_with_values "|", values = {}, options = {},
    words = {} }
  for _, option in ipairs(options_with_values()) do
    local values = values_of(option)
    if values then
      local action = bash_words(values)
      if values ~= "files" and values ~= "data" then
        action = action .. '; COMPREPLY=($(compgen -W "$words" -- "$current")); return'
      end
      table.insert(lists.values, ("    %s) %s ;;"):format(table.concat(option, "|"), action))
    end
  end
  table.insert(lists.options, ("        '') words=%s ;;")
    :format(quoted(option_names(leading_options()))))
  table.insert(lists.words, ("        :0) words=%s ;;"):format(quoted(table.concat(names, " "))))
  for _, group in ipairs(by_options(commands)) do
    table.insert(lists.options, ("        %s) words=%s ;;"):format(table.concat(group.names, "|"),
      quoted(option_names(group.options))))
  end
  each_words(commands, function(name, at, words)
    table.insert(lists.words, ("        %s:%d) %s ;;"):format(name, at,
      bash_words(words == "commands" and names or words)))
  end)
  return fill(BASH, lists)
end

local ZSH = [=[
#compdef mic
# Completion of mic for zsh: source <(mic completion zsh), or this as _mic in a folder of $fpath
_mic_profiles() {
  {{PROFILES}}
}

_mic() {
  local command= previous=${words[CURRENT - 1]} word
  local -a list
  integer count=0 index=2
  while (( index < CURRENT )); do
    word=${words[index]}
    case $word in
      ({{TAKING}}) (( index += 1 )) ;;
      (-*) ;;
      (*)
        if [[ -z $command ]]; then
          command=$word
        else
          (( count += 1 ))
        fi ;;
    esac
    (( index += 1 ))
  done
  if [[ $PREFIX == --*=* ]]; then
    previous=${PREFIX%%=*}
    compset -P '*='
  fi
  case $previous in
{{VALUES}}
    ({{TAKING}}) return 1 ;;
  esac
  if [[ $PREFIX == -* ]]; then
    case $command in
{{OPTIONS}}
    esac
    _describe -o option list
  else
    case $command:$count in
{{WORDS}}
    esac
  fi
}

if [[ $funcstack[1] == _mic ]]; then
  _mic "$@"
else
  compdef _mic mic
fi
]=]

local function zsh_words(words)
  if words == "files" then
    return "_files"
  elseif words == "data" then
    return "compset -P @ && _files"
  elseif words == "profiles" then
    return 'compadd -- ${(f)"$(_mic_profiles)"}'
  end
  local whole, parts = {}, {}
  for _, word in ipairs(words) do
    table.insert(word:find "/$" and parts or whole, word)
  end
  local added = {}
  if #whole > 0 then
    added[#added + 1] = "compadd -- " .. table.concat(whole, " ")
  end
  if #parts > 0 then
    added[#added + 1] = "compadd -S '' -- " .. table.concat(parts, " ")
  end
  return table.concat(added, "; ")
end

local function zsh_options(options)
  local items = {}
  for _, option in ipairs(options) do
    for _, name in ipairs(option) do
      items[#items + 1] = quoted(name .. ":" .. option.text)
    end
  end
  return "list=(" .. table.concat(items, " ") .. ")"
end

local function zsh()
  local commands = all_commands()
  local lists = { profiles = PROFILES, taking = names_with_values "|", values = {}, options = {},
    words = {} }
  for _, option in ipairs(options_with_values()) do
    local values = values_of(option)
    if values then
      table.insert(lists.values, ("    (%s) %s; return ;;"):format(table.concat(option, "|"),
        zsh_words(values)))
    end
  end
  local described = {}
  for _, command in ipairs(commands) do
    described[#described + 1] = quoted(command.name .. ":" .. command.summary)
  end
  local describe = ("list=(%s); _describe command list"):format(table.concat(described, " "))
  table.insert(lists.options, ("      ('') %s ;;"):format(zsh_options(leading_options())))
  table.insert(lists.words, ("      (:0) %s ;;"):format(describe))
  for _, group in ipairs(by_options(commands)) do
    table.insert(lists.options, ("      (%s) %s ;;"):format(table.concat(group.names, "|"),
      zsh_options(group.options)))
  end
  each_words(commands, function(name, at, words)
    table.insert(lists.words, ("      (%s:%d) %s ;;"):format(name, at,
      words == "commands" and describe or zsh_words(words)))
  end)
  return fill(ZSH, lists)
end

local FISH = [=[
# Completion of mic for fish: mic completion fish | source
function __mic_profiles
  set -l folder ~/.config
  test -n "$XDG_CONFIG_HOME"; and set folder $XDG_CONFIG_HOME
  set -l file $folder/lua-mic/config
  test -n "$MIC_CONFIG"; and set file $MIC_CONFIG
  test -r $file; and string replace -rf '^\s*\[profile\s+([^]\s]*)\s*\].*' '$1' <$file
end

# The words before the cursor that are no options, and no values of them.
function __mic_words
  set -l skip 0
  for word in (commandline -opc)[2..-1]
    if test $skip = 1
      set skip 0
      continue
    end
    switch $word
      case {{TAKING}}
        set skip 1
      case '-*'
      case '*'
        echo $word
    end
  end
end

# True behind a command and as many arguments.
function __mic_at
  set -l words (__mic_words)
  test (count $words) -eq (math $argv[2] + 1); and test "$words[1]" = $argv[1]
end

# True behind one of the commands, or, without arguments, before any.
function __mic_is
  set -l words (__mic_words)
  if test (count $words) -eq 0
    test (count $argv) -eq 0
  else
    contains -- $words[1] $argv
  end
end

complete -c mic -f
complete -c mic -n '__mic_is' -s h -l help -d 'show help'
complete -c mic -n '__mic_is' -l version -d 'show the version'
{{COMMANDS}}
{{OPTIONS}}
{{WORDS}}
]=]

local NO_COMMAND = "'__mic_is'"

local function fish_quoted(text)
  return "'" .. text:gsub("[\\']", "\\%0") .. "'"
end

local function fish_words(words)
  if words == "files" then
    return "-F"
  elseif words == "data" then
    return "-x"
  elseif words == "profiles" then
    return "-x -a '(__mic_profiles)'"
  end
  return "-x -a " .. fish_quoted(table.concat(words, " "))
end

local function fish_option(option, users)
  local words = { ("complete -c mic -n '__mic_is %s'"):format(table.concat(users, " ")) }
  for _, name in ipairs(option) do
    words[#words + 1] = name:find "^%-%-" and "-l " .. name:sub(3) or "-s " .. name:sub(2)
  end
  if option.takes then
    local values = values_of(option)
    words[#words + 1] = not values and "-x" or values == "files" and "-r -F" or fish_words(values)
  end
  words[#words + 1] = "-d " .. fish_quoted(option.text)
  return table.concat(words, " ")
end

local function fish()
  local commands, names = all_commands()
  local lists = { taking = names_with_values " ", commands = {}, options = {}, words = {} }
  local users = {}
  for _, command in ipairs(commands) do
    table.insert(lists.commands, ("complete -c mic -n %s -a %s -d %s"):format(NO_COMMAND,
      command.name, fish_quoted(command.summary)))
    for _, option in ipairs(command.options) do
      users[option] = users[option] or {}
      table.insert(users[option], command.name)
    end
  end
  each_words(commands, function(name, at, words)
    table.insert(lists.words, ("complete -c mic -n '__mic_at %s %d' %s"):format(name, at,
      fish_words(words == "commands" and names or words)))
  end)
  for _, key in ipairs(sorted(arguments.options)) do
    local option = arguments.options[key]
    if users[option] then
      table.insert(lists.options, fish_option(option, users[option]))
    end
  end
  return fill(FISH, lists)
end

local shells = { bash = bash, zsh = zsh, fish = fish }

--- Returns the script for a shell.
---@param shell string bash, zsh or fish
---@return string|nil script nil for another shell
function completion.script(shell)
  return shells[shell] and shells[shell]()
end

--- Runs the command.
---@param _ table
---@param options table of the command line
function completion.run(_, options)
  local script = completion.script(options.shell)
  if not script then
    failure.usage("mic completion takes bash, zsh or fish (got '%s')", options.shell)
  end
  output.write(script)
end

return completion
