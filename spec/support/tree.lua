--- The files of the source tree, for specs that check the sources themselves.

local shell = require "spec.support.shell"

local tree = {}

--- Lists files, sorted.
---@param folder string below the checkout
---@param pattern string Lua pattern that the path must match
---@return string[] paths such as "lua/mic/client.lua"
function tree.files(folder, pattern)
  local found = {}
  for path in shell.run("find " .. folder .. " -type f 2>/dev/null"):gmatch "[^\n]+" do
    if path:find(pattern) then
      found[#found + 1] = path
    end
  end
  table.sort(found)
  return found
end

--- Reads a whole file; raises when there is none.
---@param path string
---@return string text
function tree.read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read("*a")
  file:close()
  return text
end

local function end_of_string(text, from, quote)
  local i = from + 1
  while i <= #text do
    local c = text:sub(i, i)
    if c == "\\" then
      i = i + 1
    elseif c == quote or c == "\n" then
      return i
    end
    i = i + 1
  end
  return #text
end

local function end_of_comment(text, from, is_lua)
  local close
  if is_lua then
    local level = text:match("^%-%-%[(=*)%[", from)
    close = level and "]" .. level .. "]" or "\n"
  else
    close = text:sub(from, from + 1) == "/*" and "*/" or "\n"
  end
  local first, last = text:find(close, from + 2, true)
  if not first then
    return #text
  end
  return close == "\n" and first - 1 or last
end

--- The text of a C or Lua file without its comments; strings stay.
---@param path string
---@return string code
function tree.code(path)
  local text = tree.read(path)
  local is_lua = not path:find "%.[ch]$"
  local kept, from = {}, 1
  while true do
    local at = text:find(is_lua and "[\"'%-]" or "[\"'/]", from)
    if not at then
      break
    end
    local two, last = text:sub(at, at + 1), at
    if two == "--" and is_lua or not is_lua and (two == "/*" or two == "//") then
      kept[#kept + 1] = text:sub(from, at - 1) .. " "
      last = end_of_comment(text, at, is_lua)
    else
      local c = text:sub(at, at)
      if c == '"' or c == "'" then
        last = end_of_string(text, at, c)
      end
      kept[#kept + 1] = text:sub(from, last)
    end
    from = last + 1
  end
  kept[#kept + 1] = text:sub(from)
  return table.concat(kept)
end

return tree
