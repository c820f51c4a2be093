--- `mic find`: searches things, observations or events without a body of Elasticsearch.

local answer = require "mic.command.answer"
local body = require "mic.command.body"
local failure = require "mic.command.failure"
local named = require "mic.command.named"
local paginate = require "mic.command.paginate"
local raw = require "mic.command.raw"
local rows = require "mic.api.rows"
local target = require "mic.command.target"

local search = {}

local units = { s = 1, m = 60, h = 3600, d = 86400, w = 7 * 86400 }

--- A time: "24h" before now, or a date as the API takes it.
local function time_of(text, option)
  if not text then
    return nil
  end
  local number, unit = text:match "^(%d+%.?%d*)(%a)$"
  if number and units[unit] then
    return -tonumber(number) * units[unit]
  elseif text:find "^%d%d%d%d%-%d%d" then
    return text
  elseif text:find "^%d%d%d%d%d%d%d%d%d%d%d%d+$" then
    return tonumber(text) -- milliseconds
  end
  failure.usage("%s takes a date, or a time before now such as 24h, 30m, 7d (got '%s')", option,
    text)
end

--- Returns the call's own table.
local function own_of(options)
  if options.data then
    for _, name in ipairs { "thing", "type", "since", "till", "fields", "size" } do
      if options[name] then
        failure.usage("-d and --%s cannot be combined: -d is the whole body",
          name == "till" and "until" or name == "fields" and "field" or name)
      end
    end
    return body.object(options)
  end
  return {
    thing = options.thing,
    type = options.type,
    since = time_of(options.since, "--since"),
    till = time_of(options.till, "--until"),
    fields = options.fields,
    size = options.size,
  }
end

--- Runs the command.
---@param _ table
---@param options table of the command line
function search.run(_, options)
  local name = (options.what:gsub("-", "_"))
  local row = rows.builtin().by_name[name .. ".find"]
  if not row then
    failure.usage("mic find takes things, observations or events (got '%s')", options.what)
  end
  answer.check(options)
  paginate.check(options)
  local program = answer.program(options)
  local own, opts = own_of(options), raw.call_options(options)
  local client = target.client(options)
  named.check_api(client)
  local source = require("mic.api.names").source(client, row, "mic find " .. options.what)
  if options.paginate then
    if own.size then
      failure.usage "--size and --paginate cannot be combined; use --page-size and --limit"
    end
    paginate.run(source, own, opts, options, program)
    return
  end
  if options.curl then
    require("mic.command.curl").show_named(source, own, opts, options)
    return
  end
  answer.prepare(opts, options)
  local response, err = failure.checked(source.call, source, own, opts)
  answer.show(response, err, options, { method = row.method, path = row.path,
    save_to = opts.save_to, program = program })
end

return search
