--- Parser of `-q`: a part of jq's language, as a tree.
---
--- Nodes are tables with `kind`: literal (value), path (steps from term, or from the input without
--- one), list (body), object (entries), pipe and comma (parts), both and either (left, right),
--- compare (operator, left, right), call (name), select (condition), try (body).

local core = require "mic.core"
local json_text = require "mic.command.json_text"
local json_value = require "mic.command.json_value"
local mark = require "mic.command.mark"

local query_parser = {}

local NOT_OURS = "not in mic's part of jq; pipe into jq for more"
local DEEPEST, LONGEST = 64, 1000 -- brackets inside each other, nodes

local comparisons = { ["=="] = true, ["!="] = true, ["<"] = true, ["<="] = true, [">"] = true,
  [">="] = true }
local calls = { length = true, keys = true, first = true, ["not"] = true, ["@tsv"] = true,
  ["@csv"] = true }
local constants = { ["true"] = true, ["false"] = false, null = json_value.null }

--- Words of jq that are no names in `{name}`.
local reserved = {}
for word in ("def module import include if then else elif end reduce foreach try catch label and "
  .. "or as __loc__"):gmatch "%S+" do
  reserved[word] = true
end

local function fail(at, message)
  error({ syntax = true, at = at, message = message or NOT_OURS }, 0)
end

local function count(state, node)
  state.nodes = state.nodes + 1
  if state.nodes > LONGEST then
    fail(state.at, "the expression has more than " .. LONGEST .. " parts")
  end
  return node
end

--- Reads the string at the current position; jq allows line ends in it, and has `\(`.
local function read_string(state)
  local first, position = state.at, state.at + 1
  while true do
    local found = state.text:find('["\\]', position)
    if not found then
      fail(first, "unterminated string")
    elseif state.text:sub(found, found) == '"' then
      state.after = found + 1
      local value = json_text.string(state.text, first, found)
      return value or fail(first)
    end
    if not state.text:find('^["\\/bfnrt]', found + 1)
      and not state.text:find("^u%x%x%x%x", found + 1) then
      fail(found)
    end
    position = found + 2
  end
end

--- Moves to the next token. Its `token` is "field", "name", "number", "string", "end", or the text
--- itself; `value` what it means.
local function advance(state)
  local text = state.text
  local at = text:find("[^ \t\r\n]", state.after) or #text + 1
  state.at, state.value = at, nil
  local char = text:sub(at, at)
  local _, last = text:find("^%.?[A-Za-z_][A-Za-z0-9_]*", at)
  if char == "" then
    state.token, state.after = "end", at
  elseif last then
    state.token = char == "." and "field" or "name"
    state.value = text:sub(char == "." and at + 1 or at, last)
    state.after = last + 1
  elseif char == '"' then
    state.token, state.value = "string", read_string(state)
  elseif text:find("^-?%d", at) then
    last = json_text.number_end(text, at)
    if not last or text:find("^[A-Za-z0-9_.]", last + 1) then
      fail(at)
    end
    state.token, state.value, state.after = "number", text:sub(at, last), last + 1
  else
    for _, pattern in ipairs { "^@[a-z0-9]+", "^[=!<>]=", "^%.%." } do
      last = select(2, text:find(pattern, at))
      if last then
        break
      end
    end
    last = last or at
    state.token, state.after = text:sub(at, last), last + 1
  end
end

local function skip(state, token)
  if state.token == token then
    advance(state)
    return true
  end
  return false
end

local function close(state, token, opened)
  if state.token == "end" then
    fail(opened, ("unclosed %s"):format(state.text:sub(opened, opened)))
  elseif state.token ~= token then
    fail(state.at)
  end
  advance(state)
end

local parse, term

--- Parses what stands in brackets.
local function inside(state, token)
  local opened = state.at
  state.depth = state.depth + 1
  if state.depth > DEEPEST then
    fail(opened, "brackets are nested deeper than " .. DEEPEST .. " levels")
  end
  advance(state)
  local node = parse(state)
  close(state, token, opened)
  state.depth = state.depth - 1
  return node
end

local function literal(state, value)
  return count(state, { kind = "literal", value = value })
end

--- jq computes a negative number, so that it is a double.
local function number(state)
  local text, at = state.value, state.at
  local value = json_value.number(text)
  if not value then
    fail(at)
  end
  if text:find "^-" then
    value = -json_value.double(json_value.number(text:sub(2)))
    if value == 0 then
      value = -1 / math.huge
    end
  end
  advance(state)
  return literal(state, value)
end

--- Parses `[]`, `["name"]` or `[1]` behind a term.
local function bracket(state)
  local opened, step = state.at, { each = true }
  advance(state)
  if state.token == "string" then
    step = { name = state.value }
    advance(state)
  elseif state.token == "number" then
    if not state.value:find "^-?%d%d?%d?%d?%d?%d?%d?%d?%d?$" then
      fail(state.at)
    end
    step = { index = tonumber(state.value) }
    advance(state)
  end
  close(state, "]", opened)
  return step
end

--- Parses a step of a path; nil if there is none.
local function step_of(state)
  local step
  if state.token == "field" then
    step = { name = state.value }
    advance(state)
  elseif state.token == "[" then
    step = bracket(state)
  elseif state.token == "." then
    advance(state)
    if state.token == "string" then
      step = { name = state.value }
      advance(state)
    elseif state.token == "[" then
      step = bracket(state)
    else
      fail(state.at)
    end
  end
  if step then
    count(state)
    step.optional = skip(state, "?")
  end
  return step
end

