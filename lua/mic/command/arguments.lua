--- The command line as data: options, commands, exit codes. Parser, help, completion and man page
--- are made from it.

local arguments = {}

arguments.summary = "Talks to the API of Telenor's Managed IoT Cloud, and to any API with a login. "
  .. "Standard output has the answer and nothing else; it is empty after an error."

arguments.examples = {
  "mic login --stack HOST",
  "mic get /users/anna",
  "mic get '/users?category=all'",
  "mic post /things/find -d @query.json",
}

--- Examples of -q.
arguments.expressions = {
  ".email",
  ".users[].email",
  ".users[] | select(.roleName == \"Read\") | {email, domain: .domainName}",
  "[.timestamp, .state.temperature] | @tsv",
}

--- Options by key, the key of their value. `takes`: what follows the name; `may_be_empty`; `many`:
--- may be repeated, the value is a list; `entry`: may be repeated, the values of all of these are
--- one list, `entries`; `counts`: may be repeated, the value is a number; `number`: "positive" or
--- "whole".
arguments.options = {
  help = { "-h", "--help", text = "show help" },
  version = { "--version", text = "show the version" },
  profile = { "--profile", takes = "NAME", text = "section of the configuration file" },
  stack = { "--stack", takes = "HOST", text = "host name of a stack" },
  url = { "--url", takes = "URL", text = "base URL of an API" },
  ca_file = { "--ca-file", takes = "FILE", text = "trust the certificate authorities of a file" },
  config = { "--config", takes = "FILE", text = "another configuration file" },
  verbose = { "-v", "--verbose", counts = true,
    text = "show what is sent: a line per attempt; -vv: headers too, secrets masked" },
  silent = { "-s", "--silent", text = "no notes and no progress; errors stay" },
  json_errors = { "--json-errors", text = "report an error as one JSON object" },
  color = { "--color", takes = "WHEN", choices = { "auto", "always", "never" },
    text = "colours: auto, always, never" },
  timeout = { "--timeout", takes = "SECONDS", number = "positive",
    text = "longest time of one attempt" },
  deadline = { "--deadline", takes = "SECONDS", number = "positive",
    text = "longest time of a call with its retries" },
  retry = { "--retry", takes = "N", number = "whole", text = "send a call at most N times" },
  no_retry = { "--no-retry", text = "send a call once" },
  idempotent = { "--idempotent", text = "this call may be sent twice, so retry it" },

  params = { "-p", "--param", takes = "NAME=VALUE", many = true,
    text = "fill {NAME} of the path" },
  field = { "-f", "--text-field", takes = "NAME=TEXT", entry = "text",
    text = "member of the body, or of the query of get, head and delete; a text" },
  typed_field = { "-F", "--typed-field", takes = "NAME=VALUE", entry = "typed",
    text = "the same, typed by the grammar of JSON; @FILE and @- read the value" },
  data = { "-d", "--data", takes = "TEXT|@FILE|-", may_be_empty = true,
    text = "body as it is; - reads standard input" },
  header = { "-H", "--header", takes = "'NAME: VALUE'", many = true, text = "request header" },
  include = { "-i", "--include", text = "show status and headers on standard error" },
  query = { "-q", "--query", takes = "EXPR", text = "print a part of the answer, as jq -r does" },
  output = { "-o", "--output", takes = "FILE",
    text = "write the answer to a file; - is standard output" },
  pretty = { "--pretty", text = "indent JSON, also in a pipe" },
  raw = { "--raw", text = "the server's bytes, also on a terminal" },
  error_body = { "--error-body", text = "show the body of an error answer on standard error" },
  curl = { "--curl", text = "print the curl command, without secrets; send nothing" },
  yes = { "-y", "--yes", text = "do not ask before a DELETE" },

  paginate = { "--paginate", text = "read all pages; one item a line" },
  slurp = { "--slurp", text = "with --paginate: one array of all items" },
  limit = { "--limit", takes = "N", number = "whole", text = "with --paginate: at most N items" },
  page_size = { "--page-size", takes = "N", number = "whole", text = "items per request" },
  after = { "--after", takes = "PLACE", text = "go on where a run ended" },

  thing = { "--thing", takes = "NAME", many = true, text = "of this thing" },
  type = { "--type", takes = "TYPE", many = true, text = "of this thing type" },
  since = { "--since", takes = "TIME", text = "not before: a date, or 24h, 30m, 7d before now" },
  till = { "--until", takes = "TIME", text = "not after; likewise" },
  fields = { "--field", takes = "NAME", many = true, text = "only this member of a document" },
  size = { "--size", takes = "N", number = "whole", text = "at most N documents in the answer" },

  username = { "-u", "--username", takes = "NAME", text = "user name" },
  password_stdin = { "--password-stdin", text = "read the password from standard input" },
  row = { "--row", takes = "NAME", text = "another API: the name of its row" },
  auth_url = { "--auth-url", takes = "URL", text = "another API: where it logs in" },
  client_id = { "--client-id", takes = "ID", text = "another API: the client's id" },
  scope = { "--scope", takes = "TEXT", text = "another API: the scope to ask for" },
  concurrency = { "-c", "--concurrency", takes = "N", number = "whole",
    text = "most calls at the same time; 16" },
  headers = { "--headers", text = "the headers of a call, a line each, for curl -H @FILE" },
  show = { "--show", text = "show it on a terminal, too" },
  diff = { "--diff", text = "compare with what the API says of itself" },
  all = { "--all", text = "of every profile" },
  check = { "--check", text = "ask the API as well" },
  json = { "--json", text = "as JSON" },
}

