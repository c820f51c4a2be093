--- `--paginate`: the items of all pages, one a line as they come, or as one array.

local answer = require "mic.command.answer"
local failure = require "mic.command.failure"
local items = require "mic.command.items"
local output = require "mic.command.output"

local paginate = {}

--- Checks the options against each other.
---@param options table of the command line
function paginate.check(options)
  if not options.paginate then
    for _, name in ipairs { "slurp", "limit", "page_size", "after" } do
      if options[name] then
        failure.usage("--%s requires --paginate", (name:gsub("_", "-")))
      end
    end
  elseif options.curl then
    failure.usage "--paginate and --curl cannot be combined: each page is a request"
  elseif options.output then
    failure.usage "--paginate and -o cannot be combined; redirect standard output instead"
  end
end

--- Keeps the text of each entry of a page, by the table that it was decoded to.
local function text_keeper(names, texts)
  local page_answer = require "mic.api.page_answer"
  return function(response)
    for entry in pairs(texts) do
      texts[entry] = nil
    end
    local list = page_answer.list(names, response) or {}
    local cut = items.of_list(response.body, names.items)
    if #cut == 0 and #list > 0 then
      cut = items.of_list(response.body)
    end
    for index, entry in ipairs(list) do
      if type(entry) == "table" then
        texts[entry] = cut[index]
      end
    end
  end
end

--- Writes one item: one line, or with -q what the program makes of it.
local function writer(options, program)
  local count = 0
  local is_terminal = output.is_terminal() and not options.raw
  local function write(line)
    if options.slurp then
      output.write(count > 0 and "," or "", line)
    else
      output.write(is_terminal and require("mic.command.visible").text(line) or line, "\n")
    end
    count = count + 1
  end
  return function(text)
    if not program then
      write(text)
      return
    end
    local lines = answer.results(program, text)
    for index, line in ipairs(lines) do
      if options.slurp and lines.strings[index] then
        line = require("mic.command.json_text").quote(line)
      end
      write(line)
    end
  end
end

--- Adds to an error what came before it, and how to go on.
local function interrupted(err, count, place)
  local copy = failure.with(err, { items = count, after = place })
  if place then
    copy.resume = ("%d item%s came, go on with --after %s"):format(count, count == 1 and "" or "s",
      place)
  end
  return copy
end

--- Writes all items.
---@param source table of `mic.api.names`
---@param own table|nil parameters of the call
---@param opts table options of the call
---@param options table of the command line
---@param program table|nil of -q
function paginate.run(source, own, opts, options, program)
  local names = source.row.pages or {}
  local texts = setmetatable({}, { __mode = "k" })
  source.on_response = text_keeper(names, texts)
  opts.limit, opts.page_size, opts.after = options.limit, options.page_size, options.after
  local it = failure.checked(require("mic.api.pages").each, source, own, opts)
  local write = writer(options, program)
  local count = 0
  if options.slurp then
    output.write "["
  end
  while true do
    local item, second = it:next()
    if item == nil then
      if it.err then
        error(interrupted(it.err, count, it:position()), 0)
      end
      break
    end
    local entry = type(second) == "table" and second or item
    local text = texts[entry]
    if text and names.item and entry ~= item then
      text = items.member(text, names.item)
    end
    write(text and items.line(text) or require("mic.json").encode(item))
    count = count + 1
    if not options.slurp then
      output.flush() -- before the next request; line buffering would hide a failure
    end
  end
  if options.slurp then
    output.write "]\n"
  end
end

return paginate
