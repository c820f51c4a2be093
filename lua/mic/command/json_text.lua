--- JSON as a text: its tokens, without decoding. What is built on it keeps the order of names, the
--- digits of numbers and the escapes of strings, which a decoder loses.

local json_text = {}

local byte, find = string.byte, string.find

local QUOTE, COMMA, COLON, OPEN_LIST, CLOSE_LIST = 34, 44, 58, 91, 93
local OPEN_OBJECT, CLOSE_OBJECT, MINUS, ZERO, NINE, POINT = 123, 125, 45, 48, 57, 46
local SPACE, TAB, LINE_FEED, RETURN = 32, 9, 10, 13

--- What may come next.
local VALUE, FIRST_VALUE, NAME, FIRST_NAME, AFTER_NAME, AFTER_VALUE = 1, 2, 3, 4, 5, 6

local NOWHERE = math.huge
local BYTE_ORDER_MARK = "\239\187\191"

local words = { [116] = "true", [102] = "false", [110] = "null" } -- by their first byte

--- Returns the position of the first byte of a text's value.
---@param text string
---@return integer position behind a byte order mark and spaces; behind the end for an empty text
function json_text.start(text)
  local first = text:sub(1, 3) == BYTE_ORDER_MARK and 4 or 1
  return find(text, "[^ \t\r\n]", first) or #text + 1
end

--- Returns the end of the number that begins at a position.
---@param text string
---@param at integer
---@return integer|nil last its last byte; nil if the grammar has no such number
function json_text.number_end(text, at)
  local _, last = find(text, "^-?%d+", at)
  if not last then
    return nil
  end
  local first = byte(text, at) == MINUS and at + 1 or at
  if byte(text, first) == ZERO and last > first then
    return nil
  end
  local follows = byte(text, last + 1)
  if follows == POINT then
    _, last = find(text, "^%.%d+", last + 1)
    follows = last and byte(text, last + 1)
  end
  if follows == 101 or follows == 69 then -- e, E
    _, last = find(text, "^[eE][+-]?%d+", last + 1)
  end
  return last
end

--- Returns the end of the string that begins at a position, which has a backslash in it.
local function escaped_end(text, at)
  local position = at + 1
  while true do
    local found = find(text, '["\\%z\1-\31]', position)
    local char = found and byte(text, found)
    if char == QUOTE then
      return found
    elseif char ~= 92 then
      return nil
    elseif find(text, '^["\\/bfnrt]', found + 1) then
      position = found + 2
    elseif find(text, "^u%x%x%x%x", found + 1) then
      position = found + 6
    else
      return nil
    end
  end
end

