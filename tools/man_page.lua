--- Writes man/mic.1 to standard output, from the data of the command line: `make man/mic.1`.

package.path = "lua/?.lua;" .. package.path

local arguments = require "mic.command.arguments"

local DATE, WIDTH = "2026-11-30", 78

--- The version, from the header that defines it.
local function version()
  for line in io.lines "src/core/base.h" do
    local found = line:match '^#define MIC_VERSION "(.*)"'
    if found then
      return found
    end
  end
end

local DESCRIPTION = {
  "mic sends calls to the API of Telenor's Managed IoT Cloud (MIC), or to another API with a "
    .. "login. It stores the credentials and refreshes the token.",
  "Standard output has the response body and nothing else. It is empty after an error. With "
    .. "--paginate and in a batch, what was printed before the error remains. Errors, notes, "
    .. "headers and progress go to standard error. Only mic batch, and an option or argument that "
    .. "names it, read standard input.",
  "On a terminal, JSON is indented and coloured. In a pipe or a file, the output has the bytes of "
    .. "the server. Options may stand before or after the command and its arguments. Arguments "
    .. "after -- are not options.",
}

local FIELDS = {
  "-f NAME=TEXT and -F NAME=VALUE set the members of the body of post, put and patch, and of the "
    .. "query of get, head and delete. The value of -f is a string. The value of -F is JSON if it "
    .. "is true, false, null, a number without leading zeros, an array or an object; otherwise it "
    .. "is a string. With -F, NAME=@FILE reads a string from a file, and NAME=@- from standard "
    .. "input.",
  'A name may have brackets: a[b]=1 is {"a":{"b":1}}, a[]=1 adds to an array, a[] without = is an '
    .. "empty array. A name that is given twice is an error. A number that a double cannot hold is "
    .. "an error, too.",
}

local EXPRESSIONS = {
  "The expressions of -q are a part of the language of jq(1). -q prints the same as jq -r -c. If "
    .. "it does not know an expression, it prints an error that shows the position.",
  "It has paths (.a.b, .\"odd name\", .[0], .[-1], .[], ?), |, the comma, [...], {a, b: .c}, "
    .. "parentheses, literals, length, keys, first, select(...), the comparisons == != < <= > >=, "
    .. "and, or, not, @tsv and @csv. Numbers keep their digits. For other expressions pipe the "
    .. "output into jq.",
}

local VARIABLES = {
  { "MIC_BASE_URL", "base URL of the API; no profile is used then" },
  { "MIC_STACK", "host name of a stack, instead of MIC_BASE_URL" },
  { "MIC_API_KEY, MIC_USERNAME, MIC_PASSWORD, MIC_PASSWORD_FILE", "API key, user name, password, "
    .. "and a file with the password" },
  { "MIC_API, MIC_AUTH_URL, MIC_CLIENT_ID, MIC_CLIENT_SECRET, MIC_SCOPE", "API profile of another "
    .. "API, URL of its login, client ID, client secret and scope" },
  { "MIC_CA_FILE", "file with certificate authorities" },
  { "MIC_CREDENTIALS", "file of the credential store" },
  { "MIC_PROFILE, MIC_CONFIG", "name of a profile, and path of the configuration file" },
  { "MIC_DEBUG, MIC_DEBUG_FILE", "1, headers or bodies: show the requests and responses; file to "
    .. "which they are written" },
  { "MIC_JSON_ERRORS", "1: print errors as --json-errors does" },
  { "NO_COLOR, CLICOLOR_FORCE", "no colours; colours in a pipe, too" },
}

local FILES = {
  { "$XDG_CONFIG_HOME/lua-mic/config", "profiles; by default below ~/.config" },
  { "$XDG_STATE_HOME/lua-mic", "credentials; by default below ~/.local/state" },
}

local escapes = { ["\\"] = "\\e", ["-"] = "\\-", ["'"] = "\\(aq", ["`"] = "\\(ga", ["^"] = "\\(ha",
  ["~"] = "\\(ti" }

local function escaped(text)
  text = text:gsub("…", "..."):gsub("[\\%-'`^~]", escapes)
  return (text:gsub("^%.", "\\&."))
end

local function bold(text)
  return "\\fB" .. escaped(text) .. "\\fR"
end

local lines = {}

