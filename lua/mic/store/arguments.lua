--- What all stores check of what their functions are given.

local core = require "mic.core"
local errors = require "mic.error"

local arguments = {}

local LONGEST = 1e10 -- seconds: three hundred years

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
---@return number seconds the same, but no more than every store can count in milliseconds
function arguments.check_seconds(seconds, name, what)
  if type(seconds) ~= "number" or seconds <= 0 or seconds ~= seconds then
    errors.raise(("%s: %s must be a positive number of seconds"):format(name, what))
  end
  return math.min(seconds, LONGEST)
end

--- The bytes of what `save` was given. Raises unless it is a record.
---@param record table|string a record object or its bytes
---@return string|nil bytes
---@return table|nil err of kind `store`, for a string that is no record's bytes
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

--- The error for a save by somebody who has not got the lock, or no longer.
---@return table err of kind `store`
function arguments.not_the_holder()
  local message = "somebody else has the lock, or had it since: saving would undo theirs; try again"
  return errors.new("store", message, { code = "EAGAIN" })
end

return arguments
