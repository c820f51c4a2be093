--- Questions to the person at the terminal. Without a terminal nothing is asked.

local failure = require "mic.command.failure"
local terminal = require "mic.terminal"

local questions = {}

--- Asks at /dev/tty. Raises where there is none, and at the end of input.
---@param prompt string
---@param way string what to give instead: "--username"
---@param hidden? boolean
---@return string text perhaps empty
function questions.ask(prompt, way, hidden)
  local text, problem = terminal.ask(prompt, hidden)
  if text then
    return text
  elseif problem == "no terminal" then
    failure.usage("cannot prompt without a terminal; use %s", way)
  elseif problem == "too long" then
    failure.usage "the input is too long"
  end
  failure.raise("auth", "not logged in: end of input")
end

--- Asks until the answer is not empty.
---@param prompt string
---@param way string
---@param hidden? boolean
---@return string text
function questions.need(prompt, way, hidden)
  local text
  repeat
    text = questions.ask(prompt, way, hidden)
  until text ~= ""
  return text
end

--- Reads a secret from standard input: its first line.
---@return string
function questions.first_line()
  local line, problem = io.stdin:read "*l"
  if not line and problem then
    failure.raise("file", "cannot read standard input: " .. problem)
  end
  line = (line or ""):gsub("\r$", "")
  if line == "" then
    failure.usage "--password-stdin: the first line of standard input is empty"
  end
  return line
end

return questions