local common = { "profile", "stack", "url", "ca_file", "config", "verbose", "silent", "json_errors",
  "color", "help" }
local timing = { "timeout", "deadline", "retry", "no_retry" }
local body = { "params", "field", "typed_field", "data", "header", "idempotent" }
local paging = { "paginate", "slurp", "limit", "page_size", "after" }
local reading = { "query", "include", "output", "pretty", "raw", "error_body" }
local saving = { "include", "output", "raw", "error_body" }

--- Extended where the modules for them exist.
local call = { body, reading, paging, { "curl" }, timing, common }

local PATH = { "path", "PATH", "path below the base URL, such as /users/anna" }

--- Commands in the order of the help. `arguments`: key, name, text, how many ("?", "*"), and what
--- completes them in `words`, a list, "profiles" or "calls".
arguments.commands = {
  { name = "login", group = "Account", module = "mic.command.login",
    summary = "log in, and keep the credentials",
    options = { { "username", "password_stdin", "row", "auth_url", "client_id", "scope" }, common },
    text = "Asks for what is missing at the terminal, logs in, and writes the profile to the "
      .. "configuration file. The password is not kept.",
    examples = { "mic login --stack HOST" } },
  { name = "logout", group = "Account", module = "mic.command.logout",
    summary = "forget the credentials", options = { { "all" }, common } },
  { name = "whoami", group = "Account", module = "mic.command.raw", verb = "GET", path = "/user",
    summary = "show the user who is logged in", options = { timing, reading, common } },
  { name = "status", group = "Account", module = "mic.command.status",
    summary = "show whether you are logged in, and until when",
    options = { { "check", "json" }, common },
    text = "Sends nothing, unless with --check. Ends with 3 when not logged in." },
  { name = "profile", group = "Account", module = "mic.command.profile",
    summary = "list, use or remove profiles", options = { common },
    arguments = {
      { "action", "ACTION", "list, use or remove", "?", words = { "list", "use", "remove" } },
      { "name", "NAME", "the profile", "?", words = "profiles" } } },
}

arguments.commands[#arguments.commands + 1] = {
  name = "token", group = "Account", module = "mic.command.token",
  summary = "print the token, for another program",
  options = { { "headers", "show" }, common },
  text = "Renews it first, if that is due. Give it to another program by a file or a pipe, not as "
    .. "an argument, which other users can see.",
  examples = { 'curl -H @<(mic token --headers) "$(mic url /users)"' },
}

for _, row in ipairs {
  { "get", "read a resource", false,
    { "mic get /users/anna -q .email", "mic get /users --paginate -q .email" } },
  { "head", "ask for the headers alone", false },
  { "delete", "delete a resource", false },
  { "post", "send data, such as a new resource", true,
    { "mic post /things/find -F query[size]=5", "mic post /things/find -d @query.json" } },
  { "put", "replace a resource", true },
  { "patch", "change a part of a resource", true },
} do
  arguments.commands[#arguments.commands + 1] = {
    name = row[1], group = "Calls", module = "mic.command.raw", verb = row[1]:upper(),
    has_body = row[3], summary = row[2], arguments = { PATH }, examples = row[4],
    options = row[1] == "delete" and { { "yes" }, call } or { call },
  }
end

arguments.commands[#arguments.commands + 1] = {
  name = "url", group = "Calls", module = "mic.command.url", summary = "print the whole URL",
  arguments = { PATH }, options = { { "params" }, common },
}

arguments.commands[#arguments.commands + 1] = {
  name = "find", group = "Calls", module = "mic.command.search",
  summary = "search things, observations or events",
  arguments = { { "what", "WHAT", "things, observations or events",
    words = { "things", "observations", "events" } } },
  options = { { "thing", "type", "since", "till", "fields", "size", "data" }, reading, paging,
    { "curl" }, timing, common },
  examples = { "mic find observations --thing 00001570 --since 24h --paginate" },
}

