--- `mic api`: what can be called, from the endpoint table; and what a stack's own description has
--- beside it.

local failure = require "mic.command.failure"
local named = require "mic.command.named"
local output = require "mic.command.output"
local rows = require "mic.api.rows"
local target = require "mic.command.target"

local api_list = {}

local certain = { H = "", M = "  (one source)", L = "  (not confirmed)" }

local function list_all()
  for _, row in ipairs(rows.builtin().list) do
    if not row.unnamed and not row.own then
      output.write(("%-28s %-6s %s%s%s\n"):format(row.name, row.method, row.path,
        row.paging and "  pages" or "", certain[row.confidence] or ""))
    end
  end
end

local function write_list(name, list)
  if list and #list > 0 then
    output.write(("%-11s %s\n"):format(name, table.concat(list, " ")))
  end
end

--- Shows the rows of a name: of one call, or of a collection.
local function show(name)
  local asked, found = name:gsub("-", "_"):gsub(" ", "."), false
  for _, row in ipairs(rows.builtin().list) do
    local collection = rows.split(row.name)
    if row.name == asked or collection == asked then
      output.write(found and "\n" or "", named.usage(row), "\n")
      found = true
      output.write(("%-11s %s\n"):format("", row.summary))
      output.write(("%-11s %s %s\n"):format("request", row.method, row.path))
      write_list("query", row.query)
      write_list("body", row.members)
      write_list("required", row.required)
      output.write(("%-11s %s\n"):format("response", row.reply or "no body"))
      output.write(("%-11s %s\n"):format("pages", row.paging and "with --paginate" or "none"))
      output.write(("%-11s %s\n"):format("retried", row.idempotent and "yes" or "no"))
      if row.unnamed then
        output.write(("%-11s %s\n"):format("note", "not confirmed; use mic download, mic upload"))
      end
    end
  end
  if not found then
    failure.usage("unknown endpoint '%s'; mic api lists them all", name)
  end
end

--- A path with the same text for each parameter: their names differ.
local function plain(path)
  return (path:gsub("{[^}]*}", "{}"):gsub("/$", ""))
end

local function add_paths(set, data)
  local base = type(data.basePath) == "string" and data.basePath or ""
  for whole, methods in pairs(data.paths) do
    local path = whole:sub(1, #base) == base and base ~= "/" and whole:sub(#base + 1) or whole
    for name in pairs(type(methods) == "table" and methods or {}) do
      local method = name:upper()
      if method ~= "OPTIONS" and not method:find "^X%-" and method ~= "PARAMETERS" then
        set[method .. " " .. plain(path)] = path
      end
    end
  end
end

--- Compares the endpoint table with the API's own description of itself.
local function compare(options)
  local client = target.client(options)
  named.check_api(client)
  local response = failure.need(client:swagger())
  local data = response.data
  if type(data) ~= "table" or type(data.paths) ~= "table" then
    failure.raise("decode", "the Swagger document of the API has no paths")
  end
  local theirs, lines = {}, {}
  add_paths(theirs, data)
  local ours = {}
  for _, row in ipairs(rows.builtin().list) do
    if not row.discovery then
      local key = row.method .. " " .. plain(row.path)
      ours[key] = true
      if not theirs[key] then
        lines[#lines + 1] = ("- %-6s %s  (%s)"):format(row.method, row.path, row.name)
      end
    end
  end
  for key, path in pairs(theirs) do
    if not ours[key] then
      lines[#lines + 1] = ("+ %-6s %s"):format(key:match "^%S+", path)
    end
  end
  table.sort(lines)
  for _, line in ipairs(lines) do
    output.line(line)
  end
end

--- Runs the command.
---@param _ table
---@param options table of the command line
function api_list.run(_, options)
  if options.diff then
    compare(options)
  elseif options.name then
    show(options.name)
  else
    list_all()
  end
end

return api_list
