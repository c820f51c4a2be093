--- Requests of a batch: checked, and built for the core.

local build = require "mic.request.build"
local call_options = require "mic.call_options"
local errors = require "mic.error"
local paths = require "mic.http.path"

local batch_requests = {}

local CONCURRENCY = 16
local WHAT = "client:batch: request %d"

local plain_options = { path = "string", params = "table", query = "table" }

--- Returns the whole path of a GET that has only path, params and query; nil for other requests.
local function plain_path(request)
  for name, value in next, request do
    if type(value) ~= plain_options[name] then
      return nil
    end
  end
  local path, params, query = request.path, request.params, request.query
  if not path or path == "" or getmetatable(request) ~= nil then
    return nil
  end
  return paths.query(paths.fill(path, params), query)
end

--- Builds the call of a path in `build`'s list.
---@param path string
---@return table call
function batch_requests.of_path(path)
  return build.call({ path = path }, "client:batch")
end

local function build_all(requests, calls, profile)
  for index, request in ipairs(requests) do
    if type(request) ~= "table" then
      errors.raise(
        (WHAT .. " must be a table (got %s); write { path = … }"):format(index, type(request))
      )
    end
    local what = WHAT:format(index)
    calls[index] = plain_path(request) or build.call(request, what, nil, nil, nil, profile)
  end
end

--- Raises the problem with the number of the request in its message.
local function raise_for(what, problem)
  errors.pass_memory(problem)
  local text = tostring(problem)
  if not text:find(what, 1, true) then
    local position, message = text:match "^(.-:%d+: )(.*)$"
    text = (position or "") .. what .. ": " .. (message or text)
  end
  error(text, 0)
end

local function check_names(requests)
  local count = 0
  for name in pairs(requests) do
    if type(name) == "number" then
      count = count + 1
    elseif call_options.fields[name] then
      errors.raise(
        ("client:batch: %s is an option of one request; "):format(name)
          .. "write client:batch { { path = … }, … }"
      )
    elseif name ~= "concurrency" then
      errors.raise(("client:batch: unknown option %q; known: concurrency"):format(tostring(name)))
    end
  end
  return count
end

--- Checks and builds every request before any is sent. Raises for misuse.
---@param requests table
---@param profile table|nil the client's
---@return (table|string)[] calls built calls; a string is the path of a GET without options
---@return number concurrency
function batch_requests.build(requests, profile)
  if type(requests) ~= "table" then
    errors.raise(("client:batch takes a table of requests (got %s)"):format(type(requests)))
  end
  local count = check_names(requests)
  local concurrency = requests.concurrency or CONCURRENCY
  if type(concurrency) ~= "number" or concurrency < 1 or concurrency % 1 ~= 0 then
    errors.raise "client:batch: concurrency must be a whole number from 1"
  end
  local calls = {}
  local ok, problem = pcall(build_all, requests, calls, profile)
  if not ok then
    raise_for(WHAT:format(#calls + 1), problem)
  end
  if #calls < count then
    errors.raise(WHAT:format(#calls + 1) .. " is nil; a list has no holes")
  end
  return calls, concurrency
end

return batch_requests
