--- The options -f NAME=TEXT and -F NAME=VALUE: members of a body, or of a query.

local core = require "mic.core"
local items = require "mic.command.items"
local json_text = require "mic.command.json_text"
local json_value = require "mic.command.json_value"
local mark = require "mic.command.mark"

local fields = {}

local EMPTY_LIST = "[] without = is an empty array, but this array has values"

local words = { ["true"] = true, ["false"] = true, null = true }

--- Raises a mistake, for a byte of a field. The value is shown only if the mistake is there.
local function fail(field, at, message, ...)
  local column, name = mark.column(field.text, at), field.text:match "^[^=]*=?"
  local text = at <= #name and name or field.text
  error({ kind = "usage", message = ("%s: %s"):format(field.option, message:format(...)),
    column = column, text = text, mark = mark.lines(text, column) }, 0)
end

local function shown(name)
  return '"' .. name .. '"'
end

--- Splits a field into the steps of its name and the place of its value.
---@return table steps name or append, and at
---@return integer|nil value_at nil for an empty list
local function split(field)
  local text = field.text
  local _, last = text:find "^[^%[%]=]+"
  if not last then
    fail(field, 1, "expected a name")
  end
  local steps, at = { { name = text:sub(1, last), at = 1 } }, last + 1
  while text:sub(at, at) == "[" do
    local close = text:find("]", at, true)
    if not close then
      fail(field, at, "unclosed [")
    end
    local name = text:sub(at + 1, close - 1)
    steps[#steps + 1] = { name = name ~= "" and name or nil, append = name == "", at = at }
    at = close + 1
  end
  if text:sub(at, at) == "=" then
    return steps, at + 1
  elseif at <= #text then
    fail(field, at, at > last + 1 and "expected [ or =" or "unexpected ]")
  elseif not steps[#steps].append then
    fail(field, at, "expected = and a value")
  end
  return steps, nil
end

--- Checks a number: a whole one must be exact as a double, and none may be infinite.
local function check_number(field, text, at)
  local number = tonumber(text)
  if number == math.huge or number == -math.huge then
    fail(field, at, "the number is out of range; use -f to send it as a string")
  elseif text:find "^-?%d+$" and ("%.0f"):format(number):gsub("^-", "") ~= text:gsub("^-", "") then
    fail(field, at, "the number is not exact as a double (%.0f); use -f to send it as a string",
      number)
  end
end

--- Checks an object or a list: its grammar, its numbers, and that no name comes twice.
local function check_json(field, text, at)
  local names = {}
  local ok, message, position = json_text.walk_whole(text, function(kind, first, last, depth)
    if kind == "{" then
      names[depth + 1] = {}
    elseif kind == "number" then
      check_number(field, text:sub(first, last), at + first - 1)
    elseif kind == "name" then
      local name = json_text.string(text, first, last)
      if not name then
        fail(field, at + first - 1, "unpaired surrogate")
      elseif names[depth][name] then
        fail(field, at + first - 1, "%s is given twice", shown(name))
      end
      names[depth][name] = true
    end
  end)
  if not ok then
    fail(field, at + position - 1, "%s; use -f to send it as a string", message)
  end
end

local function read_input(state, field, at)
  if state.has_input then
    fail(field, at, "standard input can be read only once")
  end
  state.has_input = true
  return io.stdin:read "*a"
end

local function read_file(path)
  local file, problem = io.open(path, "rb")
  if not file then
    return nil, problem
  end
  local text
  text, problem = file:read "*a"
  file:close()
  return text, problem and path .. ": " .. problem
end

--- Returns the text of `@file` or `@-`.
local function text_of_file(state, field, at)
  local path = field.text:sub(at + 1)
  local text, problem
  if path == "" then
    fail(field, at, "expected a file name")
  elseif path == "-" then
    text, problem = read_input(state, field, at)
  else
    text, problem = read_file(path)
  end
  if not text then
    error({ kind = "file", message = ("%s: cannot read %s"):format(field.option,
      problem or "standard input") }, 0)
  end
  local wrong = core.utf8_problem(text)
  if wrong then
    fail(field, at, "the file is not UTF-8 (byte %d of %d)", wrong, #text)
  end
  return text
end

--- Returns the value of a field: a string, or a table with the text of another value.
local function value_of(state, field, at)
  local text = field.text:sub(at)
  local first = text:sub(1, 1)
  if not field.typed then
    return text
  elseif first == "@" then
    return text_of_file(state, field, at)
  elseif first == "{" or first == "[" then
    check_json(field, text, at)
  elseif json_text.number_end(text, 1) == #text and #text > 0 then
    check_number(field, text, at)
  elseif not words[text] then
    return text
  end
  return { text = text, field = field, at = at }
end

local function what(value)
  return type(value) == "string" and "a string" or value.n and "an array"
    or value.names and "an object" or "a value"
end

--- Returns the container in which the next step goes on.
local function child_of(node, step, following, field, is_last)
  local wants_list = following.append
  if step.append then
    if wants_list then
      fail(field, following.at, "write nested arrays as JSON: -F 'name=[[1,2],[3]]'")
    elseif node.is_empty then
      fail(field, step.at, EMPTY_LIST)
    end
    local newest = node[node.n]
    local there = type(newest) == "table" and newest.names and newest.values[following.name]
    if type(newest) == "table" and newest.names
      and (there == nil or not is_last and type(there) == "table" and not there.text) then
      return newest
    end
    newest = json_value.object()
    newest.field, newest.at = field, following.at
    node.n = node.n + 1
    node[node.n] = newest
    return newest
  end
  local child = node.values[step.name]
  if child == nil then
    child = wants_list and { n = 0 } or json_value.object()
    child.field, child.at = field, following.at
    json_value.set(node, step.name, child)
    return child
  end
  local fits = type(child) == "table" and (wants_list and child.n or not wants_list and child.names)
  return fits and child
    or fail(field, following.at, "%s is already %s", shown(step.name), what(child))
end

--- Puts a value where the name of its field says.
local function put(root, field, steps, value)
  local node = root
  for index = 1, #steps - 1 do
    node = child_of(node, steps[index], steps[index + 1], field, index + 1 == #steps)
  end
  local step = steps[#steps]
  if not step.append then
    if node.values[step.name] ~= nil then
      fail(field, step.at, "%s is given twice", shown(step.name))
    end
    json_value.set(node, step.name, value)
  elseif node.is_empty or value == nil and node.n > 0 then
    fail(field, step.at, EMPTY_LIST)
  elseif value == nil then
    node.is_empty = true
  else
    node.n = node.n + 1
    node[node.n] = value
  end
end

--- Returns the texts of a value in a query.
local function query_texts(value, texts)
  if type(value) == "string" then
    texts[#texts + 1] = value
  elseif value.n then
    for index = 1, value.n do
      query_texts(value[index], texts)
    end
  elseif value.names then
    fail(value.field, value.at, "a query parameter cannot be an object")
  elseif value.text == "null" then
    fail(value.field, value.at, "a query parameter cannot be null")
  elseif value.text:find "^{" then
    fail(value.field, value.at, "a query parameter cannot be an object")
  elseif value.text:find "^%[" then
    for _, text in ipairs(items.of_list(value.text)) do
      local item = text:find '^"' and json_text.string(text, 1, #text)
        or { text = text, field = value.field, at = value.at }
      if type(item) == "table" and text:find "^%[" then
        fail(value.field, value.at, "a query parameter cannot be a nested array")
      end
      query_texts(item, texts)
    end
  else
    texts[#texts + 1] = value.text
  end
  return texts
end

---@class mic.command.Fields
---@field package root table
local fields_methods = {}
local fields_mt = { __index = fields_methods }

--- Calls a function; returns its result, or nil and the mistake that it raised.
local function checked(task, ...)
  local ok, result = pcall(task, ...)
  if ok then
    return result
  elseif type(result) ~= "table" or not result.kind then
    error(result, 0)
  end
  return nil, result
end

--- Reads fields in the order of the command line.
---@param list table[] text ("name=value"), typed (true for -F), option (its name; default -f or -F)
---@param has_input? boolean standard input is read by another option
---@return mic.command.Fields? fields
---@return table? err kind ("usage" or "file"), message; for usage column, text, and mark, two lines
--- that point at the mistake
function fields.read(list, has_input)
  return checked(function()
    local state, root = { has_input = has_input }, json_value.object()
    for _, given in ipairs(list) do
      local field = { text = given.text, typed = given.typed,
        option = given.option or (given.typed and "-F" or "-f") }
      local wrong = core.utf8_problem(field.text)
      if wrong then
        fail(field, wrong, "not valid UTF-8")
      end
      local steps, at = split(field)
      put(root, field, steps, at and value_of(state, field, at))
    end
    return setmetatable({ root = root }, fields_mt)
  end)
end

--- Returns the fields as a JSON object, in their order, numbers as they were typed.
---@return string text
function fields_methods:body()
  return json_value.write(self.root)
end

--- Returns the fields as the option `query` of a call.
---@return table<string, string|string[]>? query
---@return table? err as of `fields.read`: null and objects cannot be in a query
function fields_methods:query()
  return checked(function()
    local query = {}
    for _, name in ipairs(self.root.names) do
      local value = self.root.values[name]
      local texts = query_texts(value, {})
      local is_list = type(value) == "table" and (value.n or value.text:find "^%[")
      query[name] = is_list and texts or texts[1]
    end
    return query
  end)
end

return fields
