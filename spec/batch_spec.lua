local api = require "spec.support.api"
local faults = require "spec.support.faults"
local libcurl = require "spec.support.libcurl"
local mic = require "mic"
local scratch = require "spec.support.scratch"

local FAST = { base = 0.001, cap = 0.001 }

local function answer(text)
  return ("send HTTP/1.1 200 OK\\r\\nContent-Length: %d\\r\\n\\r\\n%s"):format(#text, text)
end

describe("client:batch", function()
  local box = api.around()
  local client

  before_each(function()
    client = box:logged_in { retry = FAST }
  end)

  --- As many requests of this path.
  local function many(count, path, options)
    local requests = {}
    for index = 1, count do
      requests[index] = { path = path or "/user" }
      for name, value in pairs(options or {}) do
        requests[index][name] = value
      end
    end
    return requests
  end

  local function assert_all_good(results, count)
    assert.are.equal(count, #results)
    for index, result in ipairs(results) do
      assert.is_nil(result.err, index .. ": " .. tostring(result.err))
      assert.are.equal(200, result.response.status)
    end
  end

  it("gives the results in the order of the requests, whichever ends first", function()
    local requests = {}
    for index = 1, 8 do
      local path = "/number/" .. index
      requests[index] = { path = path }
      local delay = (8 - index) * 0.02
      box:answer { path = path, body = ('{"n": %d}'):format(index), delay = delay }
    end
    local results = client:batch(requests)
    for index = 1, 8 do
      assert.are.equal(index, results[index].response.data.n)
      assert.is_nil(results[index].err)
    end
    assert.are.equal(8, #results)
  end)

  it("takes everything that a request takes, and gives each what the call alone does", function()
    box:answer { path = "/text", headers = { ["Content-Type"] = "text/plain" }, body = "text" }
    box:answer { path = "/busy", status = 503 }
    box:answer { path = "/busy", body = "{}" }
    box:answer { path = "/broken", body = "{" }
    box:answer { path = "/cut", body = "0123456789", cut = 3, status = 200 }
    box:answer { path = "/moved", status = 302, headers = { Location = "/prod/user" } }
    local results = client:batch {
      { path = "/users/{name}", params = { name = "anna" }, query = { attributes = "userName" } },
      { path = "/users/nobody" },
      { path = "/text" },
      { path = "/busy" },
      { path = "/broken" },
      { path = "/cut", retry = false },
      { path = "/moved" },
      { path = "/user", auth = false },
      { method = "PATCH", path = "/users/anna", data = { firstName = "A" } },
      { path = "/user", body_file = "/nowhere/file" },
    }
    local seen = {}
    for index, result in ipairs(results) do
      local err = result.err
      seen[index] = err and (err.status or err.kind) or result.response.attempts
      assert.is_true((err == nil) ~= (result.response == nil))
    end
    assert.are.same({ 1, 404, 1, 2, 200, "network", 2, 403, 1, "file" }, seen)
    assert.are.equal("text", results[3].response.body)
    assert.are.equal("decode", results[5].err.kind)
    assert.are.equal("demo", results[7].response.data.userName)
  end)

  it("has no more calls under way than `concurrency`, 16 when it does not say", function()
    for _, given in ipairs { 1, 3, false } do
      local limit, events = given or 16, { under_way = 0, most = 0 }
      local listening = box:client {
        on_event = function(event)
          if event.type == "request" then
            events.under_way = events.under_way + 1
            events.most = math.max(events.most, events.under_way)
          elseif event.type == "response" then
            events.under_way = events.under_way - 1
          end
        end,
      }
      local requests = many(40, "/user", { auth = false })
      requests.concurrency = given or nil
      box:answer { path = "/user", body = "{}", delay = 0.005, times = 40 }
      assert_all_good(listening:batch(requests), 40)
      assert.are.equal(limit, events.most)
      listening:close()
    end
  end)

  it("uses one connection with HTTP/2, and no more than `concurrency` with HTTP/1.1", function()
    for _, version in ipairs { "2", "1.1" } do
      box:reset()
      local other = box:client { http_version = version }
      box:answer { path = "/x", body = "{}", delay = 0.01, times = 60 }
      local requests = many(60, "/x", { auth = false })
      requests.concurrency = 8
      local results = other:batch(requests)
      assert_all_good(results, 60)
      assert.are.equal(version, results[1].response.http_version)
      local connections = box:counters().connections
      if version == "2" and not libcurl.before(7, 81) then -- older ones do not wait for the first
        assert.are.equal(1, connections)
      else
        assert.is_true(connections > 1 and connections <= 8, connections .. " connections")
      end
      other:close()
    end
  end)

  it("takes what a request has from its metatable", function()
    local open = setmetatable({ path = "/user" }, { __index = { auth = false } })
    local results = client:batch { open, { path = "/user" } }
    assert.are.equal(403, results[1].err.status)
    assert.are.equal(200, results[2].response.status)
  end)

  it("gives each the answer to its own path, again and again", function()
    local names = { "anna", "demo", "user01", "user02", "user03" }
    for round = 1, 6 do
      local requests = { concurrency = 1 + round % 3 }
      for index, name in ipairs(names) do
        requests[index] = { path = "/users/{name}", params = { name = name } }
      end
      requests[6] = { path = "/users", query = { size = round } }
      local results = client:batch(requests)
      for index, name in ipairs(names) do
        assert.are.equal(name, results[index].response.data.userName)
        assert.is_truthy(results[index].response.url:find("/users/" .. name .. "$"))
      end
      assert.is_truthy(results[6].response.url:find("?size=" .. round, 1, true))
      table.insert(names, 1, table.remove(names))
    end
  end)

  it("leaves nothing of one request in the next", function()
    local folder = scratch.folder()
    local path = folder.path .. "/saved"
    box:answer { path = "/echo", status = 503, times = 2 }
    local requests = {
      { method = "PATCH", path = "/users/anna", data = { firstName = "A" } },
      { path = "/users/anna" },
      { path = "/user", save_to = path },
      { path = "/user", headers = { Accept = "application/json" } },
      { path = "/users/nobody" },
      { method = "HEAD", path = "/user" },
      { path = "/user", timeout = 5 },
      { path = "/user", auth = false },
      { path = "/echo" },
      { path = "/user", on_data = function() end },
      { path = "/user" },
      concurrency = 1,
    }
    for _ = 1, 3 do
      box:seen()
      local results, seen = client:batch(requests), {}
      for index, result in ipairs(results) do
        local response = result.response
        seen[index] = response and (response.data and response.data.userName or response.body)
          or result.err.status
      end
      assert.are.same(
        { "anna", "anna", "", "demo", 404, 403, "demo", 403, 403, "", "demo" }, seen
      )
      assert.are.equal(1, select(2, box:seen():gsub("PATCH", "")))
      assert.is_true(os.remove(path))
    end
    folder:remove()
  end)

  it("does a thousand requests", function()
    assert_all_good(client:batch(many(1000)), 1000)
    local counters = box:counters()
    assert.are.equal(1000, counters.calls)
    assert.are.equal(1, counters.connections)
    assert.are.equal(1000, client:status().counters.calls)
  end)

  it("gives an empty list for an empty list", function()
    assert.are.same({}, client:batch {})
    assert.are.same({}, client:batch { concurrency = 3 })
  end)

  it("raises for a wrong member before anything is sent", function()
    box:seen()
    for text, requests in pairs {
      ["request 2 must be a table"] = { { path = "/user" }, "/user" },
      ['request 2: unknown option "url"; did you mean "path"?'] = {
        { path = "/user" },
        { url = "/user" },
      },
      ["request 3 needs a path"] = { { path = "/user" }, { path = "/user" }, {} },
      ["request 2: options"] = { { path = "/user" }, { path = "/user", data = 1, body = "x" } },
      ["request 2 is nil"] = { { path = "/user" }, nil, { path = "/user" } },
      ["request 1 is nil"] = { [0] = { path = "/user" } },
      ['unknown option "concurency"'] = { { path = "/user" }, concurency = 3 },
      ['request 1: option "params" must be a table'] = { { path = "/user", params = "x" } },
      ["request 1: params.name is missing"] = { { path = "/users/{name}" } },
      ["request 2: params.a is not in the path"] = {
        { path = "/user" },
        { path = "/user", params = { a = 1 } },
      },
      ["request 1: query must have names"] = { { path = "/user", query = { 1 } } },
      ['request 1: option "path" must be a path'] = { { path = "" } },
      ["request 2: path has a space"] = { { path = "/user" }, { path = "/a b" } },
      ["concurrency must be"] = { { path = "/user" }, concurrency = 0 },
      ["concurrency must be a whole"] = { { path = "/user" }, concurrency = "3" },
      ["request 2: "] = { { path = "/user" }, { path = "/user", data = { 0 / 0 } } },
    } do
      local ok, message = pcall(client.batch, client, requests)
      assert.is_false(ok, text)
      assert.is_truthy(tostring(message):find("batch_spec.lua:", 1, true), tostring(message))
      assert.is_truthy(tostring(message):find(text, 1, true), tostring(message))
    end
    assert.is_false((pcall(client.batch, client)))
    assert.is_false((pcall(client.batch, client, "/user")))
    assert.are.equal("", box:seen())
  end)

  it("logs in by itself once for the whole batch", function()
    local other = box:client { username = box.username, password = box.password }
    assert_all_good(other:batch(many(20)), 20)
    assert.are.equal(2, box:counters().login)
    assert.are.equal(1, other:status().counters.logins)
    other:close()
  end)

  it("sends nothing and gives each an error when not logged in", function()
    local other = box:client()
    box:seen()
    local results = other:batch(many(3))
    assert.are.equal(3, #results)
    for _, result in ipairs(results) do
      assert.are.equal("auth", result.err.kind)
      assert.are.equal(0, result.err.attempts)
    end
    assert.are.equal("", box:seen())
    other:close()
  end)

  it("refreshes once when the token expires in the middle", function()
    box:expire()
    local results = client:batch(many(30))
    assert_all_good(results, 30)
    assert.are.equal(1, box:counters().refresh)
    assert.are.equal(1, client:status().counters.refreshes)
    local ended = 0
    local requests = many(40)
    requests.concurrency = 4
    requests[10].on_data = function()
      ended = ended + 1
      box:expire()
    end
    assert_all_good(client:batch(requests), 40)
    assert.is_true(ended > 0)
    assert.are.equal(2, box:counters().refresh)
  end)

  it("gives every call the error of a refresh that was refused", function()
    box:expire(true)
    local results = client:batch(many(10))
    assert.are.equal(10, #results)
    for _, result in ipairs(results) do
      assert.are.equal("auth", result.err.kind)
    end
    assert.are.equal(1, box:counters().refresh)
  end)

  it("hands pieces to on_data, of each call its own", function()
    local requests, texts = {}, {}
    for index = 1, 6 do
      local path = "/stream/" .. index
      box:answer { path = path, body = tostring(index), ["repeat"] = 300000 }
      texts[index] = {}
      requests[index] = {
        path = path,
        on_data = function(piece)
          table.insert(texts[index], piece)
        end,
      }
    end
    requests[7] = { path = "/user" }
    assert_all_good(client:batch(requests), 7)
    for index = 1, 6 do
      assert.is_true(table.concat(texts[index]) == tostring(index):rep(300000))
    end
  end)

  it("ends one call when its on_data returns false, and no other", function()
    box:answer { path = "/stream", body = "0123456789", ["repeat"] = 300000 }
    local requests = many(5)
    requests[3] = {
      path = "/stream",
      on_data = function()
        return false
      end,
    }
    local results = client:batch(requests)
    assert.are.equal("cancelled", results[3].err.kind)
    for _, index in ipairs { 1, 2, 4, 5 } do
      assert.are.equal(200, results[index].response.status)
    end
  end)

  it("lets out what an on_data raises, and the client goes on", function()
    local value = {}
    for _, credentials in ipairs { false, true } do
      local other = credentials and box:client { username = box.username, password = box.password }
        or box:logged_in()
      box:answer { path = "/stream", body = "0123456789", ["repeat"] = 1000 }
      local requests = many(20)
      requests[5] = {
        path = "/stream",
        auth = false,
        on_data = function()
          error(value, 0)
        end,
      }
      local ok, raised = pcall(other.batch, other, requests)
      assert.is_false(ok)
      assert.is_true(rawequal(value, raised))
      assert.are.equal(200, mic.assert(other:get "/user").status)
      assert_all_good(other:batch(many(20)), 20)
      other:close()
    end
  end)

  it("passes on what an on_data yields, and raises outside of a coroutine", function()
    if _VERSION == "Lua 5.1" and not rawget(_G, "jit") then
      return
    end
    local requests = many(10)
    requests[4].on_data = coroutine.yield
    local runner = coroutine.create(function()
      return client:batch(requests)
    end)
    local _, piece = coroutine.resume(runner)
    assert.is_truthy(piece:find "demo")
    local ok, results = coroutine.resume(runner)
    assert.is_true(ok, tostring(results))
    assert_all_good(results, 10)
    if not coroutine.running() or select(2, coroutine.running()) == true then
      local message
      ok, message = pcall(client.batch, client, requests)
      assert.is_false(ok)
      assert.is_truthy(tostring(message):find "yield")
    end
  end)

  it("runs in an on_data of a batch of another client", function()
    local other = box:logged_in()
    local requests, inner = many(10), {}
    requests[2].on_data = function()
      inner[1] = other:batch(many(10))
      inner[2] = client:batch(many(10))
      inner[3] = mic.assert(other:get "/user")
    end
    assert_all_good(client:batch(requests), 10)
    assert_all_good(inner[1], 10)
    assert_all_good(inner[2], 10)
    other:close()
  end)

  it("lets out what an on_data of an inner batch raises, and both clients go on", function()
    local other = box:logged_in()
    local value, requests, inner = {}, many(10), many(10)
    inner[3].on_data = function()
      error(value, 0)
    end
    requests[4].on_data = function()
      other:batch(inner)
    end
    local ok, raised = pcall(client.batch, client, requests)
    assert.is_false(ok)
    assert.is_true(rawequal(value, raised))
    inner[3].on_data = nil
    assert_all_good(other:batch(inner), 10)
    assert_all_good(client:batch(many(10)), 10)
    other:close()
  end)

  --- Runs code in a new interpreter, with `many(count)` and `new(store)`, which makes a client.
  local function run(code)
    return box:run([[
      local created, create = 0, coroutine.create
      function coroutine.create(task)
        created = created + 1
        return create(task)
      end
      local mic = require "mic"
      local function new(store)
        local client = mic.new {
          base_url = os.getenv "MIC_BASE_URL", api_key = os.getenv "MIC_API_KEY",
          username = os.getenv "MIC_USERNAME", password = os.getenv "MIC_PASSWORD",
          tls = { ca_file = os.getenv "MIC_CA_FILE" }, store = store,
        }
        assert(client:login())
        return client
      end
      local function many(count)
        local requests = { concurrency = count }
        for index = 1, count do
          requests[index] = { path = "/user" }
        end
        return requests
      end
    ]] .. code)
  end

  it("keeps coroutines for later batches, but nothing of a client with them", function()
    assert.are.equal("3\tnil\n3\tnil\n", run [[
      if rawget(_G, "jit") then rawget(_G, "jit").off() end -- compiled code keeps functions
      local kept = setmetatable({}, { __mode = "k" })
      local function use()
        local store = mic.store.memory()
        kept[store] = true
        assert(new(store):batch(many(3))[3].response)
      end
      for _ = 1, 2 do
        use()
        collectgarbage()
        collectgarbage()
        print(created, next(kept))
      end
    ]])
  end)

  it("keeps no coroutine that may have inherited a hook from C", function()
    assert.are.equal("3 6 6\n", run [[
      local client, gethook, counts = new(), debug.gethook, {}
      for index = 1, 3 do
        debug.gethook = index == 1 and function()
          return "external hook"
        end or gethook
        client:batch(many(3))
        counts[index] = created
      end
      print(table.concat(counts, " "))
    ]])
  end)

  it("waits for several retries at a time", function()
    box:answer { path = "/x", status = 503, times = 10, headers = { ["Retry-After"] = "1" } }
    box:answer { path = "/x", body = "{}", times = 20 }
    local results = client:batch(many(10, "/x", { auth = false, deadline = 5 }))
    assert_all_good(results, 10)
    for _, result in ipairs(results) do
      assert.are.equal(2, result.response.attempts)
    end
  end)

  it("waits for retries alone, when no exchange is under way", function()
    local server = faults.start("read", "read\n" .. answer "{}" .. "\nagain")
    local other = mic.new { base_url = server.url, api_key = "k", retry = FAST }
    local results = other:batch(many(1, "/x", { auth = false }))
    assert_all_good(results, 1)
    assert.are.equal(2, results[1].response.attempts)
    other:close()
    server.stop()
  end)

  it("answers closed for each when the client is closed", function()
    client:close()
    for _, result in ipairs(client:batch(many(3))) do
      assert.are.equal("closed", result.err.kind)
    end
    assert.are.equal(3, #client:batch(many(3)))
  end)

  it("runs inside the on_data of a long stream", function()
    local folder = scratch.folder()
    box:answer { path = "/stream", body = ("x"):rep(1024), ["repeat"] = 10240 }
    box:answer { path = "/x", body = "{}", times = 20 }
    local printed = folder:lua(([[
      local client = require("mic").new { base_url = %q, api_key = "k", tls = { ca_file = %q } }
      local requests, results, size = {}, nil, 0
      for index = 1, 20 do
        requests[index] = { path = "/x", auth = false }
      end
      require("mic").assert(client:get("/stream", {
        auth = false,
        on_data = function(piece)
          results = results or client:batch(requests)
          size = size + #piece
        end,
      }))
      print(#results, size)
    ]]):format(box.base_url, box.ca_file), "timeout 20")
    assert.are.equal("20\t10485760\n", printed)
  end)

  it("may be closed, and make calls and batches, from inside", function()
    local requests, inner = many(6), nil
    requests[2].on_data = function()
      inner = inner or client:batch(many(6))
      mic.assert(client:get "/user")
    end
    assert_all_good(client:batch(requests), 6)
    assert_all_good(inner, 6)
    requests = many(30)
    requests.concurrency = 2
    requests[3].on_data = function()
      client:close()
    end
    local results = client:batch(requests)
    assert.are.equal(30, #results)
    assert.are.equal("closed", results[30].err.kind)
  end)
end)