local function steps(state, base)
  local path = { kind = "path", term = base, steps = {} }
  while true do
    local step = step_of(state)
    if not step then
      return #path.steps == 0 and base or path
    end
    path.steps[#path.steps + 1] = step
  end
end

local function object_value(state)
  local node
  if state.token == "number" and state.value:find "^-" then
    node = number(state)
  else
    node = term(state)
  end
  if skip(state, "|") then
    return { kind = "pipe", parts = { node, object_value(state) } }
  end
  return node
end

local function object_entry(state)
  local name, at, is_word = state.value, state.at, state.token == "name"
  if state.token ~= "string" and not is_word then
    fail(at)
  end
  advance(state)
  if skip(state, ":") then
    return { name = name, value = object_value(state) }
  end
  if is_word and reserved[name] then
    fail(at)
  end
  return { name = name, value = { kind = "path", steps = { { name = name } } } }
end

local function object(state)
  local opened, node = state.at, { kind = "object", entries = {} }
  state.depth = state.depth + 1
  if state.depth > DEEPEST then
    fail(opened, "brackets are nested deeper than " .. DEEPEST .. " levels")
  end
  advance(state)
  if state.token ~= "}" then
    repeat
      node.entries[#node.entries + 1] = count(state, object_entry(state))
    until not skip(state, ",")
  end
  close(state, "}", opened)
  state.depth = state.depth - 1
  return node
end

local function called(state)
  local name, at = state.value, state.at
  advance(state)
  if constants[name] ~= nil then
    return literal(state, constants[name])
  elseif name == "select" and state.token == "(" then
    return count(state, { kind = "select", condition = inside(state, ")") })
  elseif not calls[name] or state.token == "(" then
    fail(at)
  end
  return count(state, { kind = "call", name = name })
end

--- Parses a term with its path.
function term(state)
  local token, node = state.token, nil
  if token == "field" then
    return steps(state, nil)
  elseif token == "." then
    advance(state)
    if state.token == "string" then
      local step = { name = state.value }
      advance(state)
      step.optional = skip(state, "?")
      node = { kind = "path", steps = { step } }
    else
      node = { kind = "path", steps = {} }
    end
    count(state)
  elseif token == "number" then
    if state.value:find "^-" then
      fail(state.at)
    end
    return number(state)
  elseif token == "string" then
    node = literal(state, state.value)
    advance(state)
  elseif token == "name" then
    node = called(state)
  elseif calls[token] then
    advance(state)
    if state.token == "string" then -- a format applied to a string
      fail(state.at)
    end
    node = count(state, { kind = "call", name = token })
  elseif token == "(" then
    node = inside(state, ")")
  elseif token == "[" then
    local opened = state.at
    local ahead = state.text:find("[^ \t\r\n]", state.after)
    if ahead and state.text:sub(ahead, ahead) == "]" then
      advance(state)
      close(state, "]", opened)
      node = count(state, { kind = "list" })
    else
      node = count(state, { kind = "list", body = inside(state, "]") })
    end
  elseif token == "{" then
    node = count(state, object(state))
  elseif token == "end" then
    fail(state.at, "unexpected end of the expression")
  else
    fail(state.at)
  end
  return steps(state, node)
end

--- A term, and the `?` of any expression: behind it jq has no path.
local function operand(state)
  if state.token == "number" then
    return number(state)
  end
  local node, guarded = term(state), false
  while skip(state, "?") do
    guarded = true
  end
  return guarded and count(state, { kind = "try", body = node }) or node
end

local function comparison(state)
  local left = operand(state)
  local operator = state.token
  if not comparisons[operator] then
    return left
  end
  advance(state)
  local right = operand(state)
  if comparisons[state.token] then
    fail(state.at)
  end
  return count(state, { kind = "compare", operator = operator, left = left, right = right })
end

local function conjunction(state)
  local left = comparison(state)
  while state.token == "name" and state.value == "and" do
    advance(state)
    left = count(state, { kind = "both", left = left, right = comparison(state) })
  end
  return left
end

local function disjunction(state)
  local left = conjunction(state)
  while state.token == "name" and state.value == "or" do
    advance(state)
    left = count(state, { kind = "either", left = left, right = conjunction(state) })
  end
  return left
end

--- Parses operands with a separator between them.
local function separated(state, token, kind, operand_of)
  local first = operand_of(state)
  if state.token ~= token then
    return first
  end
  local parts = { first }
  while skip(state, token) do
    parts[#parts + 1] = operand_of(state)
  end
  return count(state, { kind = kind, parts = parts })
end

local function enumeration(state)
  return separated(state, ",", "comma", disjunction)
end

function parse(state)
  return separated(state, "|", "pipe", enumeration)
end

--- Parses an expression.
---@param text string
---@return table|nil node
---@return table|nil err message, column (in characters), text, mark (two lines that point at it)
function query_parser.parse(text)
  local state = { text = text, after = 1, nodes = 0, depth = 0 }
  local wrong = core.utf8_problem(text)
  local ok, node = pcall(function()
    if wrong then
      fail(wrong, "the expression is not UTF-8")
    end
    advance(state)
    if state.token == "end" then
      fail(1, "the expression is empty; . is the whole response")
    end
    local root = parse(state)
    if state.token ~= "end" then
      fail(state.at)
    end
    return root
  end)
  if ok then
    return node
  elseif type(node) ~= "table" or not node.syntax then
    error(node, 0)
  end
  local column = mark.column(text, node.at)
  return nil, { kind = "usage", message = node.message, column = column, text = text,
    mark = mark.lines(text, column) }
end

return query_parser
