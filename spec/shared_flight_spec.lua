-- Many callers share one login or refresh: coroutines of an event loop, clients with one store.

local api = require "spec.support.api"
local mic = require "mic"
local tasks = require "spec.support.tasks"

local MANY = 50

describe("many coroutines of one client", function()
  local sandbox = api.around()
  local loop, client, inner

  before_each(function()
    loop = tasks.new()
  end)

  local function make(options)
    options = options or {}
    options.transport = loop.transport
    client, inner = sandbox:client(options)
    loop:add(function()
      assert(client:login(sandbox.username, sandbox.password))
    end)
    loop:run()
    sandbox:seen()
  end

  --- Calls from so many coroutines at once; their results in any order.
  local function call(count, act)
    local results = {}
    for _ = 1, count do
      loop:add(function()
        local response, err = (act or client.get)(client, "/user")
        results[#results + 1] = { response = response, err = err }
      end)
    end
    return results
  end

  --- Advances the clocks, here and in the sandbox.
  local function pass(seconds)
    inner:shift_clock(seconds)
    loop.later = loop.later + seconds
    sandbox:mode { clock_offset = math.floor(loop.later) }
  end

  local function count_of(path)
    local count = 0
    for _, entry in ipairs(sandbox:log()) do
      count = count + (entry.path == "/prod" .. path and 1 or 0)
    end
    return count
  end

  for _, mode in ipairs { "echo", "rotate", "omit" } do
    it("make one refresh at expiry, and all succeed; refresh tokens: " .. mode, function()
      make()
      sandbox:mode { refresh = mode }
      for round = 1, 3 do
        sandbox:expire()
        pass(3601)
        local results = call(MANY)
        loop:run()
        assert.equal(MANY, #results)
        for _, result in ipairs(results) do
          assert(result.response, tostring(result.err))
        end
        assert.equal(round, sandbox:counters().refresh)
      end
      assert.equal(1, sandbox:counters().login)
    end)
  end

  it("make one refresh when the API says that the token has expired", function()
    make()
    sandbox:expire()
    local results = call(MANY)
    loop:run()
    for _, result in ipairs(results) do
      assert(result.response, tostring(result.err))
      assert.is_true(result.response.attempts <= 2)
    end
    assert.equal(1, sandbox:counters().refresh)
  end)

  it("make one login when none is there", function()
    client = sandbox:automatic { transport = loop.transport }
    local results = call(MANY)
    loop:run()
    for _, result in ipairs(results) do
      assert(result.response, tostring(result.err))
    end
    assert.same({ 1, 0 }, { sandbox:counters().login, sandbox:counters().refresh })
  end)

  it("begin another one when the task of the first never begins", function()
    local spawn, lost = loop.transport.spawn, 0
    function loop.transport.spawn()
      loop.transport.spawn = spawn
      lost = lost + 1
      loop.later = loop.later + 6
    end
    client = sandbox:automatic { transport = loop.transport }
    local results = call(3)
    loop:run()
    for _, result in ipairs(results) do
      assert(result.response, tostring(result.err))
    end
    assert.same({ 1, 1 }, { lost, sandbox:counters().login })
  end)

  it("refresh ahead once, and no call waits for it", function()
    make()
    pass(3000)
    sandbox:answer { path = "/auth/refresh", delay = 2 }
    local results = call(MANY)
    loop:run(function()
      return #results == MANY
    end)
    assert.equal(MANY, count_of "/user")
    assert.equal(0, client:status().counters.refreshes)
    loop:run()
    assert.equal(1, client:status().counters.refreshes)
    assert.equal(1, count_of "/auth/refresh")
  end)

  it("share a failure, and the pause after it", function()
    make()
    pass(3601)
    sandbox:answer { path = "/auth/refresh", status = 500, body = '{"message":"down"}', times = 99 }
    local results = call(MANY)
    loop:run()
    local late = call(MANY)
    loop:run()
    for _, list in ipairs { results, late } do
      assert.equal(MANY, #list)
      for _, result in ipairs(list) do
        assert.equal("http: down", api.line(result.err))
        assert.is_true(result.err.retryable)
      end
    end
    assert.is_true(results[1].err ~= results[2].err)
    assert.equal("the next attempt is in 1 s", late[1].err.hint)
    assert.equal(1, count_of "/auth/refresh")
    pass(1)
    call(MANY)
    loop:run()
    assert.equal(2, count_of "/auth/refresh")
  end)

  it("lose nothing when the one that started the refresh is killed", function()
    make()
    sandbox:mode { refresh = "rotate" }
    sandbox:answer { path = "/auth/refresh", delay = 1 }
    pass(3601)
    local first = loop:add(function()
      client:get "/user"
    end)
    loop:run(function()
      return loop.spawned == 2 -- the login was the first flight
    end)
    loop:kill(first)
    local results = call(MANY)
    loop:run()
    for _, result in ipairs(results) do
      assert(result.response, tostring(result.err))
    end
    assert.equal(1, sandbox:counters().refresh)
  end)

  it("lose nothing when every one that waits is killed", function()
    make()
    sandbox:mode { refresh = "rotate" }
    sandbox:answer { path = "/auth/refresh", delay = 1 }
    pass(3601)
    local killed = {}
    for index = 1, MANY do
      killed[index] = loop:add(function()
        client:get "/user"
      end)
    end
    loop:run(function()
      return loop.spawned == 2
    end)
    for _, task in ipairs(killed) do
      loop:kill(task)
    end
    loop:run()
    assert.is_true(client:authenticated())
    local results = call(1)
    loop:run()
    assert(results[1].response, tostring(results[1].err))
    assert.equal(1, sandbox:counters().refresh)
    assert.equal(1, results[1].response.attempts)
  end)

  it("are free again when the refresh itself has gone for ever", function()
    make()
    pass(3601)
    local results = call(2)
    loop:run(function()
      return loop.spawned == 2
    end)
    loop:kill(loop.last_spawned)
    loop:run(function()
      loop.later = loop.later + 0.1 -- time flies
      return #results == 2
    end)
    for _, result in ipairs(results) do
      assert(result.response, tostring(result.err))
    end
    assert.equal(3, loop.spawned)
  end)

  it("wait no longer than their own deadlines; the refresh goes on", function()
    make()
    pass(3601)
    sandbox:answer { path = "/auth/refresh", delay = 2 }
    local results = call(3, function()
      return client:get("/user", { deadline = 0.1 })
    end)
    loop:run(function()
      return #results == 3
    end)
    assert.equal("timeout: the deadline has passed during a login or refresh",
      api.line(results[1].err))
    assert.equal("timeout", results[3].err.kind)
    loop:run()
    assert.is_true(client:authenticated())
    assert.equal(1, client:status().counters.refreshes)
  end)

  it("share the explicit refresh of one of them", function()
    make()
    sandbox:answer { path = "/auth/refresh", delay = 0.1 }
    local results = call(5, function()
      return client:refresh()
    end)
    loop:run()
    for _, result in ipairs(results) do
      assert.is_true(result.response)
    end
    assert.equal(1, sandbox:counters().refresh)
  end)

  it("that ask explicitly do not wait for the end of a pause", function()
    make()
    pass(3601)
    sandbox:answer { path = "/auth/refresh", status = 500, body = "{}" }
    call(1)
    loop:run()
    assert.is_false(client:authenticated())
    local results = call(1, function()
      return client:refresh()
    end)
    loop:run()
    assert.is_true(results[1].response)
    assert.is_true(client:authenticated())
  end)

  it("are logged out by a logout during the refresh, which adopts and saves nothing", function()
    local store = mic.store.memory()
    make { store = store }
    pass(3601)
    sandbox:answer { path = "/auth/refresh", delay = 1 }
    local results = call(3)
    loop:run(function()
      return loop.spawned == 2
    end)
    local done = call(1, function()
      return client:logout()
    end)
    loop:run(function()
      return client:credentials() == nil -- at once
    end)
    loop:run()
    assert.is_true(done[1].response)
    for _, result in ipairs(results) do
      assert.equal("auth: not logged in; nothing was sent", api.line(result.err))
    end
    assert.is_nil(client:credentials())
    assert.is_nil(store.load(sandbox.base_url .. " "))
  end)

  it("go on with credentials that came from elsewhere during the refresh", function()
    make()
    pass(3601)
    sandbox:answer { path = "/auth/refresh", delay = 1 }
    local other = sandbox:logged_in()
    local credentials = other:credentials()
    other:close()
    local results = call(3)
    loop:run(function()
      return loop.spawned == 2
    end)
    local done = call(1, function()
      return client:use_credentials(credentials)
    end)
    loop:run()
    assert.is_true(done[1].response)
    assert.is_true(credentials.token == client:credentials().token)
    assert.equal(3, #results)
  end)

  it("that call inside the password function get an error that says so", function()
    local seen = {}
    client = sandbox:automatic { transport = loop.transport, password = function()
      loop.transport.sleep(0.05)
      seen[1], seen[2] = client:get "/user"
      coroutine.wrap(function()
        seen[3], seen[4] = client:refresh()
        seen[5], seen[6] = client:get "/user"
      end)()
      return sandbox.password
    end }
    local results = call(3)
    loop:run()
    for _, result in ipairs(results) do
      assert(result.response, tostring(result.err))
    end
    assert.same({ "auth", "auth" }, { seen[2].kind, seen[6].kind })
    assert.is_truthy(seen[2].message:find "made during a login or refresh")
    assert.is_truthy(seen[6].message:find "made during a login or refresh")
    assert.equal(1, sandbox:counters().login)
  end)

  it("get the events of the refresh even when the one that started it is killed", function()
    local types = {}
    make { on_event = function(event)
      if event.method == nil then
        types[#types + 1] = event.type
      end
    end }
    pass(3601)
    local first = loop:add(function()
      client:get "/user"
    end)
    loop:run(function()
      return loop.spawned == 2
    end)
    loop:kill(first)
    loop:run()
    assert.same({ "login", "refresh" }, types)
  end)
end)

describe("clients of one store and key", function()
  local sandbox = api.around()
  local loop, store, clients

  before_each(function()
    loop = tasks.new()
    store = mic.store.memory()
    clients = {}
  end)

  local inners = {}

  local function add(options)
    options = options or {}
    options.store, options.transport = store, loop.transport
    options.username = options.username or sandbox.username
    local index = #clients + 1
    clients[index], inners[index] = sandbox:client(options)
    return clients[index]
  end

  local function pass(seconds)
    for index in ipairs(clients) do
      inners[index]:shift_clock(seconds)
    end
    loop.later = loop.later + seconds
    sandbox:mode { clock_offset = math.floor(loop.later) }
  end

  --- One call of each client at once.
  local function call()
    local results = {}
    for index, each in ipairs(clients) do
      loop:add(function()
        local response, err = each:get "/user"
        results[index] = { response = response, err = err }
      end)
    end
    loop:run()
    return results
  end

  local function begin(count, options)
    for _ = 1, count do
      add(options)
    end
    loop:add(function()
      assert(clients[1]:login(nil, sandbox.password))
    end)
    loop:run()
    call()
    sandbox:seen()
  end

  for _, mode in ipairs { "echo", "rotate", "omit" } do
    it("make one refresh; refresh tokens: " .. mode, function()
      begin(5)
      sandbox:mode { refresh = mode }
      for round = 1, 2 do
        sandbox:expire()
        pass(3601)
        for _, result in ipairs(call()) do
          assert(result.response, tostring(result.err))
        end
        assert.equal(round, sandbox:counters().refresh)
      end
      assert.equal(clients[1]:credentials().token, clients[5]:credentials().token)
      assert.is_true(clients[5]:status().counters.adoptions >= 2)
    end)
  end

  it("share a failure, and one tries when the pause is over", function()
    begin(5)
    pass(3601)
    sandbox:answer { path = "/auth/refresh", status = 503, body = '{"message":"down"}', times = 9 }
    for round = 1, 3 do
      for _, result in ipairs(call()) do
        assert.equal("http: down", api.line(result.err))
      end
      local seen = sandbox:seen()
      assert.equal("POST /auth/refresh", seen)
      pass(2 ^ round)
    end
  end)

  it("do not share the failure of one without a password when they have one", function()
    add()
    add { password = sandbox.password }
    loop:add(function()
      assert(clients[1]:login(nil, sandbox.password))
    end)
    loop:run()
    call()
    sandbox:expire(true)
    pass(3601)
    local results = call()
    assert(results[2].response, tostring(results[2].err))
  end)

  it("share nothing with a client of another user or another store", function()
    begin(1)
    add { username = "anna", password = sandbox.password }
    local alone = sandbox:client { transport = loop.transport, username = sandbox.username }
    clients[3] = alone
    inners[3] = { shift_clock = function() end }
    local results = call()
    assert.equal("anna", results[2].response.data.userName)
    assert.equal("auth", results[3].err.kind)
  end)

  it("do not try a refused password one after the other", function()
    for _ = 1, 4 do
      add { password = "wrong" }
    end
    for _, result in ipairs(call()) do
      assert.equal("auth", result.err.kind)
    end
    call()
    assert.equal(1, select(2, sandbox:seen():gsub("login", "")))
  end)

  it("go without leaving anything behind", function()
    begin(1)
    local weak = setmetatable({ store }, { __mode = "v" })
    clients[1]:close()
    clients, store, loop = {}, nil, nil
    inners = {}
    for _ = 1, 3 do
      collectgarbage()
    end
    assert.is_nil(weak[1])
  end)
end)
