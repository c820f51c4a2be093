--- Redirects: the target, and which headers are kept. `policy` decides whether one is followed.

local paths = require "mic.http.path"
local policy = require "mic.request.policy"

local redirect = {}

--- Returns the target URL without fragment; at the client's origin, in the client's spelling.
local function target(self, reply)
  local location = reply.location:gsub("#.*$", "")
  if not reply.same_origin then
    return location
  end
  local rest = location:match "^%a[%w+.-]*://[^/?]*(.*)$" or ""
  return self.core:root():match "^%a+://[^/]+" .. (rest:find "^/" and rest or "/" .. rest)
end

--- Points the call at the redirect's location. The caller's headers are dropped at another origin,
--- the credentials once the call has left the client's origin.
---@param self table the client state
---@param state table of the call
---@param reply table
---@return boolean followed false: the target is not allowed
function redirect.follow(self, state, reply)
  local location = target(self, reply)
  local ok, problem = self.core:check_url(location, reply.url, reply.on_loopback)
  if not ok then
    state.unfollowed = "it " .. problem:gsub("^url ", "")
    return false
  end
  state.redirects = (state.redirects or 0) + 1
  if paths.origin(location) ~= paths.origin(reply.url) then
    state.headers = nil
  end
  state.bare = state.bare
    or not reply.same_origin
    or paths.origin(reply.url) ~= paths.origin(self.core:root())
  state.path, state.url = nil, location
  state.from, state.from_loopback = reply.url, reply.on_loopback
  local root = self.core:root()
  local shown = paths.without_query(location)
  state.shown = shown:sub(1, #root + 1) == root .. "/" and shown:sub(#root + 1) or shown
  return true
end

--- Returns why a redirect was not followed.
---@param state table of the call
---@param reply table
---@return string|nil reason ": " and a clause; nil if there is no redirect
function redirect.reason(state, reply)
  local reason = policy.redirect_obstacle {
    status = reply.status,
    location = reply.location,
    same_origin = reply.same_origin,
    is_foreign = reply.is_foreign,
    method = state.method,
    fetch = state.fetch,
    redirects = state.redirects or 0,
  } or state.unfollowed
  return reason and ": " .. reason
end

return redirect
