--- Path templates and query strings. The core checks which characters a path may contain.

local core = require "mic.core"
local errors = require "mic.error"
local json = require "mic.json"

local path = {}

local function encode_byte(char)
  return ("%%%02X"):format(char:byte())
end

--- Percent-encodes every byte that is not unreserved.
local function encode(text)
  if not text:find "[^A-Za-z0-9%-._~]" then
    return text
  end
  return (text:gsub("[^A-Za-z0-9%-._~]", encode_byte))
end

local function type_name(value)
  return type(value) == "userdata" and value == json.null and "null" or type(value)
end

--- Returns the text of a string or number, or nil and what is expected.
local function text_of(value)
  if type(value) == "string" then
    return value
  end
  if type(value) == "number" then
    local text = json.number(value)
    return text, not text and "a finite number" or nil
  end
  return nil, ("a string or a number (got %s)"):format(type_name(value))
end

local function param_text(name, value)
  local text, wanted = text_of(value)
  if not text then
    errors.raise(("params.%s must be %s"):format(name, wanted))
  end
  if text == "" then
    errors.raise(("params.%s is empty"):format(name))
  end
  if text:find "[.%%]" and core.has_dot_part(text) then
    local plain = text:gsub("%%2[eE]", ".")
    local verb = (plain == "." or plain == "..") and "be" or 'have a part that is'
    errors.raise(('params.%s must not %s "." or ".."'):format(name, verb))
  end
  return encode(text)
end

local function refuse_nameless(params)
  for name in pairs(params) do
    if type(name) ~= "string" then
      errors.raise(("params must have names (got a key of type %s)"):format(type(name)))
    end
  end
end

--- Raises for params that are not in the template, the first by name.
local function refuse_unused(params, places, text)
  local unused
  for name in pairs(params) do
    if not places[name] and type(name) ~= "string" then
      refuse_nameless(params)
    end
    if not places[name] and (not unused or name < unused) then
      unused = name
    end
  end
  if unused then
    local elsewhere = text:find(":" .. unused, 1, true) and "for :%s write {%s}"
      or "for ?%s=… use query"
    local mend = elsewhere:gsub("%%s", (unused:gsub("%%", "%%%%")))
    errors.raise(("params.%s is not in the path; %s"):format(unused, mend))
  end
end

--- Cache of parsed templates by text: literal parts, and the names between them.
local templates, template_count = {}, 0
local TEMPLATES_MAX = 200 -- bounds the memory if templates are built at run time

