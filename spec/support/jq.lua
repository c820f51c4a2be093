-- The real jq: many expressions over many documents in one process. JQ names another one.

local scratch = require "spec.support.scratch"
local shell = require "spec.support.shell"

local jq = {}

jq.command = os.getenv "JQ" or "jq"

--- Version as a number, such as 1.6.
function jq.version()
  return tonumber(shell.check(jq.command .. " --version"):match "(%d+%.%d+)")
end

--- Runs `jq -r -c`.
---@param expression string
---@param document string
---@return string output
---@return integer status
function jq.raw(expression, document)
  local file = scratch.file(document)
  return shell.run(("%s -r -c %s <%s 2>/dev/null"):format(jq.command,
    shell.quote(expression), file))
end

--- Formats a document as jq does.
function jq.pretty(document)
  return (shell.run(("%s . %s"):format(jq.command, scratch.file(document))))
end

--- True if jq can compile an expression.
function jq.takes(expression)
  local _, status = jq.raw(expression, "")
  return status == 0
end

--- Applies expressions to documents, each to each. Each expression must be one that jq takes.
---@param expressions string[]
---@param documents string[] each on one line
---@return string[][]|nil results by document and expression: "[results]", or "error message"; nil
--- if jq does not take them all
function jq.table(expressions, documents)
  local tries = {}
  for index, expression in ipairs(expressions) do
    tries[index] = ('(try ("[" + ([(%s) | tojson] | join(",")) + "]") catch "error \\(.)")')
      :format(expression)
  end
  local program = scratch.file(table.concat(tries, ",\n"))
  local input = scratch.file(table.concat(documents, "\n") .. "\n")
  local output, status = shell.run(("%s -r -f %s %s 2>/dev/null"):format(jq.command, program,
  input))
  if status ~= 0 then
    return nil
  end
  local results, lines = {}, output:gmatch "([^\n]*)\n"
  for index = 1, #documents do
    results[index] = {}
    for place = 1, #expressions do
      results[index][place] = assert(lines(), "jq printed too few lines")
    end
  end
  return results
end

return jq
