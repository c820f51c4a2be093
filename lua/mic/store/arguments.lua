--- What all stores check of what their functions are given.

local errors = require "mic.error"

local arguments = {}

--- Raises unless it is a key.
---@param key any
---@param name string of the function that was called
function arguments.check_key(key, name)
  if type(key) ~= "string" then
    errors.raise(
      ("%s: the key must be a string (got %s); a store's functions are called with a dot"):format(
        name,
        type(key)
      )
    )
  end
end

--- Raises unless it is a span of time.
---@param seconds any
---@param name string of the function that was called
---@param what string which of its arguments
function arguments.check_seconds(seconds, name, what)
  if type(seconds) ~= "number" or seconds <= 0 or seconds ~= seconds then
    errors.raise(("%s: %s must be a positive number of seconds"):format(name, what))
  end
end

return arguments
