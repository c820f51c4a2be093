-- The fast path of a call with few options, alone and in a batch. Each case runs on all paths: by a
-- client without `on_event`, by its batch, and by a client with `on_event`, which takes the general
-- path.

local api = require "spec.support.api"

describe("a call without options", function()
  local box = api.start()

  --- The outcome as text, without what differs from request to request.
  local function outcome(response, err)
    if err then
      local text = tostring(err):gsub("request %x+%-[%x-]+", "request ID")
      return text .. " attempts " .. tostring(err.attempts)
    end
    local names = {}
    for name in pairs(response.headers) do
      names[#names + 1] = name
    end
    table.sort(names)
    return table.concat({
      response.status,
      response.body,
      response.url,
      response.http_version,
      tostring(response.new_connection),
      response.attempts,
      type(response.timings.total),
      type(response.data),
      response:header_values("Content-Type")[1] or "none",
      table.concat(names, " "),
    }, "\n")
  end

  local cases = {
    { "an answer", function(client)
      return client:get "/user"
    end },
    { "params", function(client)
      return client:get("/users/{userName}", { params = { userName = "anna" } })
    end },
    { "a query in the path", function(client)
      return client:get "/users?size=2"
    end },
    { "a query and a timeout", function(client)
      return client:get("/users", { query = { size = 2, term = "a b&c" }, timeout = 20 })
    end },
    { "a query beside one in the path, and params", function(client)
      return client:get("/users/{name}?a=1", { params = { name = "anna" }, query = { b = true } })
    end },
    { "a timeout that ends it", function(client)
      box:answer { path = "/user", delay = 20, times = 3 }
      return client:get("/user", { timeout = 1 })
    end },
    { "options with a metatable", function(client)
      return client:get("/users", setmetatable({}, { __index = { query = { size = 1 } } }))
    end },
    { "an empty table of options", function(client)
      return client:get("/user", {})
    end },
    { "a head", function(client)
      return client:head "/user"
    end },
    { "data", function(client)
      return client:patch("/users/demo", { firstName = "Änna" })
    end },
    { "data that the API refuses", function(client)
      return client:post("/users", {})
    end },
    { "an error", function(client)
      return client:get "/users/nobody"
    end },
    { "an error under status 200", function(client)
      box:answer { path = "/user", body = '{"errorMessage":"odd"}',
        headers = { ["Content-Type"] = "application/json" } }
      return client:get "/user"
    end },
    { "a body that is no JSON", function(client)
      box:answer { path = "/user", body = "{", headers = { ["Content-Type"] = "application/json" } }
      return client:get "/user"
    end },
    { "a body of another type", function(client)
      box:answer { path = "/user", body = "{", headers = { ["Content-Type"] = "text/plain" } }
      return client:get "/user"
    end },
    { "no body", function(client)
      box:answer { path = "/user", status = 204 }
      return client:get "/user"
    end },
    { "a redirect", function(client)
      box:answer { path = "/user", status = 302, headers = { Location = "/prod/users/anna" } }
      return client:get "/user"
    end },
    { "an expired token", function(client)
      box:expire()
      return client:get "/user"
    end },
    { "an answer that another try brings", function(client)
      box:answer { path = "/user", status = 503 }
      return client:get "/user"
    end },
    { "a connection that breaks", function(client)
      box:answer { path = "/user", body = "0123456789", cut = 4, times = 3 }
      return client:get "/user"
    end },
    { "no credentials", function(client)
      client:logout()
      return client:get "/user"
    end },
    { "no credentials for an open path", function(client)
      client:logout()
      return client:get "/metadata/manifest"
    end },
    { "a closed client", function(client)
      client:close()
      return client:get "/user"
    end },
  }

  --- A client each of whose calls is a batch.
  local function in_batch(client)
    local function call(request)
      local result = client:batch({ request })[1]
      return result.response, result.err
    end
    local methods = {}
    function methods.get(_, path, opts)
      opts = opts or {}
      return call {
        path = path, params = opts.params, query = opts.query, timeout = opts.timeout,
      }
    end
    function methods.head(_, path)
      return call { method = "HEAD", path = path }
    end
    function methods.post(_, path, data)
      return call { method = "POST", path = path, data = data }
    end
    function methods.patch(_, path, data)
      return call { method = "PATCH", path = path, data = data }
    end
    function methods.logout()
      return client:logout()
    end
    function methods.close()
      return client:close()
    end
    return methods
  end

  local function itself(client)
    return client
  end

  local waits = { base = 0.001 }

  for _, case in ipairs(cases) do
    it("has the result of one with them: " .. case[1], function()
      local seen = {}
      for index, way in ipairs { itself, in_batch, itself, in_batch } do
        box:reset()
        local client = box:logged_in {
          retry = waits,
          on_event = index > 2 and function() end or nil,
        }
        assert(client:get "/user")
        box:seen()
        local calls = client:status().counters.calls
        seen[index] = outcome(case[2](way(client)))
          .. "\n" .. box:seen()
          .. "\n" .. (client:status().counters.calls or calls) - calls
        client:close()
      end
      for index = 2, 4 do
        assert.are.equal(seen[1], seen[index])
      end
    end)
  end

  it("raises the same", function()
    local quiet, listened = box:client(), box:client { on_event = function() end }
    for _, arguments in ipairs {
      { "/a b" }, { 7 }, { "" }, {}, { "/x", 5 }, { "/x", { nonsense = 1 } }, { "/{a}" },
      { "/{a}", { params = {} } }, { "/x", { params = { a = 1 } } },
      { "/x", { params = 7 } }, { "/a/../b" }, { "/x}" },
      { "/x", { query = 7 } }, { "/x", { query = { "a" } } }, { "/x", { query = { b = {{}} } } },
      { "/{a}", { query = {} } }, { "", { query = {} } }, { 7, { timeout = 1 } },
      { "/a b", { timeout = 1 } }, { "/x", { timeout = 0 } }, { "/x", { timeout = 5000 } },
      { "/x", { timeout = 0 / 0 } }, { "/x", { timeout = "1" } }, { "/x", { timeout = 1 / 0 } },
    } do
      local function problem(client)
        local ok, message = pcall(client.get, client, arguments[1], arguments[2])
        assert.is_false(ok)
        return message
      end
      assert.are.equal(problem(listened), problem(quiet))
    end
  end)

  it("unpacks the rest of the answer when it is read", function()
    local client = box:logged_in()
    assert(client:get "/user")
    local response = assert(client:get "/user")
    assert.is_nil(rawget(response, "url"))
    assert.are.equal(box.base_url .. "/user", response.url)
    assert.are.equal("application/json", response.headers["Content-TYPE"])
    assert.is_true(response.timings.total > 0)
    assert.is_nil(response.nothing)
    assert.is_nil(rawget(response, "_packed"))
  end)

  it("does the same after one that was interrupted by an error in its data", function()
    local client = box:logged_in()
    assert.is_false(pcall(client.post, client, "/users", { print }))
    assert.are.equal(200, assert(client:get "/user").status)
  end)

  it("saves first what the store could not take before", function()
    local memory = require "mic.store.memory"()
    local store, is_full = setmetatable({}, { __index = memory }), true
    function store.save(...)
      if is_full then
        return nil, "no room"
      end
      return memory.save(...)
    end
    local client = box:client { store = store }
    local _, err = client:login(box.username, box.password)
    assert.are.equal("store", err.kind)
    is_full = false
    assert(client:get "/user")
    local other = box:client { store = store }
    assert.are.equal(200, assert(other:get "/user").status)
  end)
end)
