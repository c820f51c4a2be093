--- Control endpoint: plain HTTP on loopback, for specs and scripts.
local answers = require "sandbox.answers"
local json = require "sandbox.json"
local life = require "sandbox.life"
local log = require "sandbox.log"
local many_observations = require "sandbox.many_observations"
local state = require "sandbox.state"
local throttle = require "sandbox.throttle"
local tokens = require "sandbox.tokens"

local control = {}

local function send(status, body)
  ngx.status = status
  ngx.header["Content-Type"] = "application/json"
  ngx.header["Content-Length"] = #body
  ngx.print(body)
end

local function fail(status, message)
  send(status, json.object { { "error", message } })
end

local function modes()
  send(200, json.encode(state.modes()))
end

local function set_modes(wanted)
  local ok, message = state.set_modes(wanted)
  if not ok then
    return fail(400, message)
  end
  throttle.changed(wanted)
  modes()
end

-- All tokens expire; with {"refresh":true} no refresh token is good any longer either.
local function expire(wanted)
  for name, value in pairs(wanted) do
    if name ~= "refresh" or type(value) ~= "boolean" then
      return fail(400, "expire takes only refresh: true or false")
    end
  end
  state.next_epoch()
  if wanted.refresh then
    tokens.forget_refresh()
  end
  send(200, "{}")
end

local function answer(wanted)
  local ok, message = answers.add(wanted)
  if not ok then
    return fail(400, message)
  end
  send(200, "{}")
end

local function observe(wanted)
  if state.mode "profile" ~= "mic" then
    return fail(400, "the profile " .. state.mode "profile" .. " has no observations")
  end
  local ids, message = many_observations.add(wanted)
  if not ids then
    return fail(400, message)
  end
  send(200, json.encode { ids = ids })
end

local function stop()
  send(200, "{}")
  ngx.eof()
  life.stop()
end

local ROUTES = {
  ["POST /answer"] = answer,
  ["GET /counters"] = function()
    send(200, json.encode(state.counters()))
  end,
  ["POST /expire"] = expire,
  ["GET /log"] = function()
    send(200, log.text())
  end,
  ["DELETE /log"] = function()
    log.empty()
    send(200, "{}")
  end,
  ["GET /mode"] = modes,
  ["POST /mode"] = set_modes,
  ["GET /observations"] = function()
    send(200, many_observations.show())
  end,
  ["POST /observations"] = observe,
  ["POST /reset"] = function()
    life.reset()
    send(200, "{}")
  end,
  ["POST /stop"] = stop,
}

local function known_routes()
  local names = {}
  for name in pairs(ROUTES) do
    names[#names + 1] = name
  end
  table.sort(names)
  return table.concat(names, ", ")
end

--- Answers the present control request.
function control.handle()
  -- A web page that points its own name at loopback has another Host.
  if ngx.var.http_host ~= state.settings().control_host then
    return fail(403, "the host must be " .. state.settings().control_host)
  end
  local route = ROUTES[ngx.req.get_method() .. " " .. ngx.var.request_uri]
  if not route then
    return fail(404, "no such control; known: " .. known_routes())
  end
  ngx.req.read_body()
  local text = ngx.req.get_body_data()
  if not text and ngx.req.get_body_file() then
    local file = assert(io.open(ngx.req.get_body_file(), "rb"))
    text = file:read "*a"
    file:close()
  end
  local wanted = {}
  if text and text ~= "" then
    wanted = json.decode(text)
  end
  if type(wanted) ~= "table" then
    return fail(400, "the body is not a JSON object")
  end
  route(wanted)
end

return control
