--- GET /metadata/swagger: a definition of Swagger 2.0, made from the table of endpoints of the
--- module, to which the sandbox's folder has a link.
local endpoints = require "mic.api.endpoints"
local json = require "sandbox.json"
local reply = require "sandbox.reply"
local state = require "sandbox.state"

local swagger = {}

local function set_of(list)
  local set = {}
  for _, name in ipairs(list or {}) do
    set[name] = true
  end
  return set
end

-- The body's parameter: an object with the members that are known.
local function body_of(row)
  local properties = {}
  for index, name in ipairs(row.members or {}) do
    properties[index] = json.encode(name) .. ":{}"
  end
  local required = row.required and ',"required":' .. json.encode(row.required) or ""
  return '{"name":"body","in":"body","required":true,"schema":{"type":"object","properties":{'
    .. table.concat(properties, ",") .. "}" .. required .. "}}"
end

local function parameters_of(row)
  local list, required = {}, set_of(row.required)
  local function add(name, place, is_required)
    list[#list + 1] = json.object {
      { "name", name }, { "in", place }, { "required", is_required }, { "type", "string" },
    }
  end
  for _, name in ipairs(row.parameters or {}) do
    add(name, row.path:find("{" .. name .. "}", 1, true) and "path" or "query", true)
  end
  for _, name in ipairs(row.query or {}) do
    add(name, "query", required[name] or false)
  end
  if row.body == "object" then
    list[#list + 1] = body_of(row)
  end
  return json.array(list)
end

-- The schemes of the calls: the key, and the token of the authorizer.
local function security_of(row)
  if row.open == "key" then
    return "[]"
  elseif row.open == "login" then
    return '[{"api_key":[]}]'
  end
  return '[{"api_key":[],"authorizer":[]}]'
end

local function operation(row)
  return ('%s:{"operationId":%s,"summary":%s,"produces":["application/json"],"parameters":%s,'
    .. '"responses":{"200":{"description":%s}},"security":%s}'):format(
    json.encode(row.method:lower()), json.encode(row.name), json.encode(row.summary),
    parameters_of(row), json.encode(row.reply), security_of(row))
end

local function paths()
  local by_path, order = {}, {}
  for _, row in ipairs(endpoints) do
    if not row.unnamed and not row.discovery then
      if not by_path[row.path] then
        by_path[row.path] = {}
        order[#order + 1] = row.path
      end
      table.insert(by_path[row.path], operation(row))
    end
  end
  for index, path in ipairs(order) do
    order[index] = json.encode(path) .. ":{" .. table.concat(by_path[path], ",") .. "}"
  end
  return "{" .. table.concat(order, ",") .. "}"
end

--- Answers the request.
function swagger.answer()
  reply.ok(('{"swagger":"2.0","info":{"title":"sandbox-Cloud","version":"1"},"host":%s,'
    .. '"basePath":"/prod","schemes":["https"],"paths":%s,"securityDefinitions":{'
    .. '"api_key":{"type":"apiKey","name":"x-api-key","in":"header"},'
    .. '"authorizer":{"type":"apiKey","name":"Authorization","in":"header"}}}'):format(
    json.encode(state.settings().host), paths()))
end

return swagger
