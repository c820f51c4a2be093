--- How the command fails: wrong use, errors of calls, and what the machine refuses; with the line
--- on standard error and the exit code.

local errors = require "mic.error"

local failure = {}
local failure_mt = { __name = "mic.failure" }

--- Exit codes by the kind of an error. `http` depends on its status, too, and `auth` on whether it
--- is retryable: a login that got no response may succeed later.
local codes = {
  usage = 2, config = 2, query = 1, decode = 1, too_large = 1, auth = 3, network = 4, tls = 4,
  timeout = 4, store = 5, file = 5, phase = 5, closed = 5, cancelled = 130,
}

--- Raises a failure that is no error object of a call. Does not return.
---@param kind string
---@param message string
---@param fields? table hint, exit, column
function failure.raise(kind, message, fields)
  local made = { kind = kind, message = message }
  for name, value in pairs(fields or {}) do
    made[name] = value
  end
  error(setmetatable(made, failure_mt), 0)
end

--- Raises for wrong use of the command. Does not return.
---@param message string
---@param ... any for its placeholders
function failure.usage(message, ...)
  failure.raise("usage", select("#", ...) > 0 and message:format(...) or message)
end

--- Returns its arguments, or raises the error object of a call.
---@param value any
---@param err table|nil
---@return any value
function failure.need(value, err)
  if value == nil or value == false and err ~= nil then
    error(err, 0)
  end
  return value
end

--- What the library advises a program, and what the command line has for it.
local advice = {
  ["the value into params%.name, which encodes it"] = "use -p name=VALUE, which encodes it",
  ["; for %?[^ ]+ use query"] = "; for ?name=value use -f",
  ["^params%.(%S+) is missing"] = "-p %1=VALUE is missing",
  [", others go into query = { … }"] = "; mic get takes others by -f",
  ['^unknown option "since"; .*'] = "--since is for observations and events",
  ['^unknown option "till"; .*'] = "--until is for observations and events",
  ['^option "profile":'] = "--row:",
  ['^option "auth_url" is'] = "--auth-url is",
  ['^option "client_id" is'] = "--client-id is",
}

--- The same for the hints of error objects.
local hint_advice = {
  ["in tls%.ca_file$"] = "with --ca-file",
  ["there is no client_secret$"] = "set MIC_CLIENT_SECRET, or client_secret in the profile",
  ["or make a client with mic%.login or mic%.new$"] = "or use --profile",
}

--- Calls a function that raises misuse as a text, and raises it as wrong use.
---@param task function
---@param ... any its arguments
---@return any ... its results
function failure.checked(task, ...)
  local function conclude(ok, ...)
    if ok then
      return ...
    end
    local problem = ...
    if type(problem) == "string" and not problem:find "interrupted!$"
      and not problem:find "not enough memory$" then
      problem = problem:gsub("^[^\n]-:%d+: ", "", 1)
      for theirs, ours in pairs(advice) do
        problem = problem:gsub(theirs, ours, 1)
      end
      failure.raise("usage", problem)
    end
    error(problem, 0)
  end
  return conclude(pcall(task, ...))
end

--- True if a value is a failure or an error object.
---@param value any
---@return boolean
function failure.is(value)
  return type(value) == "table" and (getmetatable(value) == failure_mt or errors.is(value))
end

--- Returns the exit code of a failure.
---@param problem table
---@return integer
function failure.code(problem)
  if problem.exit then
    return problem.exit
  end
  if problem.kind == "http" then
    local status = problem.status or 0
    if status == 401 then
      return 3
    end
    return (problem.retryable or status >= 500) and 4 or 1
  elseif problem.kind == "auth" and problem.retryable then
    return 4
  end
  return codes[problem.kind] or 5
end

--- Returns a copy of an error with more fields.
---@param problem table
---@param fields table
---@return table copy
function failure.with(problem, fields)
  local copy = {}
  for name, value in pairs(problem) do
    copy[name] = value
  end
  for name, value in pairs(fields) do
    copy[name] = value
  end
  return setmetatable(copy, getmetatable(problem))
end

--- Returns an error with a hint for the command, where the library's is for a program.
---@param problem table
---@return table
function failure.for_people(problem)
  if problem.kind == "too_large" and not problem.hint then
    return failure.with(problem, { hint = "use -o FILE for a response of any size" })
  end
  local secure, found = problem.message:gsub(", or with allow_insecure = true$", "")
  if found > 0 then -- the command has no such option
    return failure.with(problem, { message = secure })
  end
  local hint = problem.hint or ""
  if problem.kind == "auth" and hint:find("client:login", 1, true) then
    return failure.with(problem, { hint = "run: mic login" })
  end
  for theirs, ours in pairs(hint_advice) do
    if hint:find(theirs) then
      return failure.with(problem, { hint = (hint:gsub(theirs, ours)) })
    end
  end
  return problem
end

--- Returns the line of a failure, without the name of the command.
---@param problem table
---@return string
function failure.line(problem)
  local line = problem.message
  if errors.is(problem) then
    line = tostring(problem)
  elseif problem.hint then
    line = line .. " - " .. problem.hint
  end
  if problem.resume then
    line = line .. "; " .. problem.resume
  end
  return line
end

local members = { "kind", "status", "key", "property", "message", "hint", "request_id", "retryable",
  "attempts", "column", "items", "after", "exit" }

--- Returns a failure as a JSON object on one line.
---@param problem table
---@return string
function failure.json(problem)
  local json = require "mic.json"
  local parts = {}
  for _, name in ipairs(members) do
    local value = problem[name]
    if name == "exit" then
      value = failure.code(problem)
    elseif name == "retryable" then
      value = value or false
    end
    if value ~= nil then
      parts[#parts + 1] = ('"%s":%s'):format(name, json.encode(value))
    end
  end
  return "{" .. table.concat(parts, ",") .. "}"
end

return failure
