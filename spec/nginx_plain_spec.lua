-- The fast path of a GET in nginx, which reuses its exchange. Each case runs on both paths: by a
-- client without `on_event`, and by one with it, which takes the general path.

local api = require "spec.support.api"
local nginx = require "spec.support.nginx"

local box = api.start()

local CASES = [[
local function outcome(response, err)
  if err then
    local text = tostring(err):gsub("request %x+%-[%x-]+", "request ID")
    return text .. " attempts " .. tostring(err.attempts)
  end
  return table.concat({ response.status, response.body, response.url, response.http_version,
    response.attempts, type(response.timings.total), type(response.data),
    response.headers["content-type"] or "none" }, "\n")
end

local cases = {}

function cases.get(client, path)
  return outcome(client:get(path))
end

function cases.params(client)
  return outcome(client:get("/users/{userName}", { params = { userName = "anna" } }))
end

function cases.query(client)
  local options = { query = { size = 2, term = "a b" }, timeout = 20 }
  return outcome(client:get("/users", options)) .. outcome(client:get("/users", options))
end

function cases.misuse(client)
  local texts = { outcome(client:get "/user") } -- from here on the short way is open
  for index, path in ipairs { "/a b", 7, {}, "", "/{a}", false } do
    texts[index + 1] = tostring(select(2, pcall(client.get, client, path)))
  end
  texts[#texts + 1] = tostring(select(2, pcall(client.get, client)))
  return table.concat(texts, "\n") .. outcome(client:get "/user")
end

function cases.head(client)
  return outcome(client:head "/user")
end

function cases.data(client)
  return outcome(client:patch("/users/demo", { firstName = "x" }))
end

function cases.nobody(client)
  client:logout()
  return outcome(client:get "/metadata/manifest")
end

--- More at once than exchanges are kept, some of them with errors, twice.
function cases.many(client)
  local texts = {}
  for _ = 1, 2 do
    local threads = {}
    for index = 1, 80 do
      threads[index] = ngx.thread.spawn(function()
        return outcome(client:get(index % 3 == 0 and "/users/nobody" or "/users?size=" .. index))
      end)
    end
    for index = 1, 80 do
      local ok, text = ngx.thread.wait(threads[index])
      texts[#texts + 1] = tostring(ok) .. text
    end
  end
  return table.concat(texts, "\n")
end

--- LuaJIT's hash of a string looks at few bytes, the last four among them.
function cases.packed(client, _, listens)
  local first, second = client:get "/user", client:get "/user"
  local one, other = rawget(first, "_packed"), rawget(second, "_packed")
  assert(listens or one:sub(-4) ~= other:sub(-4), "alike")
  return "differ"
end

function cases.closed(client)
  client:close()
  return outcome(client:get "/user")
end

return function(name, path, listens, timeout)
  listens = listens == "1"
  local client = require "fresh"(listens and function() end or nil, tonumber(timeout))
  assert(client:get "/user")
  local calls = client:status().counters.calls
  local text = cases[name](client, path, listens)
  return text .. "\n" .. (client:status().counters.calls or calls) - calls
end
]]

local FRESH = ([[
local mic = require "mic"
return function(on_event, timeout)
  return mic.new {
    base_url = %q, api_key = %q, username = %q, password = %q, tls = { ca_file = %q },
    retry = { base = 0.001 }, timeout = timeout, on_event = on_event,
  }
end
]]):format(box.base_url, box.api_key, box.username, box.password, box.ca_file)

local server = nginx.start {
  files = { ["cases.lua"] = CASES, ["fresh.lua"] = FRESH },
  server = [[
  location = /case { content_by_lua_block {
    local arg = ngx.req.get_uri_args()
    ngx.say(require "cases"(arg.name, arg.path, arg.listens, arg.timeout))
  } }
]],
}

local EXPIRED = '{"message":"The incoming token has expired"}'
local ODD = '{"errorMessage":"odd"}'
local JSON = { ["Content-Type"] = "application/json" }

local cases = {
  { "an answer", "get", "/user" },
  { "a query in the path", "get", "/users?size=2" },
  { "an open path", "get", "/metadata/manifest" },
  { "an error", "get", "/users/nobody" },
  { "an error under status 200", "get", "/user", { body = ODD, headers = JSON } },
  { "a body that is no JSON", "get", "/user", { body = "{", headers = JSON } },
  { "no body", "get", "/user", { status = 204 } },
  { "a redirect", "get", "/user", { status = 302, headers = { Location = "/prod/users/anna" } } },
  { "an answer that another try brings", "get", "/user", { status = 503 } },
  { "an answer that does not come in time", "get", "/user", { delay = 20, times = 3 },
    timeout = 1 },
  { "a connection that breaks", "get", "/user", { body = "0123456789", cut = 4, times = 3 } },
  { "an expired token", "get", "/user", { status = 401, body = EXPIRED, headers = JSON } },
  { "params", "params" },
  { "a query and a timeout", "query" },
  { "a head", "head" },
  { "data", "data" },
  { "a path that cannot be sent", "misuse" },
  { "no credentials for an open path", "nobody" },
  { "a closed client", "closed" },
  { "many at once, again and again", "many" },
  { "bytes that are not unpacked", "packed" },
}

describe("a GET without options in nginx", function()
  for _, case in ipairs(cases) do
    it("has the result of one with them: " .. case[1], function()
      local seen = {}
      for listens = 0, 1 do
        box:reset()
        local answer = case[4]
        if answer then -- to the second call
          box:answer { path = "/user", status = 200, body = "{}", headers = JSON }
          local given = { path = "/user" }
          for name, value in pairs(answer) do
            given[name] = value
          end
          box:answer(given)
        end
        local path = (case[3] or ""):gsub("[?=]", { ["?"] = "%3F", ["="] = "%3D" })
        local body, status =
          server:get(("/case?name=%s&listens=%d&path=%s&timeout=%g"):format(case[2], listens, path,
            case.timeout or 30))
        assert.equal(200, status, server:errors())
        seen[listens] = body .. (case[2] == "many" and "" or box:seen())
      end
      assert.equal(seen[1], seen[0])
      assert.equal("", server:errors())
    end)
  end
end)
