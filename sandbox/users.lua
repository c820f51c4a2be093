--- Users: created at start, in shared memory.
local json = require "sandbox.json"
local random = require "sandbox.random"
local state = require "sandbox.state"

local users = {}

local dict = ngx.shared.users

-- What a caller may select by `attributes`, sort by, or set.
users.ATTRIBUTES = {
  "userName", "firstName", "lastName", "email", "phone", "locale", "company", "address", "zip",
  "city", "country", "roleName", "domainName", "data", "roles", "termsAgreed", "dateTermsAgreed",
  "termsVersion", "createdAt", "enabled", "id", "notes1", "notes2", "notes3",
}

-- userName, firstName, lastName, roleName, state. Several names need encoding in a path.
local FIRST = {
  { "demo", "Demo", "User", "ReadWrite", "active" },
  { "anna", "Anna", "Berg", "ReadWrite", "active" },
  { "per@example.com", "Per", "Dahl", "Read", "active" },
  { "space man", "Space", "Man", "Read", "active" },
  { "a/b", "Alpha", "Beta", "Read", "active" },
  { "100%", "Cent", "Percent", "Read", "active" },
  { "plus+sign", "Plus", "Sign", "Read", "active" },
  { "what?is=this&that", "Query", "Marks", "Read", "active" },
  { "\195\165sa", "\195\133sa", "Lind", "Read", "active" },
  { "nina", "Nina", "New", "Read", "pending" },
  { "pia", "Pia", "Pending", "Read", "pending" },
  { "ulf", "Ulf", "Unknown", "Read", "unconfirmed" },
}
local NUMBERED = 30

local function make(name, first, last, role, user_state, number)
  return {
    userName = name, firstName = first, lastName = last, roleName = role, state = user_state,
    email = name:gsub("[^%w]", ".") .. "@example.com",
    phone = string.format("+47 555 01 %03d", number), locale = "en-US", company = "Example",
    country = "NO", city = number % 2 == 0 and "Oslo" or "Bergen",
    domainName = "root", data = {}, enabled = true,
    createdAt = 1546300800000 + number * 86400000,
    id = random.uuid(), identityId = "eu-west-1:" .. random.uuid(),
  }
end

--- Raises if there is no room: nothing is evicted.
---@param user table
function users.save(user)
  assert(dict:safe_set(user.userName, json.encode(user)))
end

---@param name any
---@return table? user
function users.find(name)
  local text = type(name) == "string" and dict:get(name)
  return text and json.decode(text) or nil
end

---@param name string
function users.remove(name)
  dict:delete(name)
end

--- A new user from the members that a caller gave.
---@param members table
---@return table user
function users.create(members)
  local user = make(members.userName, nil, nil, nil, "active", 0)
  user.createdAt = ngx.time() * 1000
  for name, value in pairs(members) do
    user[name] = value
  end
  users.save(user)
  return user
end

---@return table[] all users, by userName
function users.all()
  local list = {}
  for _, name in ipairs(dict:get_keys(0)) do
    list[#list + 1] = users.find(name)
  end
  table.sort(list, function(a, b)
    return a.userName < b.userName
  end)
  return list
end

--- True if this user may log in and refresh.
---@param user table?
---@return boolean
function users.may_enter(user)
  return user ~= nil and user.enabled == true and user.state == "active"
    and not user.must_set_password
end

--- True if this is the user's password: that of this start, unless another one was set.
---@param user table
---@param password any
---@return boolean
function users.has_password(user, password)
  return password == (user.password or state.settings().password)
end

--- Restores the initial ones.
function users.reset()
  dict:flush_all()
  for number, row in ipairs(FIRST) do
    users.save(make(row[1], row[2], row[3], row[4], row[5], number))
  end
  for number = 1, NUMBERED do
    local name = string.format("user%02d", number)
    users.save(make(name, "User", string.format("Number %d", number), "Read", "active", number))
  end
end

return users
