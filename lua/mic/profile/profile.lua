--- The profile of a client: the row for the core, what Lua needs of it, and the key in the store.

local mic = require "mic.profile.mic"
local pcall_compat = require "mic.pcall_compat"

local profile = {}

--- True if the options ask for no more than MIC's row as it stands.
local function is_plain(given)
  return (given.profile == nil or given.profile == "mic")
    and (given.identity == nil or given.identity == "header")
    and not given.authenticate
    and not given.headers
end

--- Makes the profile of a client. Raises for a row that is not valid.
---@param given table the client's options
---@return table made see `mic.profile.facts`; not to be changed
function profile.make(given)
  return is_plain(given) and mic.facts or pcall_compat.need("mic.profile.facts").make(given)
end

--- The key of a client's record in its store. MIC's is that of version 0.1.
---@param made table of `make`
---@param root string the base URL
---@param given table the client's options
---@return string key
function profile.key(made, root, given)
  if made.is_mic then
    return root .. " " .. (given.username or "")
  end
  return pcall_compat.need("mic.profile.facts").key(made, root, given)
end

return profile
