--- Writes docs/api.md to standard output, from the table of endpoints: `make docs/api.md`.

package.path = "lua/?.lua;" .. package.path

local endpoints = require "mic.api.endpoints"

local HEAD = [[
# What can I call?

Every endpoint of MIC that is known, with its method, one example each.
[Endpoint methods](reference.md#endpoint-methods) says what all of these methods have in common, and
how to add others. `mic.endpoints()` is the same table for programs.

There is no complete public description of the API. What the vendor's documentation or several
independent clients say has no mark here; *one source* and *not confirmed* mark the rest.
`client:swagger()` is the API's own description, where it is served.

(This page is made from `lua/mic/api/endpoints.lua` by `make docs/api.md`.)

The last argument of every method may be a table of [call options](reference.md#call-options).
]]

local COLLECTIONS = {
  thing_types = "Thing types", thing_batches = "Thing batches", thing_groups = "Thing groups",
  auth = "Accounts",
}

local MARKS = { M = ", *one source*", L = ", *not confirmed*" }

local PAGES = {
  page = "All users, or page by page", from = "All that are found, 10,000 at most",
  time = "All that are found, in the order of time", token = "All files, page by page",
  one = "One after the other",
}

local MOST = 8 -- names of one list

local lines = {}

local function add(format, ...)
  lines[#lines + 1] = select("#", ...) == 0 and format or format:format(...)
end

local function code_list(names)
  local shown = {}
  for index, name in ipairs(names) do
    shown[index] = index <= MOST and "`" .. name .. "`" or nil
  end
  if #shown ~= #names or #shown == 0 then
    shown[#shown + 1] = "…"
  end
  return table.concat(shown, ", ")
end

--- "client.users:get".
local function call_of(row)
  local collection, method = row.name:match "^(.-)%.(.*)$"
  return collection and ("client.%s:%s"):format(collection, method) or "client:" .. row.name
end

local function example_of(row)
  local arguments = row.example:gsub("%s*\n%s*", " ")
  local only = arguments:match "^{[^{}]*}$" or arguments:match '^"[^"]*"$'
  return call_of(row) .. (only and " " .. only or "(" .. arguments .. ")")
end

--- What goes into the call: arguments, parameters or members of the body.
local function takes(row)
  local parts = {}
  if row.parameters then
    parts[#parts + 1] = code_list(row.parameters)
  end
  if row.query then
    parts[#parts + 1] = "{ " .. code_list(row.query) .. " }"
  elseif row.find then
    parts[#parts + 1] = "the [short form](reference.md#endpoint-methods), or the body { "
      .. code_list(row.members) .. " }"
  elseif row.body == "object" then
    parts[#parts + 1] = "body { " .. code_list(row.members or {}) .. " }"
  end
  return table.concat(parts, "; ")
end

local function add_row(row)
  local example = "`" .. (row.own and call_of(row) .. "()" or example_of(row)) .. "`"
  if row.alias then
    example = ("%s, `client:%s()`"):format(example, row.alias)
  end
  local what = row.summary
  if row.required and not row.own and not row.find then
    what = what .. ". Required: " .. code_list(row.required)
  end
  if row.open == "login" then
    what = what .. ". No login"
  elseif row.open == "key" then
    what = what .. ". No login, no API key"
  end
  add("| %s | `%s %s`%s | %s | %s | %s |", example, row.method, row.path,
    MARKS[row.confidence] or "", row.own and "" or takes(row), what, row.reply)
end

local function add_table(rows)
  add ""
  add "| example | sends | takes | what it does | reply |"
  add "|---|---|---|---|---|"
  for _, row in ipairs(rows) do
    add_row(row)
  end
end

local function group()
  local order, by_name, tops, unnamed = {}, {}, {}, {}
  for _, row in ipairs(endpoints) do
    local collection = row.name:match "^(.-)%."
    if row.unnamed then
      unnamed[#unnamed + 1] = row
    elseif not collection then
      tops[#tops + 1] = row
    else
      if not by_name[collection] then
        by_name[collection] = {}
        order[#order + 1] = collection
      end
      table.insert(by_name[collection], row)
    end
  end
  return order, by_name, tops, unnamed
end

local order, by_name, tops, unnamed = group()
add((HEAD:gsub("\n$", "")))
for _, name in ipairs(order) do
  add ""
  add("## %s", COLLECTIONS[name] or name:sub(1, 1):upper() .. name:sub(2))
  add_table(by_name[name])
  for _, row in ipairs(by_name[name]) do
    if row.paging then
      add ""
      add("%s: `client.%s:each`, `:pages` and `:all` ([loops over pages](%s)).",
        PAGES[row.paging], name, "reference.md#pagination")
    end
  end
end
add ""
add "## The client"
add_table(tops)
add ""
add "## Without a name"
add ""
add "No source says that the API has these; the sandbox does. Where a stack has them, the option"
add "`endpoints` gives them [names](reference.md#custom-endpoints)."
add ""
add "| sends | what it does |"
add "|---|---|"
for _, row in ipairs(unnamed) do
  add("| `%s %s` | %s |", row.method, row.path, row.summary)
end
add ""
add "Rules, dashboards, jobs, SMS, search and LoRa are features of MIC whose paths are not known."
io.write(table.concat(lines, "\n"), "\n")
