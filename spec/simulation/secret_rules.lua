--- Rule for secrets: they are in no event, error or status.

local token = require "spec.simulation.token"

local rules = {}

local function check(self, where, text)
  if type(text) == "string" and text:find(token.MARK, 1, true) then
    self:violate("a secret is shown nowhere", where .. ": " .. text)
  end
end

local fields = { "kind", "message", "hint", "key", "property", "request_id", "code", "location",
  "method", "path" }

--- An error that a call returned or an event carries.
---@param process table
---@param err any
function rules:check_error(process, err)
  if type(err) ~= "table" then
    self:violate("every failure has an error", process.name .. ": " .. tostring(err))
    return
  end
  check(self, "tostring of an error", tostring(err))
  for _, name in ipairs(fields) do
    check(self, "an error's " .. name, err[name])
  end
end

--- An event was delivered.
---@param process table
---@param event table
function rules:event(process, event)
  if event.type == "pause" then
    self:pauses(process, event.delay)
  end
  if event.err ~= nil then
    self:check_error(process, event.err)
  end
  for name, value in pairs(event) do
    check(self, ("an event's %s (%s)"):format(tostring(name), tostring(event.type)), value)
  end
end

local function check_all(self, where, value, depth)
  if type(value) == "table" and depth < 4 then
    for name, member in pairs(value) do
      check_all(self, where .. "." .. tostring(name), member, depth + 1)
    end
  else
    check(self, where, value)
  end
end

--- A status was read.
---@param status table
function rules:status(status)
  check_all(self, "status", status, 0)
end

return rules
