--- Password file: the password is its first line.

local core = require "mic.core"
local errors = require "mic.error"

local password_file = {}

local codes = { [1] = "EPERM", [2] = "ENOENT", [13] = "EACCES", [20] = "ENOTDIR", [21] = "EISDIR" }

local function failed(variable, path, problem, number)
  local message = ('%s: the file "%s" %s'):format(variable, errors.one_line(path, 200), problem)
  return nil, errors.new("config", message, { code = codes[number] })
end

--- Error for a file that cannot be read, without the path in Lua's message.
local function unreadable(variable, path, problem, number)
  return failed(variable, path, "cannot be read: " .. problem:match "[^:]*$":gsub("^ ", ""), number)
end

--- Reads the first line, without its line break.
---@return string|nil text
---@return table|nil err
---@return boolean|nil lasts false for a pipe, which can be read only once
local function read(variable, path)
  local file, problem, number = io.open(path, "rb")
  if not file then
    return unreadable(variable, path, problem, number)
  end
  local lasts = file:seek() ~= nil
  local text
  text, problem, number = file:read(core.secret_max + 3) -- with a line break
  file:close()
  if not text and problem then
    return unreadable(variable, path, problem, number)
  end
  local line = (text or ""):match "^[^\n]*"
  if #line < #(text or "") then
    line = line:gsub("\r$", "")
  end
  if line == "" then
    return failed(variable, path, "has an empty first line")
  elseif #line > core.secret_max then
    return failed(variable, path, ("is longer than %d bytes"):format(core.secret_max))
  end
  return line, nil, lasts
end

--- Returns the option `password` for a file. The file is read now, to report errors early, and
--- again at each login, to use a changed password.
---@param variable string the environment variable with its name, for messages
---@param path string
---@return string|function|nil password
---@return table|nil err of kind `config`
function password_file.option(variable, path)
  local password, err, lasts = read(variable, path)
  if not password then
    return nil, err
  end
  if not lasts then
    return password
  end
  return function()
    return read(variable, path)
  end
end

return password_file
