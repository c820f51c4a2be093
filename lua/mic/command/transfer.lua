--- `mic download` and `mic upload`: files of the API, streamed.

local answer = require "mic.command.answer"
local failure = require "mic.command.failure"
local named = require "mic.command.named"
local output = require "mic.command.output"
local progress = require "mic.command.progress"
local raw = require "mic.command.raw"
local rows = require "mic.api.rows"
local target = require "mic.command.target"

local transfer = {}

--- Writes the pieces of a body to standard output. On a terminal a binary one is refused.
local function to_output(opts, options)
  local is_checked = not output.is_terminal() or options.output == "-" or options.raw
  io.stdout:setvbuf "no"
  function opts.on_data(piece)
    if not is_checked then
      is_checked = true
      if answer.is_binary(piece) then
        failure.usage "the file is binary; use -o FILE to save it, -o - to print it to the terminal"
      end
    end
    output.write(options.output ~= "-" and output.is_terminal() and not options.raw
      and require("mic.command.visible").text(piece) or piece)
  end
end

--- Runs the command.
---@param command table
---@param options table of the command line
function transfer.run(command, options)
  answer.check(options)
  local row = rows.builtin().by_name["files." .. command.name]
  local opts = raw.call_options(options)
  if command.name == "upload" then
    if options.file == "-" then
      opts.body = require("mic.command.body").read_input()
    elseif require("mic.terminal").file(options.file) == "folder" then
      failure.raise("file", options.file .. " is a folder")
    else
      opts.body_file = options.file
    end
  else
    answer.prepare(opts, options)
    if not opts.save_to then
      to_output(opts, options)
    end
  end
  local client = target.client(options)
  named.check_api(client)
  local finish = (opts.save_to or opts.body_file) and progress.attach(opts) or function() end
  opts.method, opts.path, opts.decode = row.method, row.path, false
  opts.params = { [row.parameters[1]] = options.key }
  local response, err = failure.checked(client.request, client, opts)
  finish()
  answer.show(response, err, options, { method = row.method, path = row.path,
    save_to = opts.save_to or opts.on_data and "-" or nil })
end

return transfer
