--- `-q`: a part of jq. An expression prints what jq 1.7 prints with -r -c, or is refused.
---
--- A compiled node has `many(input, emit)`, which calls `emit` for each result, and, if it always
--- has exactly one, `one(input)`, which returns it.

local json_text = require "mic.command.json_text"
local json_value = require "mic.command.json_value"
local parser = require "mic.command.query_parser"

local query = {}

local kind_of, null = json_value.kind, json_value.null

--- Raises with jq's words, but without values: an answer may have secrets, and errors are logged.
local function refuse(message, ...)
  error({ run_time = true, message = message:format(...) }, 0)
end

local function is_true(value)
  return value ~= false and value ~= null
end

local function member(value, name)
  local kind = kind_of(value)
  if kind == "object" then
    local found = value.values[name]
    return found == nil and null or found
  elseif kind == "null" then
    return null
  end
  refuse("Cannot index %s with string %s", kind, json_text.quote(name))
end

local function element(value, index)
  local kind = kind_of(value)
  if kind == "array" then
    local found = value[index < 0 and value.n + index + 1 or index + 1]
    return found == nil and null or found
  elseif kind == "null" then
    return null
  end
  refuse("Cannot index %s with number", kind)
end

local function each(value, emit)
  local kind = kind_of(value)
  if kind == "array" then
    for index = 1, value.n do
      emit(value[index])
    end
  elseif kind == "object" then
    for _, name in ipairs(value.names) do
      emit(value.values[name])
    end
  else
    refuse("Cannot iterate over %s", kind_of(value))
  end
end

local calls = {}

function calls.length(value)
  local kind = kind_of(value)
  if kind == "array" then
    return value.n
  elseif kind == "object" then
    return #value.names
  elseif kind == "string" then
    local _, characters = value:gsub("[^\128-\191]", "")
    return characters
  elseif kind == "number" then
    return math.abs(json_value.double(value))
  elseif kind == "null" then
    return 0
  end
  refuse("%s has no length", kind_of(value))
end

function calls.keys(value)
  local kind = kind_of(value)
  if kind == "object" then
    return json_value.sorted_names(value)
  elseif kind == "array" then
    local list = { n = value.n }
    for index = 1, value.n do
      list[index] = index - 1
    end
    return list
  end
  refuse("%s has no keys", kind_of(value))
end

function calls.first(value)
  return element(value, 0)
end

calls["not"] = function(value)
  return not is_true(value)
end

local tsv_escapes = { ["\t"] = "\\t", ["\n"] = "\\n", ["\r"] = "\\r", ["\\"] = "\\\\",
  ["\0"] = "\\0" }

local function tsv_text(value)
  return (value:gsub("[%z\t\n\r\\]", tsv_escapes))
end

local function csv_text(value)
  return '"' .. value:gsub('"', '""') .. '"'
end

local function row(value, name, separator, text_of)
  if kind_of(value) ~= "array" then
    refuse("%s cannot be %s-formatted, only array", kind_of(value), name)
  end
  local texts = {}
  for index = 1, value.n do
    local cell = value[index]
    local kind = kind_of(cell)
    if kind == "array" or kind == "object" then
      refuse("%s is not valid in a csv row", kind)
    end
    texts[index] = kind == "null" and "" or kind == "string" and text_of(cell)
      or json_value.write(cell)
  end
  return table.concat(texts, separator)
end

calls["@tsv"] = function(value)
  return row(value, "tsv", "\t", tsv_text)
end

calls["@csv"] = function(value)
  return row(value, "csv", ",", csv_text)
end

local comparisons = {
  ["=="] = function(order) return order == 0 end,
  ["!="] = function(order) return order ~= 0 end,
  ["<"] = function(order) return order < 0 end,
  ["<="] = function(order) return order <= 0 end,
  [">"] = function(order) return order > 0 end,
  [">="] = function(order) return order >= 0 end,
}

local function single(one)
  return { one = one, many = function(input, emit) emit(one(input)) end }
end

local function collected(node, input)
  local list = { n = 0 }
  node.many(input, function(value)
    list.n = list.n + 1
    list[list.n] = value
  end)
  return list
end

local compile
local compilers = {}

function compilers.literal(node)
  local value = node.value
  return single(function() return value end)
end

--- Applies the steps of a path from one on.
local function follow(value, steps, from, emit)
  for index = from, #steps do
    local step = steps[index]
    if step.optional then
      local kind = kind_of(value)
      local fits = kind == "array" and not step.name or kind == "object" and not step.index
        or kind == "null" and not step.each
      if not fits then
        return
      end
    end
    if step.each then
      return each(value, function(found) follow(found, steps, index + 1, emit) end)
    elseif step.name then
      value = member(value, step.name)
    else
      value = element(value, step.index)
    end
  end
  emit(value)
end

function compilers.path(node)
  local term, steps = node.term and compile(node.term), node.steps
  local is_one = not term or term.one ~= nil
  for _, step in ipairs(steps) do
    is_one = is_one and not step.each and not step.optional
  end
  if is_one then
    local start = term and term.one
    return single(function(value)
      if start then
        value = start(value)
      end
      for index = 1, #steps do
        local step = steps[index]
        if step.name then
          value = member(value, step.name)
        else
          value = element(value, step.index)
        end
      end
      return value
    end)
  end
  return { many = function(input, emit)
    if not term then
      return follow(input, steps, 1, emit)
    end
    term.many(input, function(value) follow(value, steps, 1, emit) end)
  end }
