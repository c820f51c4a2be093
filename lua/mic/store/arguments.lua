--- Argument checks and errors shared by the stores.

local core = require "mic.core"
local errors = require "mic.error"

local arguments = {}

local LONGEST = 1e10 -- seconds: three hundred years

--- Raises unless the key is a string.
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

--- Raises unless it is a positive number of seconds.
---@param seconds any
---@param name string of the function that was called
---@param what string name of the argument
---@return number seconds capped at what every store can count in milliseconds
function arguments.check_seconds(seconds, name, what)
  if type(seconds) ~= "number" or seconds <= 0 or seconds ~= seconds then
    errors.raise(("%s: %s must be a positive number of seconds"):format(name, what))
  end
  return math.min(seconds, LONGEST)
end

--- Returns the bytes of a record passed to `save`. Raises unless it is a record.
---@param record table|string a record object or its bytes
---@return string|nil bytes
---@return table|nil err of kind `store`, for a string that is not a record
function arguments.bytes_of(record)
  if type(record) == "string" then
    local read, kind, code, message = core.record(record)
    if not read then
      return nil, errors.from_fail(kind, code, message)
    end
    return record
  end
  local known, bytes = pcall(function()
    return record:bytes()
  end)
  if not known or type(bytes) ~= "string" then
    errors.raise(("save: a record or its bytes expected (got %s)"):format(type(record)))
  end
  return bytes
end

--- Returns the error for a save by a caller that does not hold the lock, or no longer does.
---@return table err of kind `store`
function arguments.not_the_holder()
  local message = "somebody else has the lock, or had it since: saving would undo theirs; try again"
  return errors.new("store", message, { code = "EAGAIN" })
end

return arguments
