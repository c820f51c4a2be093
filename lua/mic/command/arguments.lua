--- The command line as data: options, commands, exit codes. Parser, help, completion and man page
--- use it.

local arguments = {}

arguments.summary = "Sends calls to the API of Telenor's Managed IoT Cloud (MIC), or to another "
  .. "API with a login. Standard output has the response body and nothing else. It is empty after "
  .. "an error."

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
  profile = { "--profile", takes = "NAME", text = "use this profile of the configuration file" },
  stack = { "--stack", takes = "HOST", text = "host name of a MIC stack" },
  url = { "--url", takes = "URL", text = "base URL of the API" },
  ca_file = { "--ca-file", takes = "FILE",
    text = "trust the certificate authorities in this file" },
  config = { "--config", takes = "FILE", text = "read this configuration file" },
  verbose = { "-v", "--verbose", counts = true,
    text = "show each attempt in one line; -vv: headers too, secrets masked" },
  silent = { "-s", "--silent", text = "show no notes and no progress, only errors" },
  json_errors = { "--json-errors", text = "print an error as one JSON object" },
  color = { "--color", takes = "WHEN", choices = { "auto", "always", "never" },
    text = "use colours: auto, always or never" },
  timeout = { "--timeout", takes = "SECONDS", number = "positive",
    text = "time limit of one attempt" },
  deadline = { "--deadline", takes = "SECONDS", number = "positive",
    text = "time limit of a call with its retries" },
  retry = { "--retry", takes = "N", number = "whole", text = "send a call at most N times" },
  no_retry = { "--no-retry", text = "send a call only once" },
  idempotent = { "--idempotent", text = "retry this call like a GET: it may be sent twice" },

  params = { "-p", "--param", takes = "NAME=VALUE", many = true,
    text = "replace {NAME} in the path by VALUE, percent-encoded" },
  field = { "-f", "--text-field", takes = "NAME=TEXT", entry = "text",
    text = "add a string to the body, or to the query of get, head and delete" },
  typed_field = { "-F", "--typed-field", takes = "NAME=VALUE", entry = "typed",
    text = "the same, but VALUE may be JSON; @FILE and @- read a string" },
  data = { "-d", "--data", takes = "TEXT|@FILE|-", may_be_empty = true,
    text = "send this body unchanged; - reads standard input" },
  header = { "-H", "--header", takes = "'NAME: VALUE'", many = true,
    text = "add a request header" },
  include = { "-i", "--include", text = "show status line and headers on standard error" },
  query = { "-q", "--query", takes = "EXPR", text = "filter the response with a jq expression" },
  output = { "-o", "--output", takes = "FILE",
    text = "write the response to a file; - is standard output" },
  pretty = { "--pretty", text = "indent JSON, also in a pipe" },
  raw = { "--raw", text = "print the bytes of the server, also on a terminal" },
  error_body = { "--error-body", text = "show the body of an error response on standard error" },
  curl = { "--curl", text = "print the curl command, without secrets; send nothing" },
  yes = { "-y", "--yes", text = "do not ask before a DELETE" },

  paginate = { "--paginate", text = "read all pages; print one item per line" },
  slurp = { "--slurp", text = "with --paginate: print one array of all items" },
  limit = { "--limit", takes = "N", number = "whole",
    text = "with --paginate: print at most N items" },
  page_size = { "--page-size", takes = "N", number = "whole",
    text = "with --paginate: request N items per page" },
  after = { "--after", takes = "POSITION", text = "with --paginate: continue after this position" },

  thing = { "--thing", takes = "NAME", many = true, text = "only documents of this thing" },
  type = { "--type", takes = "TYPE", many = true, text = "only documents of this thing type" },
  since = { "--since", takes = "TIME",
    text = "not before TIME: a date, or 30m, 24h, 7d before now" },
  till = { "--until", takes = "TIME", text = "not after TIME" },
  fields = { "--field", takes = "NAME", many = true,
    text = "return only this member of a document" },
  size = { "--size", takes = "N", number = "whole", text = "return at most N documents" },

  username = { "-u", "--username", takes = "NAME", text = "user name" },
  password_stdin = { "--password-stdin", text = "read the password from standard input" },
  row = { "--row", takes = "NAME", text = "API profile, such as oauth2; by default mic" },
  auth_url = { "--auth-url", takes = "URL", text = "another API: URL of its login" },
  client_id = { "--client-id", takes = "ID", text = "another API: client ID" },
  scope = { "--scope", takes = "TEXT", text = "another API: scope" },
  concurrency = { "-c", "--concurrency", takes = "N", number = "whole",
    text = "send at most N calls at the same time; by default 16" },
  headers = { "--headers", text = "print all headers of a call, one per line, for curl -H @FILE" },
  show = { "--show", text = "print secrets even on a terminal" },
  diff = { "--diff", text = "compare the list with the Swagger document of the API" },
  all = { "--all", text = "remove the credentials of all profiles" },
  check = { "--check", text = "check the credentials with the API" },
  json = { "--json", text = "print JSON" },
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
    summary = "log in and store the credentials",
    options = { { "username", "password_stdin", "row", "auth_url", "client_id", "scope" }, common },
    text = "Asks for missing values at the terminal, logs in, and writes a profile to the "
      .. "configuration file. The password is not stored.",
    examples = { "mic login --stack HOST" } },
  { name = "logout", group = "Account", module = "mic.command.logout",
    summary = "remove the stored credentials", options = { { "all" }, common } },
  { name = "whoami", group = "Account", module = "mic.command.raw", verb = "GET", path = "/user",
    summary = "show the user who is logged in", options = { timing, reading, common } },
  { name = "status", group = "Account", module = "mic.command.status",
    summary = "show whether you are logged in, and until when",
    options = { { "check", "json" }, common },
    text = "Sends no request without --check. The exit code is 3 if you are not logged in." },
  { name = "profile", group = "Account", module = "mic.command.profile",
    summary = "list profiles, set the default, or remove one", options = { common },
    arguments = {
      { "action", "ACTION", "list (the default), use or remove", "?",
        words = { "list", "use", "remove" } },
      { "name", "NAME", "name of the profile", "?", words = "profiles" } } },
}

