-- Three calls in parallel, each in a light thread. The request takes as long as the slowest call.

local client = require "my_mic"
local mic = require "mic"

local mash_up = {}

local function get(path, query)
  return client:get(path, { query = query })
end

local function result_of(thread)
  local ran, res, err = ngx.thread.wait(thread)
  if not ran then
    return nil, res -- the error that was raised
  end
  return res, err
end

function mash_up.answer()
  local user = ngx.thread.spawn(get, "/user")
  local users = ngx.thread.spawn(get, "/users", { size = 2 })
  local types = ngx.thread.spawn(get, "/thingtypes")

  local answer, problems = {}, {}
  for name, thread in pairs { user = user, users = users, types = types } do
    local res, err = result_of(thread)
    answer[name] = res and res.data
    problems[#problems + 1] = err and tostring(err)
  end
  if #problems > 0 then
    ngx.log(ngx.ERR, table.concat(problems, "; "))
    ngx.status = ngx.HTTP_BAD_GATEWAY
  end
  ngx.say(mic.json.encode(answer))
end

return mash_up
