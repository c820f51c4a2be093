--- Option `headers`: headers of the client's own, sent with each call to the API.

local core = require "mic.core"
local errors = require "mic.error"
local json = require "mic.json"
local paths = require "mic.http.path"

local client_headers = {}

local function has(headers, name)
  for other in pairs(headers or {}) do
    if core.lower(other) == core.lower(name) then
      return true
    end
  end
  return false
end

--- Returns the text of a value; nil leaves the header out. What a function raises is not caught.
local function text_of(name, value)
  if type(value) == "function" then
    value = value()
  end
  if type(value) == "number" then
    value = json.number(value)
  end
  if value == nil then
    return nil
  end
  if type(value) ~= "string" then
    errors.raise(('option "headers": the function "%s" returned a %s'):format(name, type(value)))
  end
  local ok, problem = core.check_header(name, value)
  return ok and value or errors.raise(('option "headers": %s'):format(problem))
end

--- Adds the client's headers to a call; the call's own win. Not to a call to another origin.
---@param self table the client state
---@param call table of `build`
function client_headers.add(self, call)
  if call.url and paths.origin(call.url) ~= paths.origin(self.core:root()) then
    return
  end
  for name, value in pairs(self.headers) do
    local text = not has(call.headers, name) and text_of(name, value)
    if text then
      call.headers = call.headers or {}
      call.headers[name] = text
    end
  end
end

return client_headers
