--- Standard output and standard error of the command. Every write to standard output is checked.

local failure = require "mic.command.failure"
local terminal = require "mic.terminal"

local output = {}

local STDOUT, STDERR = 1, 2
local can_be_text = { ["\t"] = true, ["\n"] = true }

output.silent = false
output.color = "auto"

local function fail(problem)
  local message = "cannot write the output: " .. tostring(problem):gsub("^%u", string.lower)
  failure.raise("file", message)
end

local function check(written, problem)
  if not written then
    fail(problem)
  end
end

--- Writes to standard output. Raises if that fails.
---@param ... string
function output.write(...)
  check(io.stdout:write(...))
end

--- Writes out what is buffered. Raises if that fails.
function output.flush()
  check(io.stdout:flush())
end

--- True if standard output is a terminal.
---@return boolean
function output.is_terminal()
  return terminal.is_terminal(STDOUT)
end

--- Escapes what a terminal would interpret: control characters, also those of 8 bits, and bytes
--- that are not UTF-8.
---@param text string
---@return string
function output.visible(text)
  if not text:find "[%z\1-\8\11-\31\127-\255]" then
    return text
  end
  local core = require "mic.core"
  local is_utf8 = not core.utf8_problem(text)
  text = text:gsub("[%z\1-\31]", function(byte)
    return can_be_text[byte] and byte or ("\\x%02x"):format(byte:byte())
  end)
  text = text:gsub("\127", "\\u007f")
  if not is_utf8 then
    return (text:gsub("[\128-\255]", function(byte)
      return ("\\x%02x"):format(byte:byte())
    end))
  end
  text = text:gsub("\194([\128-\159])", function(byte)
    return ("\\u%04x"):format(byte:byte())
  end)
  return text
end

--- Writes a line to standard error; there is no better place to report that this fails.
---@param line string
function output.error_line(line)
  io.stderr:write(terminal.is_terminal(STDERR) and output.visible(line) or line, "\n")
end

--- Writes a note to standard error, unless the command is silent.
---@param line string
function output.note(line)
  if not output.silent then
    output.error_line(line)
  end
end

local function is_set(name)
  local value = os.getenv(name)
  return value ~= nil and value ~= ""
end

--- True if this stream gets colours.
---@param descriptor? integer standard output if nil
---@return boolean
function output.has_color(descriptor)
  if output.color ~= "auto" then
    return output.color == "always"
  elseif is_set "NO_COLOR" then
    return false
  elseif is_set "CLICOLOR_FORCE" and os.getenv "CLICOLOR_FORCE" ~= "0" then
    return true
  end
  return os.getenv "TERM" ~= "dumb" and terminal.is_terminal(descriptor or STDOUT)
end

--- The columns of the terminal.
---@return integer
function output.width()
  return terminal.width()
end

return output
