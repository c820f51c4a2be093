--- Writes docs/api.md to standard output, from the table of endpoints: `make docs/api.md`.

package.path = "lua/?.lua;" .. package.path

local endpoints = require "mic.api.endpoints"

local HEAD = [[
# Endpoints

Each known endpoint of MIC has a method of the client. This page lists the methods, with one example
each. All examples run in the sandbox.

```lua
local mic = require "mic"

local client = mic.assert(mic.from_env())
print(mic.assert(client.users:get "anna").data.email)
```

```text
anna@example.com
```

- The reference describes the arguments and results of
  [endpoint methods](reference.md#endpoint-methods), and how to
  [add endpoints](reference.md#custom-endpoints). The last argument of every method may be a table
  of [call options](reference.md#call-options).
- In a shell, each method is a [command](command.md#endpoint-commands): `mic users get anna`.
- For programs, `mic.endpoints()` returns this list as a table.

%s
In the column *arguments*, `{ … }` is a table with some of these members, and *body* is a table that
is sent as JSON. The column *data* describes `response.data`.
Without `attributes`, the API may send only some members of a user or thing, also after a change:
`client.users:get("anna", { attributes = { "userName", "city" } })` names the members.

There is no complete public description of the API. An endpoint without a mark is in the
documentation of the vendor or in several independent clients. *One source* and *not confirmed* mark
the others. `client:swagger()` returns the Swagger document of the stack, if it has one.

(`make docs/api.md` writes this page from `lua/mic/api/endpoints.lua`.)
]]

local COLLECTIONS = {
  thing_types = "Thing types", thing_batches = "Thing batches", thing_groups = "Thing groups",
  auth = "Accounts",
}

local MARKS = { M = ", *one source*", L = ", *not confirmed*" }

--- What a loop over pages reads.
local PAGES = {
  page = "all users", from = "all results, at most 10,000",
  time = "all results, in the order of time", token = "all files", one = "all entries",
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
    parts[#parts + 1] = "the [short form](reference.md#endpoint-methods), or body { "
      .. code_list(row.members) .. " }"
  elseif row.body == "object" then
    parts[#parts + 1] = "body { " .. code_list(row.members or {}) .. " }"
  end
  return table.concat(parts, "; ")
end

local OWN = "see [client methods](reference.md#client-methods)"

local function add_row(row)
  local example = "`" .. (row.own and call_of(row) .. "()" or example_of(row)) .. "`"
  if row.alias then
    example = ("%s, `client:%s()`"):format(example, row.alias)
  end
  local what = row.summary
  if row.required and not row.own and not row.find then
    what = what .. ". Required: " .. code_list(row.required)
  end
  if row.open == "login" and not row.own then
    what = what .. ". Needs no login"
  elseif row.open == "key" then
    what = what .. ". Needs no login and no API key"
  end
  add("| %s | `%s %s`%s | %s | %s | %s |", example, row.method, row.path,
    MARKS[row.confidence] or "", row.own and "" or takes(row), what, row.own and OWN or row.reply)
end

local function add_table(rows)
  add ""
  add "| example | request | arguments | what it does | data |"
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

local function title_of(name)
  return COLLECTIONS[name] or name:sub(1, 1):upper() .. name:sub(2)
end

local CLIENT, UNNAMED = "The client", "Endpoints without a method"

--- The table of contents.
local function contents(order)
  local titles, links = {}, {}
  for index, name in ipairs(order) do
    titles[index] = title_of(name)
  end
  titles[#titles + 1] = CLIENT
  titles[#titles + 1] = UNNAMED
  for index, title in ipairs(titles) do
    links[index] = ("[%s](#%s)"):format(title, title:lower():gsub(" ", "-"))
  end
  local text = {}
  for index = 1, #links, 4 do
    text[#text + 1] = table.concat(links, ", ", index, math.min(index + 3, #links))
  end
  return "Contents: " .. table.concat(text, ",\n") .. ".\n"
end

local order, by_name, tops, unnamed = group()
add((HEAD:format(contents(order)):gsub("\n$", "")))
for _, name in ipairs(order) do
  add ""
  add("## %s", title_of(name))
  add_table(by_name[name])
  for _, row in ipairs(by_name[name]) do
    if row.paging then
      add ""
      add("`client.%s:each`, `:pages` and `:all` read %s: [pagination](reference.md#pagination).",
        name, PAGES[row.paging])
    end
  end
end
add ""
add("## %s", CLIENT)
add_table(tops)
add ""
add("## %s", UNNAMED)
add ""
add "No source confirms these endpoints; the sandbox has them. If your stack has them, the option"
add "`endpoints` gives them [methods](reference.md#custom-endpoints)."
add ""
add "| request | what it does |"
add "|---|---|"
for _, row in ipairs(unnamed) do
  add("| `%s %s` | %s |", row.method, row.path, row.summary)
end
add ""
add "MIC also has rules, dashboards, jobs, SMS, search and LoRa. Their paths are not known."
io.write(table.concat(lines, "\n"), "\n")