arguments.commands[#arguments.commands + 1] = {
  name = "token", group = "Account", module = "mic.command.token",
  summary = "print the token for another program",
  options = { { "headers", "show" }, common },
  text = "Refreshes the token first if necessary. Pass it through a file or a pipe, not as an "
    .. "argument: other users can see arguments.",
  examples = { 'curl -H @<(mic token --headers) "$(mic url /users)"' },
}

for _, row in ipairs {
  { "get", "read a resource", false,
    { "mic get /users/anna -q .email", "mic get /users --paginate -q .email" } },
  { "head", "read the headers of a resource", false },
  { "delete", "delete a resource", false },
  { "post", "send data, such as a new resource", true,
    { "mic post /things/find -F query[size]=5", "mic post /things/find -d @query.json" } },
  { "put", "replace a resource", true },
  { "patch", "change members of a resource", true },
} do
  arguments.commands[#arguments.commands + 1] = {
    name = row[1], group = "Calls", module = "mic.command.raw", verb = row[1]:upper(),
    has_body = row[3], summary = row[2], arguments = { PATH }, examples = row[4],
    options = row[1] == "delete" and { { "yes" }, call } or { call },
  }
end

arguments.commands[#arguments.commands + 1] = {
  name = "url", group = "Calls", module = "mic.command.url", summary = "print the URL of a path",
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
  summary = "download a file from the API", arguments = { { "key", "KEY", "key of the file" } },
  options = { saving, { "header" }, timing, common },
  examples = { "mic download logo.png -o logo.png" },
}
arguments.commands[#arguments.commands + 1] = {
  name = "upload", group = "Calls", module = "mic.command.transfer",
  summary = "upload a file to the API",
  arguments = { { "file", "FILE", "local file; - is standard input" },
    { "key", "KEY", "key of the file" } },
  options = { { "header", "include", "error_body" }, timing, common },
}
arguments.commands[#arguments.commands + 1] = {
  name = "batch", group = "Calls", module = "mic.command.batch",
  summary = "send many calls, one JSON object per line",
  arguments = { { "file", "FILE", "file with the calls; by default, or -: standard input", "?" } },
  options = { { "concurrency" }, common },
  text = 'A line is {"method":"GET","path":"/users/{name}","params":{…},"id":…}. '
    .. "Its members are method, path, params, query, headers, data, body, auth, timeout, "
    .. "deadline, idempotent and id. Results are printed in the order of the calls.",
}
arguments.commands[#arguments.commands + 1] = {
  name = "api", group = "More", module = "mic.command.api_list",
  summary = "list the endpoints that have a command",
  arguments = { { "name", "NAME", "an endpoint, such as users.get, or a collection, such as users",
    "?", words = "calls" } },
  options = { { "diff" }, common },
  text = "Each endpoint in the list is a command: users.get is mic users get.",
}
arguments.commands[#arguments.commands + 1] = {
  name = "sandbox", group = "More", module = "mic.command.sandbox",
  summary = "run a local API for tests",
  usage = "mic sandbox [-- PROGRAM [ARGUMENT...]]",
  arguments = { { "command", "PROGRAM", "program to run with the variables of the sandbox", "*" } },
  options = { { "json_errors", "help" } },
  text = "Without PROGRAM it prints the variables for a shell and runs until Ctrl-C. It needs "
    .. "nginx with its Lua module.",
}

--- A call by name: its command is made when it is looked for.
local function named_command(name)
  local index = require("mic.api.rows").builtin()
  local api_name = name:gsub("-", "_")
  if not index.collections[api_name] and not index.tops[api_name] then
    return nil
  end
  return {
    name = name, api_name = api_name, group = "Endpoints", module = "mic.command.named",
    summary = "call an endpoint by name; mic api lists the endpoints",
    arguments = { { "args", "ARGUMENT", "name of the endpoint method, and its parameters", "*" } },
    options = { { "field", "typed_field", "data", "header", "idempotent", "yes" }, reading, paging,
      { "curl" }, timing, common },
  }
end

arguments.commands[#arguments.commands + 1] = {
  name = "completion", group = "More", module = "mic.command.completion",
  summary = "print the completion script for a shell",
  arguments = { { "shell", "SHELL", "bash, zsh or fish", words = { "bash", "zsh", "fish" } } },
  options = { { "help" } },
  examples = { "source <(mic completion bash)", "mic completion fish | source" },
}

arguments.commands[#arguments.commands + 1] = {
  name = "help", group = "More", module = "mic.command.help", summary = "show help",
  arguments = { { "topic", "COMMAND", "name of a command", "?" } }, options = { { "help" } },
}

--- Exit codes and what they mean.
arguments.codes = {
  { 0, "success" },
  { 1, "the API refused the call, the response cannot be used, or -q failed" },
  { 2, "wrong usage or configuration" },
  { 3, "not logged in, or the login was refused" },
  { 4, "no response, TLS error, status 429 or 5xx, for a login too; a later run may succeed" },
  { 5, "a file, the credential store or the output cannot be read or written" },
  { 130, "interrupted by Ctrl-C" },
  { 141, "the program that reads the output has ended" },
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
