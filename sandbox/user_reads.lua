--- User routes that read.
local arguments = require "sandbox.arguments"
local json = require "sandbox.json"
local reply = require "sandbox.reply"
local users = require "sandbox.users"

local user_reads = {}

-- What a user shows when the call names no attributes.
local SHOWN = { "userName", "domainName", "roleName", "firstName", "lastName", "email" }
local CATEGORIES = { all = true, active = true, pending = true, unconfirmed = true }
local SEARCHED = { "userName", "firstName", "lastName", "email" }

local known_attribute = arguments.set(users.ATTRIBUTES)

---@param user table
---@param names string[]? attributes
---@return string json
function user_reads.show(user, names)
  local members = {}
  for _, name in ipairs(names or SHOWN) do
    members[#members + 1] = { name, user[name] }
  end
  return json.object(members)
end

local function show_one(call, user)
  local names = arguments.names(call, "attributes", known_attribute)
  if names == false then
    return reply.error("INVALID_ARGUMENTS", "attributes")
  end
  reply.ok(user_reads.show(user, names))
end

--- GET /user: who am I.
function user_reads.whoami(call)
  show_one(call, call.user)
end

--- GET /users/{userName}
function user_reads.user(call)
  local user = users.find(call.segments[2])
  if not user then
    return reply.error("USER_NOT_FOUND", "userName")
  end
  show_one(call, user)
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
function user_reads.users(call)
  local names = arguments.names(call, "attributes", known_attribute)
  local category = arguments.text(call, "category") or "active"
  local page, size = arguments.positive(call, "page"), arguments.positive(call, "size")
  local property = arguments.text(call, "sortProp") or "userName"
  local wrong = (names == false and "attributes") or (not CATEGORIES[category] and "category")
    or (page == false and "page") or (size == false and "size")
    or (not known_attribute[property] and "sortProp")
  if wrong then
    return reply.error("INVALID_ARGUMENTS", wrong)
  end
  local text = arguments.text(call, "freeText")
  local found, counts = choose(category, text and text:lower())
  sort(found, property)
  page, size = page or 1, size or math.max(#found, 1)
  local shown = {}
  for index = (page - 1) * size + 1, math.min(page * size, #found) do
    shown[#shown + 1] = user_reads.show(found[index], names)
  end
  local count = json.object {
    { "all", counts.all }, { "active", counts.active }, { "pending", counts.pending },
    { "unconfirmed", counts.unconfirmed },
  }
  reply.ok(string.format('{"users":%s,"totalPages":%d,"page":%d,"metadata":{"count":%s}}',
    json.array(shown), math.max(1, math.ceil(#found / size)), page, count))
end

return user_reads
