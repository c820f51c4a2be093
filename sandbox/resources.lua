--- What can be read: users, the two manifests.
local json = require "sandbox.json"
local reply = require "sandbox.reply"
local state = require "sandbox.state"
local tokens = require "sandbox.tokens"
local users = require "sandbox.users"

local resources = {}

-- What a user shows when the call names no attributes.
local SHOWN = { "userName", "domainName", "roleName", "firstName", "lastName", "email" }
local CATEGORIES = { all = true, active = true, pending = true, unconfirmed = true }
local SEARCHED = { "userName", "firstName", "lastName", "email" }
local REGION = "eu-west-1"
local IDENTITY_POOL = "eu-west-1:5f6c3c1a-7d0e-4c52-9a51-2b8f0d3e6a10"

local known_attribute = {}
for _, name in ipairs(users.ATTRIBUTES) do
  known_attribute[name] = true
end

-- The last one when it is given more than once; nil when absent or empty.
local function argument(call, name)
  local value = call.query[name]
  if type(value) == "table" then
    value = value[#value]
  end
  if value ~= true and value ~= "" then
    return value
  end
end

-- The attributes that the call asks for, or nil after an unknown one.
local function attributes(call)
  local text = argument(call, "attributes")
  if not text then
    return SHOWN
  end
  local names = {}
  for name in text:gmatch "[^,]+" do
    if not known_attribute[name] then
      return nil
    end
    names[#names + 1] = name
  end
  return names
end

---@param user table
---@param names string[]? attributes
---@return string json
function resources.show(user, names)
  local members = {}
  for _, name in ipairs(names or SHOWN) do
    members[#members + 1] = { name, user[name] }
  end
  return json.object(members)
end

local function show_one(call, user)
  local names = attributes(call)
  if not names then
    return reply.error("INVALID_ARGUMENTS", "attributes")
  end
  reply.ok(resources.show(user, names))
end

--- GET /user: who am I.
function resources.whoami(call)
  show_one(call, call.user)
end

--- GET /users/{userName}
function resources.user(call)
  local user = users.find(call.segments[2])
  if not user then
    return reply.error("USER_NOT_FOUND", "userName")
  end
  show_one(call, user)
end

-- A page or size: nil when absent, false when it is no integer from 1 on.
local function positive(call, name)
  local text = argument(call, name)
  if not text then
    return nil
  end
  local number = #text <= 6 and text:find "^%d+$" and tonumber(text) or 0
  return number > 0 and number
end

local function matches(user, text)
  for _, name in ipairs(SEARCHED) do
    if user[name] and user[name]:lower():find(text, 1, true) then
      return true
    end
  end
  return false
end

-- The users of a category with the text in them, and how many each category has.
local function choose(category, text)
  local counts = { all = 0, active = 0, pending = 0, unconfirmed = 0 }
  local found = {}
  for _, user in ipairs(users.all()) do
    counts.all = counts.all + 1
    counts[user.state] = counts[user.state] + 1
    if (category == "all" or user.state == category) and (not text or matches(user, text)) then
      found[#found + 1] = user
    end
  end
  return found, counts
end

-- Equal or missing values fall back on the user name, so that pages never overlap.
local function sort(list, property)
  table.sort(list, function(a, b)
    local x, y = tostring(a[property] or "\255"), tostring(b[property] or "\255")
    if x ~= y then
      return x < y
    end
    return a.userName < b.userName
  end)
end

--- GET /users: pages are counted from 1; without `size` all users come as one page.
function resources.users(call)
  local names, category = attributes(call), argument(call, "category") or "active"
  local page, size = positive(call, "page"), positive(call, "size")
  local property = argument(call, "sortProp") or "userName"
  local wrong = (not names and "attributes") or (not CATEGORIES[category] and "category")
    or (page == false and "page") or (size == false and "size")
    or (not known_attribute[property] and "sortProp")
  if wrong then
    return reply.error("INVALID_ARGUMENTS", wrong)
  end
  local text = argument(call, "freeText")
  local found, counts = choose(category, text and text:lower())
  sort(found, property)
  page, size = page or 1, size or math.max(#found, 1)
  local shown = {}
  for index = (page - 1) * size + 1, math.min(page * size, #found) do
    shown[#shown + 1] = resources.show(found[index], names)
  end
  local count = json.object {
    { "all", counts.all }, { "active", counts.active }, { "pending", counts.pending },
    { "unconfirmed", counts.unconfirmed },
  }
  reply.ok(string.format('{"users":%s,"totalPages":%d,"page":%d,"metadata":{"count":%s}}',
    json.array(shown), math.max(1, math.ceil(#found / size)), page, count))
end

--- GET /metadata/manifest: no key, no token; it hands the key out.
function resources.manifest()
  reply.ok(json.object {
    { "ApiKey", state.settings().api_key },
    { "IotEndpoint", "a1b2c3d4e5f6g7.iot.eu-west-1.amazonaws.com" },
    { "IotEndpointATS", "a1b2c3d4e5f6g7-ats.iot.eu-west-1.amazonaws.com" },
    { "IdentityPool", IDENTITY_POOL },
    { "UserPool", tokens.POOL },
    { "Region", REGION },
  })
end

--- GET …/manifest/?hostname=HOST: every value is a string; an unknown host gives {} and 200.
function resources.stack_manifest(call)
  local settings = state.settings()
  if argument(call, "hostname") ~= settings.stack then
    return reply.ok "{}"
  end
  reply.ok(json.object {
    { "AccountNumber", "000000000000" },
    { "ApiGatewayRootUrl", settings.root },
    { "ApiId", "sandbox001" },
    { "ApiKeyId", "k1e2y3i4d5" }, -- an AWS resource id, not the key
    { "ConsentRequired", "false" },
    { "EsVersion", "5.5" },
    { "IdentityPool", IDENTITY_POOL },
    { "IotEndpoint", "a1b2c3d4e5f6g7.iot.eu-west-1.amazonaws.com" },
    { "IotEndpointATS", "a1b2c3d4e5f6g7-ats.iot.eu-west-1.amazonaws.com" },
    { "LogLevel", "1" },
    { "Protocol", "lora" },
    { "Region", REGION },
    { "Rev", "2.60.0-sandbox" },
    { "SignUpVerificationMedium", "email" },
    { "StackName", "prod" },
    { "SupportedThingProtocols", "lora,mqtt,nbiot" },
    { "UserPool", tokens.POOL },
    { "UserPoolClient", tokens.CLIENT },
  })
end

return resources