local function read_template(text)
  local template = { names = {}, places = {} }
  local position = 1
  for before, name, after in text:gmatch "()%{([^{}]*)%}()" do
    template[#template + 1] = text:sub(position, before - 1)
    template.names[#template.names + 1] = name
    template.places[name] = true
    position = after
  end
  template[#template + 1] = text:sub(position)
  for _, part in ipairs(template) do
    if part:find "[{}]" then
      errors.raise(
        "the path has an unbalanced brace; write a parameter as {name}, a brace as %7B or %7D"
      )
    end
  end
  if template_count >= TEMPLATES_MAX then
    templates, template_count = {}, 0
  end
  templates[text], template_count = template, template_count + 1
  return template
end

local function fill_template(text, params)
  local template = templates[text] or read_template(text)
  local filled, names = template[1], template.names
  for index = 1, #names do
    local name = names[index]
    local value = params[name]
    if value == nil then
      refuse_nameless(params)
      errors.raise(("params.%s is missing: the path has {%s}"):format(name, name))
    end
    filled = filled .. param_text(name, value) .. template[index + 1]
  end
  refuse_unused(params, template.places, text)
  return filled
end

--- True if a path contains braces.
---@param text string
---@return boolean
function path.is_template(text)
  return text:find("{", 1, true) ~= nil or text:find("}", 1, true) ~= nil
end

--- Fills the `{name}` placeholders of a path, percent-encodes each value and checks the result.
--- Raises for a param that is missing, unused, empty, "." or "..", and for an invalid path.
---@param template string for example "/users/{userName}"
---@param params? table<string, string|number>
---@return string path
function path.fill(template, params)
  if params ~= nil and type(params) ~= "table" then
    errors.raise(("params must be a table (got %s)"):format(type(params)))
  end
  local filled = template
  if path.is_template(template) then
    filled = fill_template(template, params or {})
  elseif params then
    refuse_unused(params, {}, template)
  end
  local ok, problem = core.check_path(filled)
  if not ok and filled:find "^%a[%w+.-]*://" then
    problem = problem .. "; for an absolute URL use client:fetch"
  end
  if not ok then
    errors.raise(problem)
  end
  return filled
end

--- Returns a path or URL without its query.
---@param text string
---@return string
function path.without_query(text)
  local mark = text:find("?", 1, true)
  return mark and text:sub(1, mark - 1) or text
end

local default_ports = { http = "80", https = "443" }

--- Returns the normalized origin of an absolute URL.
---@param url string
---@return string origin scheme, host and port
function path.origin(url)
  local scheme, authority = url:match "^(%a[%w+.-]*)://([^/?#]*)"
  scheme = core.lower(scheme or "")
  authority = core.lower(authority or ""):gsub("^.*@", "")
  if not authority:find ":%d+$" then
    authority = authority .. ":" .. (default_ports[scheme] or "")
  end
  return scheme .. "://" .. authority
end

local function query_text(name, value, wanted_in_list)
  if type(value) == "boolean" then
    return tostring(value)
  elseif type(value) == "string" then
    return encode(value)
  end
  local text, wanted = text_of(value)
  if text then
    return (text:gsub("%+", "%%2B")) -- as in 1e+20
  end
  if type(value) == "number" then
    errors.raise(("query.%s must be %s"):format(name, wanted))
  end
  errors.raise(
    (wanted_in_list and "query.%s must be a list of strings, numbers or booleans (it contains a %s)"
      or "query.%s must be a string, a number, a boolean or a list of these (got %s)"):format(
      name,
      type_name(value)
    )
  )
end

--- Returns the length of a list; raises if the table is not a list.
local function list_length(name, list)
  local count = 0
  for key in next, list do
    if type(key) ~= "number" then
      errors.raise(("query.%s must be a list, not a table with names"):format(name))
    end
    count = count + 1
  end
  for index = 1, count do
    if rawget(list, index) == nil then
      errors.raise(("query.%s must be a list without holes"):format(name))
    end
  end
  return count
end

--- Encoded names with "=", by name.
local starts, start_count = {}, 0
local STARTS_MAX = 200 -- bounds the memory if names are built at run time

local function start_of(name)
  local start = starts[name]
  if start then
    return start
  end
  if type(name) ~= "string" or name == "" then
    local got = name == "" and "an empty one" or "a key of type " .. type(name)
    errors.raise(("query must have names (got %s)"):format(got))
  end
  if start_count >= STARTS_MAX then
    starts, start_count = {}, 0
  end
  start = encode(name) .. "="
  starts[name], start_count = start, start_count + 1
  return start
end

--- Encodes one query parameter; a list repeats the name, an empty list is omitted.
local function query_pairs(name, value)
  local start = start_of(name)
  if type(value) ~= "table" then
    return start .. query_text(name, value, false)
  end
  local texts = {}
  for index = 1, list_length(name, value) do
    texts[index] = start .. query_text(name, value[index], true)
  end
  return table.concat(texts, "&")
end

--- Appends a query to a path, which may already have one.
---@param existing string a filled path
---@param query? table<string, string|number|boolean|table> a list repeats its name
---@return string path with `?name=value&…`, sorted by name
function path.query(existing, query)
  if query == nil then
    return existing
  end
  if type(query) ~= "table" then
    errors.raise(("query must be a table (got %s)"):format(type(query)))
  end
  local text, joint = existing, existing:find("?", 1, true) and "&" or "?"
  if joint == "&" and existing:find "[?&]$" then
    joint = ""
  end
  local only, value = next(query)
  if value ~= nil and next(query, only) == nil and type(value) ~= "table"
    and getmetatable(query) == nil then
    return text .. joint .. start_of(only) .. query_text(only, value, false)
  end
  local names = {}
  for name in pairs(query) do
    start_of(name) -- raises for what is no name
    names[#names + 1] = name
  end
  if names[2] then
    table.sort(names)
  end
  for index = 1, #names do
    local made = query_pairs(names[index], query[names[index]])
    if made ~= "" then
      text, joint = text .. joint .. made, "&"
    end
  end
  return text
end

return path
