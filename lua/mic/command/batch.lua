--- `mic batch`: a request a line in, an answer a line out, in the same order. What is read ahead is
--- bounded, so that an endless input works.

local batch = require "mic.request.batch"
local batch_requests = require "mic.request.batch_requests"
local failure = require "mic.command.failure"
local items = require "mic.command.items"
local json = require "mic.json"
local json_text = require "mic.command.json_text"
local output = require "mic.command.output"
local send = require "mic.request.send"
local target = require "mic.command.target"
local terminal = require "mic.terminal"
local time_limit = require "mic.http.time_limit"

local command = {}

local CONCURRENCY, WINDOW = 16, 4 -- lines read ahead: four for each call in flight
local WAIT = 3600 -- seconds

--- Members of a line.
local known = { id = true, method = true, path = true, params = true, query = true, headers = true,
  data = true, body = true, auth = true, timeout = true, deadline = true, idempotent = true }

--- Exit codes from the best to the worst.
local ranks = { [0] = 0, [1] = 1, [4] = 2, [5] = 3, [3] = 4, [2] = 5 }

--- ---- lines in ----

--- Reads lines of standard input as they come.
local function input_reader()
  local buffer, is_at_end = "", false
  local function take()
    local line, rest = buffer:match "^([^\n]*)\n(.*)$"
    if not line and is_at_end and buffer ~= "" then
      line, rest = buffer, ""
    end
    buffer = line and rest or buffer
    return line
  end
  --- Returns a line, or nil: at the end, or if none is there and it shall not wait.
  return function(waits)
    while true do
      local line = take()
      if line or is_at_end then
        return line
      end
      local bytes, problem = terminal.read_input(waits and WAIT or 0)
      if problem then
        failure.raise("file", "cannot read standard input: " .. problem)
      elseif bytes == "" then
        is_at_end = true
      elseif bytes then
        buffer = buffer .. bytes
      elseif not waits then
        return nil
      end
    end
  end
end

local function file_reader(path)
  local file, problem = io.open(path, "rb")
  if not file then
    failure.raise("file", problem)
  end
  return function()
    return (file:read "*l")
  end
end

--- Reads the next lines that are not empty: waits for the first, takes what else is there.
local function read_window(read, most)
  local lines = {}
  while #lines < most do
    local line = read(#lines == 0)
    if not line then
      break
    elseif line:find "%S" then
      lines[#lines + 1] = line
    end
  end
  return lines
end

--- ---- requests ----

local function check_members(request)
  for name in pairs(request) do
    if not known[name] then
      local near = require("mic.options").near_miss(tostring(name), known)
      error(('unknown member "%s"%s'):format(tostring(name),
        near and ('; did you mean "%s"?'):format(near) or ""), 0)
    end
  end
end

--- Makes the call of a line, or the reason why that is not possible.
local function call_of(line, profile)
  local request, problem = json.decode(line)
  if type(request) ~= "table" then
    return nil, "the line is not a JSON object" .. (problem and ": " .. problem or "")
  end
  local ok, calls = pcall(function()
    check_members(request)
    request.id = nil
    return (batch_requests.build({ request }, profile))
  end)
  if ok then
    return calls[1]
  end
  return nil, (tostring(calls):gsub("^[^\n]-:%d+: ", "", 1)
    :gsub("^client:batch: request 1:? ?", ""))
end

local function id_of(line)
  local ok, id = pcall(items.member, line, "id")
  return ok and id and items.line(id) or "null"
end

local function answer_line(id, result, worst)
  local response = result.response
  if not response then
    worst(failure.code(result.err))
    return ('{"id":%s,"error":%s}'):format(id, failure.json(result.err))
  end
  local text = response.body
  local data = text ~= "" and json_text.compact(text)
  if data then
    return ('{"id":%s,"status":%d,"data":%s}'):format(id, response.status, data)
  elseif text == "" then
    return ('{"id":%s,"status":%d}'):format(id, response.status)
  end
  local body = require("mic.core").utf8_problem(text) and '"body_base64":"' .. command.base64(text)
    .. '"' or '"body":' .. json_text.quote(text)
  return ('{"id":%s,"status":%d,%s}'):format(id, response.status, body)
end

--- Writes answers in order: what comes early waits for its turn.
local function in_order(ids, worst)
  local lines, next_line = {}, 1
  return function(place, result)
    lines[place] = answer_line(ids[place], result, worst)
    while lines[next_line] do
      output.line(lines[next_line])
      lines[next_line], next_line = "", next_line + 1
    end
    output.flush()
  end
end

local function send_built(self, call)
  call.ends = time_limit.ends(self, call.deadline)
  return send.call(self, call)
end

local function run_window(lines, concurrency, ready, worst)
  local ids, calls, places, wrong = {}, {}, {}, {}
  for place, line in ipairs(lines) do
    ids[place] = id_of(line)
    local call, problem = call_of(line, ready.profile)
    if call then
      calls[#calls + 1], places[#places + 1] = call, place
    else
      wrong[#wrong + 1] = { place = place, message = problem }
    end
  end
  local put = in_order(ids, worst)
  for _, one in ipairs(wrong) do
    put(one.place, { err = { kind = "usage", message = one.message } })
  end
  if #calls > 0 then
    batch.run(calls, concurrency, ready, send_built, function(index, result)
      put(places[index], result)
    end)
  end
end

--- Runs the command.
---@param _ table
---@param options table of the command line
---@return integer code the worst of all
function command.run(_, options)
  local code = 0
  local function worst(one)
    if (ranks[one] or 0) > (ranks[code] or 0) then
      code = one
    end
  end
  local read = options.file and options.file ~= "-" and file_reader(options.file) or input_reader()
  local ready = target.connected((target.client(options)))
  local concurrency = options.concurrency or CONCURRENCY
  while true do
    local lines = read_window(read, WINDOW * concurrency)
    if #lines == 0 then
      return code
    end
    run_window(lines, concurrency, ready, worst)
  end
end

local DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

--- Bytes that are no text, for JSON.
---@param bytes string
---@return string
function command.base64(bytes)
  return (bytes:gsub("..?.?", function(three)
    local a, b, c = three:byte(1, 3)
    local number = a * 65536 + (b or 0) * 256 + (c or 0)
    local digits = {}
    for place = 1, 4 do
      local digit = math.floor(number / 64 ^ (4 - place)) % 64
      digits[place] = place <= #three + 1 and DIGITS:sub(digit + 1, digit + 1) or "="
    end
    return table.concat(digits)
  end))
end

return command