--- Goes through the value that begins at a position and checks its grammar.
---@param text string
---@param at integer first byte of the value
---@param visit? fun(kind: string, first: integer, last: integer, depth: integer) is called for
--- each token: "{" "}" "[" "]" "," ":" "name" "string" "number" "word"; depth is the number of
--- lists and objects around it
---@param deepest? integer most lists and objects inside each other
---@return integer|nil last byte of the value; nil if the text is not JSON
---@return integer|nil position of the error
---@return boolean|nil deep true if it is nested deeper
function json_text.walk(text, at, visit, deepest)
  local state, depth, objects = VALUE, 0, {}
  local slash, control = 0, 0 -- the next ones, looked for when they have been passed
  deepest = deepest or NOWHERE
  while true do
    local char = byte(text, at)
    while char == SPACE or char == LINE_FEED or char == RETURN or char == TAB do
      at = at + 1
      char = byte(text, at)
    end
    local last = at
    if char == QUOTE then
      last = find(text, '"', at + 1, true)
      if not last then
        return nil, at
      end
      if slash <= at then
        slash = find(text, "\\", at + 1, true) or NOWHERE
      end
      if slash < last then
        last = escaped_end(text, at)
      else
        if control <= at then
          control = find(text, "[%z\1-\31]", at + 1) or NOWHERE
        end
        last = control > last and last
      end
      if not last then
        return nil, at
      end
      if state <= FIRST_VALUE then
        state = AFTER_VALUE
        if visit then
          visit("string", at, last, depth)
        end
      elseif state <= FIRST_NAME then
        state = AFTER_NAME
        if visit then
          visit("name", at, last, depth)
        end
      else
        return nil, at
      end
    elseif char == COMMA then
      if state ~= AFTER_VALUE or depth == 0 then
        return nil, at
      end
      state = objects[depth] and NAME or VALUE
      if visit then
        visit(",", at, at, depth)
      end
    elseif char == COLON then
      if state ~= AFTER_NAME then
        return nil, at
      end
      state = VALUE
      if visit then
        visit(":", at, at, depth)
      end
    elseif char == OPEN_OBJECT or char == OPEN_LIST then
      if state > FIRST_VALUE then
        return nil, at
      elseif depth == deepest then
        return nil, at, true
      end
      local is_object = char == OPEN_OBJECT
      if visit then
        visit(is_object and "{" or "[", at, at, depth)
      end
      depth = depth + 1
      objects[depth] = is_object
      state = is_object and FIRST_NAME or FIRST_VALUE
    elseif char == CLOSE_OBJECT or char == CLOSE_LIST then
      local is_object = char == CLOSE_OBJECT
      if depth == 0 or objects[depth] ~= is_object
        or state ~= AFTER_VALUE and state ~= (is_object and FIRST_NAME or FIRST_VALUE) then
        return nil, at
      end
      depth = depth - 1
      state = AFTER_VALUE
      if visit then
        visit(is_object and "}" or "]", at, at, depth)
      end
    elseif not char or state > FIRST_VALUE then
      return nil, at
    elseif char == MINUS or char >= ZERO and char <= NINE then
      last = json_text.number_end(text, at)
      if not last then
        return nil, at
      end
      state = AFTER_VALUE
      if visit then
        visit("number", at, last, depth)
      end
    else
      local word = words[char]
      if not word or text:sub(at, at + #word - 1) ~= word then
        return nil, at
      end
      last = at + #word - 1
      state = AFTER_VALUE
      if visit then
        visit("word", at, last, depth)
      end
    end
    if depth == 0 and state == AFTER_VALUE then
      return last
    end
    at = last + 1
  end
end

--- Describes an error of `walk`.
---@param text string
---@param position integer
---@param deep? boolean
---@return string message without content of the text
function json_text.problem(text, position, deep)
  if deep then
    return "JSON nested too deeply"
  elseif position > #text then
    return ("incomplete JSON (ends after %d bytes)"):format(#text)
  end
  return ("not valid JSON at byte %d of %d"):format(position, #text)
end

--- Goes through a text that is one value and nothing else.
---@param text string
---@param visit? function as of `walk`
---@param deepest? integer
---@return true|nil ok
---@return string|nil message
---@return integer|nil position
function json_text.walk_whole(text, visit, deepest)
  local last, position, deep = json_text.walk(text, json_text.start(text), visit, deepest)
  if not last then
    return nil, json_text.problem(text, position, deep), position
  end
  local rest = find(text, "[^ \t\r\n]", last + 1)
  if rest then
    return nil, json_text.problem(text, rest), rest
  end
  return true
end

local short = { b = "\b", f = "\f", n = "\n", r = "\r", t = "\t" }

local function utf8_character(code)
  if code < 0x80 then
    return string.char(code)
  elseif code < 0x800 then
    return string.char(0xC0 + math.floor(code / 0x40), 0x80 + code % 0x40)
  elseif code < 0x10000 then
    return string.char(0xE0 + math.floor(code / 0x1000), 0x80 + math.floor(code / 0x40) % 0x40,
      0x80 + code % 0x40)
  end
  return string.char(0xF0 + math.floor(code / 0x40000), 0x80 + math.floor(code / 0x1000) % 0x40,
    0x80 + math.floor(code / 0x40) % 0x40, 0x80 + code % 0x40)
end

--- Decodes a string.
---@param text string
---@param first integer its quotes
---@param last integer
---@return string|nil value nil if an escape is unpaired surrogate
function json_text.string(text, first, last)
  local inner = text:sub(first + 1, last - 1)
  local slash = find(inner, "\\", 1, true)
  if not slash then
    return inner
  end
  local parts, position = {}, 1
  while slash do
    parts[#parts + 1] = inner:sub(position, slash - 1)
    local letter = inner:sub(slash + 1, slash + 1)
    position = slash + 2
    if letter == "u" then
      local code = tonumber(inner:sub(position, position + 3), 16)
      position = position + 4
      if code >= 0xD800 and code <= 0xDBFF then
        local low = inner:match("^\\u([dD][c-fC-F]%x%x)", position)
        if not low then
          return nil
        end
        code = 0x10000 + (code - 0xD800) * 0x400 + tonumber(low, 16) - 0xDC00
        position = position + 6
      elseif code >= 0xDC00 and code <= 0xDFFF then
        return nil
      end
      parts[#parts + 1] = utf8_character(code)
    else
      parts[#parts + 1] = short[letter] or letter
    end
    slash = find(inner, "\\", position, true)
  end
  parts[#parts + 1] = inner:sub(position)
  return table.concat(parts)
end

local escapes = { ["\b"] = "\\b", ["\f"] = "\\f", ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t",
  ['"'] = '\\"', ["\\"] = "\\\\" }

local function escape(char)
  return escapes[char] or ("\\u%04x"):format(byte(char))
end

--- Writes a string.
---@param value string UTF-8
---@return string text in quotes
function json_text.quote(value)
  return '"' .. value:gsub('[%z\1-\31\127"\\]', escape) .. '"'
end

--- Removes the spaces between tokens.
---@param text string one value
---@return string|nil text on one line
---@return string|nil message
function json_text.compact(text)
  local parts = {}
  local ok, message = json_text.walk_whole(text, function(_, first, last)
    parts[#parts + 1] = text:sub(first, last)
  end)
  if not ok then
    return nil, message
  end
  return table.concat(parts)
end

return json_text