arguments.commands[#arguments.commands + 1] = {
  name = "download", group = "Calls", module = "mic.command.transfer",
  summary = "fetch a file of the API", arguments = { { "key", "KEY", "key of the file" } },
  options = { saving, { "header" }, timing, common },
  examples = { "mic download logo.png -o logo.png" },
}
arguments.commands[#arguments.commands + 1] = {
  name = "upload", group = "Calls", module = "mic.command.transfer",
  summary = "send a file to the API",
  arguments = { { "file", "FILE", "file of this machine; - is standard input" },
    { "key", "KEY", "key of the file" } },
  options = { { "header", "include", "error_body" }, timing, common },
}
arguments.commands[#arguments.commands + 1] = {
  name = "batch", group = "Calls", module = "mic.command.batch",
  summary = "many calls, a JSON object a line in and out",
  arguments = { { "file", "FILE", "requests; standard input if there is none, or -", "?" } },
  options = { { "concurrency" }, common },
  text = 'A line is {"method":"GET","path":"/users/{name}","params":{…},"id":…}; it has the '
    .. "members of a call: method, path, params, query, headers, data, body. Answers come in the "
    .. "order of the requests.",
}
arguments.commands[#arguments.commands + 1] = {
  name = "api", group = "More", module = "mic.command.api_list",
  summary = "show what can be called by name",
  arguments = { { "name", "NAME", "a call such as users.get, or a group such as users", "?",
    words = "calls" } },
  options = { { "diff" }, common },
  text = "Each call of this list is a command: users.get is mic users get.",
}
arguments.commands[#arguments.commands + 1] = {
  name = "sandbox", group = "More", module = "mic.command.sandbox",
  summary = "run a local API for tests",
  usage = "mic sandbox [-- PROGRAM [ARGUMENT...]]",
  arguments = { { "command", "PROGRAM", "is run with the variables of the sandbox", "*" } },
  options = { { "json_errors", "help" } },
  text = "Without a program it prints the variables and stays until Ctrl-C. It needs nginx with "
    .. "its Lua module.",
}

--- A call by name: its command is made when it is looked for.
local function named_command(name)
  local index = require("mic.api.rows").builtin()
  local api_name = name:gsub("-", "_")
  if not index.collections[api_name] and not index.tops[api_name] then
    return nil
  end
  return {
    name = name, api_name = api_name, group = "The API by name", module = "mic.command.named",
    summary = "calls of the API by name; mic api shows them",
    arguments = { { "args", "ARGUMENT", "name of the call, and its parameters", "*" } },
    options = { { "field", "typed_field", "data", "header", "idempotent", "yes" }, reading, paging,
      { "curl" }, timing, common },
  }
end

arguments.commands[#arguments.commands + 1] = {
  name = "completion", group = "More", module = "mic.command.completion",
  summary = "print a script that completes what is typed",
  arguments = { { "shell", "SHELL", "bash, zsh or fish", words = { "bash", "zsh", "fish" } } },
  options = { { "help" } },
  examples = { "source <(mic completion bash)", "mic completion fish | source" },
}

arguments.commands[#arguments.commands + 1] = {
  name = "help", group = "More", module = "mic.command.help", summary = "show help",
  arguments = { { "topic", "COMMAND", "a command", "?" } }, options = { { "help" } },
}

--- Exit codes and what they mean.
arguments.codes = {
  { 0, "done" },
  { 1, "the API, or -q, says no" },
  { 2, "wrong use or configuration" },
  { 3, "not logged in, or refused" },
  { 4, "not now: no answer, too many requests, a server's failure; later it may succeed" },
  { 5, "this machine: a file, the credentials, or the output cannot be read or written" },
  { 130, "Ctrl-C" },
  { 141, "the reader of the output has gone" },
}

local function add_keys(keys, list)
  for _, item in ipairs(list) do
    if type(item) == "table" then
      add_keys(keys, item)
    else
      keys[#keys + 1] = item
    end
  end
  return keys
end

--- The keys of a command's options, in the order of its help.
---@param command table
---@return string[]
function arguments.option_keys(command)
  return add_keys({}, command.options)
end

--- Finds a command; `_` in its name counts as `-`.
---@param name string
---@return table|nil command
function arguments.find(name)
  name = name:gsub("_", "-")
  for _, command in ipairs(arguments.commands) do
    if command.name == name then
      return command
    end
  end
  return named_command(name)
end

return arguments