end

function compilers.list(node)
  local body = node.body and compile(node.body)
  return single(function(input)
    return body and collected(body, input) or { n = 0 }
  end)
end

local function copied(object)
  local copy = json_value.object()
  for _, name in ipairs(object.names) do
    json_value.set(copy, name, object.values[name])
  end
  return copy
end

--- Calls `emit` with an object for each combination, the first member in the outermost loop.
local function combine(entries, at, object, input, emit)
  local entry = entries[at]
  if not entry then
    return emit(object)
  end
  entry.value.many(input, function(value)
    local with = copied(object)
    json_value.set(with, entry.name, value)
    combine(entries, at + 1, with, input, emit)
  end)
end

function compilers.object(node)
  local entries, is_one = {}, true
  for index, entry in ipairs(node.entries) do
    entries[index] = { name = entry.name, value = compile(entry.value) }
    is_one = is_one and entries[index].value.one ~= nil
  end
  if is_one then
    return single(function(input)
      local object = json_value.object()
      for _, entry in ipairs(entries) do
        json_value.set(object, entry.name, entry.value.one(input))
      end
      return object
    end)
  end
  return { many = function(input, emit)
    combine(entries, 1, json_value.object(), input, emit)
  end }
end

local function compiled_parts(node)
  local parts, is_one = {}, true
  for index, part in ipairs(node.parts) do
    parts[index] = compile(part)
    is_one = is_one and parts[index].one ~= nil
  end
  return parts, is_one
end

function compilers.pipe(node)
  local parts, is_one = compiled_parts(node)
  if is_one then
    return single(function(value)
      for index = 1, #parts do
        value = parts[index].one(value)
      end
      return value
    end)
  end
  local function through(value, at, emit)
    if at == #parts then
      return parts[at].many(value, emit)
    end
    parts[at].many(value, function(found) through(found, at + 1, emit) end)
  end
  return { many = function(input, emit) through(input, 1, emit) end }
end

function compilers.comma(node)
  local parts = compiled_parts(node)
  return { many = function(input, emit)
    for index = 1, #parts do
      parts[index].many(input, emit)
    end
  end }
end

--- `and` and `or`: the right side counts unless the left one decides.
local function logical(node, deciding)
  local left, right = compile(node.left), compile(node.right)
  if left.one and right.one then
    return single(function(input)
      if is_true(left.one(input)) == deciding then
        return deciding
      end
      return is_true(right.one(input))
    end)
  end
  return { many = function(input, emit)
    left.many(input, function(value)
      if is_true(value) == deciding then
        return emit(deciding)
      end
      right.many(input, function(other) emit(is_true(other)) end)
    end)
  end }
end

function compilers.both(node)
  return logical(node, false)
end

function compilers.either(node)
  return logical(node, true)
end

--- The right side is the outer loop.
function compilers.compare(node)
  local left, right = compile(node.left), compile(node.right)
  local holds, compare = comparisons[node.operator], json_value.compare
  if left.one and right.one then
    return single(function(input)
      local other = right.one(input)
      return holds(compare(left.one(input), other))
    end)
  end
  return { many = function(input, emit)
    right.many(input, function(other)
      left.many(input, function(value) emit(holds(compare(value, other))) end)
    end)
  end }
end

function compilers.call(node)
  return single(calls[node.name])
end

function compilers.select(node)
  local condition = compile(node.condition)
  return { many = function(input, emit)
    condition.many(input, function(value)
      if is_true(value) then
        emit(input)
      end
    end)
  end }
end

--- Results come before the error that ends them; an error of what follows is not caught.
compilers["try"] = function(node)
  local body = compile(node.body)
  return { many = function(input, emit)
    local values, count = {}, 0
    local ok, problem = pcall(body.many, input, function(value)
      count = count + 1
      values[count] = value
    end)
    if not ok and not (type(problem) == "table" and problem.run_time) then
      error(problem, 0)
    end
    for index = 1, count do
      emit(values[index])
    end
  end }
end

function compile(node)
  return compilers[node.kind](node)
end

---@class mic.command.Program
---@field package node table
local program_methods = {}
local program_mt = { __index = program_methods }

--- Compiles an expression.
---@param text string
---@return mic.command.Program? program
---@return table? err kind "usage", message, column (in characters, from 1), text, mark (two lines
--- that point at the mistake)
function query.compile(text)
  local tree, err = parser.parse(text)
  if not tree then
    return nil, err
  end
  return setmetatable({ node = compile(tree) }, program_mt)
end

--- Applies the program to a JSON text; an empty text has no results.
---@param text string
---@return table? lines one for each result: a string as it is, another value as JSON without
--- spaces; `lines.strings[i]` is true if line i was a string
---@return table? err kind "query" or "decode" (the text is not JSON), message
function program_methods:run(text)
  local lines = { strings = {} }
  if json_text.start(text) > #text then
    return lines
  end
  local value, message = json_value.read(text)
  if value == nil then
    return nil, { kind = "decode", message = message }
  end
  local count = 0
  local ok, problem = pcall(self.node.many, value, function(result)
    count = count + 1
    local is_string = type(result) == "string"
    lines.strings[count] = is_string or nil
    lines[count] = is_string and result or json_value.write(result)
  end)
  if ok then
    return lines
  elseif type(problem) ~= "table" or not problem.run_time then
    error(problem, 0)
  end
  return nil, { kind = "query", message = problem.message }
end

return query