local function add(text)
  lines[#lines + 1] = text
end

local function section(name)
  add(".SH " .. name)
end

--- Adds a paragraph. A sentence begins a line, as roff wants it.
local function paragraph(text)
  local sentences = text:gsub("([%.%)]) (%u)", "%1\n%2")
  for sentence in sentences:gmatch "[^\n]+" do
    local line
    for plain in sentence:gmatch "%S+" do
      local word = escaped(plain)
      if line and #line + 1 + #word > WIDTH then
        add(line)
        line = nil
      end
      line = line and line .. " " .. word or word
    end
    add(line)
  end
end

local function paragraphs(list)
  for at, text in ipairs(list) do
    if at > 1 then
      add ".PP"
    end
    paragraph(text)
  end
end

local function item(label, text)
  add ".TP"
  add(label)
  paragraph(text)
end

local function sentence(text)
  return (text:gsub("^%l", string.upper)) .. "."
end

local function items(list)
  for _, row in ipairs(list) do
    item(bold(tostring(row[1])), sentence(row[2]))
  end
end

local function examples(list)
  add ".nf"
  add ".RS"
  for _, example in ipairs(list) do
    add(escaped(example))
  end
  add ".RE"
  add ".fi"
end

local function option_label(option)
  local names = {}
  for at, name in ipairs(option) do
    names[at] = bold(name)
  end
  return table.concat(names, ", ") .. (option.takes and " " .. escaped(option.takes) or "")
end

local function usage(command)
  if command.usage then
    return bold(command.usage)
  end
  local words = { bold("mic " .. command.name) }
  for _, argument in ipairs(command.arguments or {}) do
    local shown = argument[2] .. (argument[4] == "*" and "..." or "")
    words[#words + 1] = escaped(argument[4] and "[" .. shown .. "]" or shown)
  end
  return table.concat(words, " ")
end

--- The options of a command that others do not all have.
local function own_options(command, common)
  local names = {}
  for _, key in ipairs(arguments.option_keys(command)) do
    if not common[key] then
      names[#names + 1] = bold(arguments.options[key][1])
    end
  end
  return names
end

local COMMON = { "profile", "stack", "url", "ca_file", "config", "verbose", "silent", "json_errors",
  "color", "help", "version" }

local function commands()
  local common, group = {}, nil
  for _, key in ipairs(COMMON) do
    common[key] = true
  end
  for _, command in ipairs(arguments.commands) do
    if command.group ~= group then
      group = command.group
      add(".SS " .. group)
    end
    item(usage(command), sentence(command.summary) .. (command.text and " " .. command.text or ""))
    local own = own_options(command, common)
    for at, name in ipairs(own) do
      own[at] = name .. (at < #own and "," or ".")
    end
    if #own > 0 then
      add "Options:"
      add(table.concat(own, "\n"))
    end
  end
  add ".TP"
  add(bold "mic" .. " NAME CALL [ARGUMENT...]")
  paragraph "Call an endpoint by name, such as mic users get anna. mic api lists the endpoints."
end

local function options()
  local listed, seen = {}, {}
  local function collect(keys)
    for _, key in ipairs(keys) do
      if not seen[key] then
        listed[#listed + 1], seen[key] = key, true
      end
    end
  end
  collect(COMMON)
  for _, command in ipairs(arguments.commands) do
    collect(arguments.option_keys(command))
  end
  for _, key in ipairs(listed) do
    local option = arguments.options[key]
    item(option_label(option), sentence(option.text))
  end
end

local function all_examples()
  local list = {}
  for _, example in ipairs(arguments.examples) do
    list[#list + 1] = example
  end
  for _, command in ipairs(arguments.commands) do
    for _, example in ipairs(command.examples or {}) do
      list[#list + 1] = example
    end
  end
  return list
end

add('.\\" Written by tools/man_page.lua.')
add((".TH MIC 1 %s \"lua\\-mic %s\""):format(DATE, version()))
section "NAME"
add "mic \\- send calls to an API with a login"
section "SYNOPSIS"
add(bold "mic" .. " COMMAND [ARGUMENT...] [OPTION...]")
section "DESCRIPTION"
paragraphs(DESCRIPTION)
section "COMMANDS"
commands()
section "OPTIONS"
options()
section "FIELDS"
paragraphs(FIELDS)
section "EXPRESSIONS"
paragraphs(EXPRESSIONS)
add ".PP"
examples(arguments.expressions)
section "ENVIRONMENT"
items(VARIABLES)
section "FILES"
items(FILES)
section '"EXIT STATUS"'
items(arguments.codes)
section "EXAMPLES"
examples(all_examples())
section '"SEE ALSO"'
add "jq(1), curl(1)"

io.write(table.concat(lines, "\n"), "\n")
