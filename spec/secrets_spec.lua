-- Password, token, refresh token and API key are in nothing that a program may print: no error,
-- event or status, nothing reachable from a client. The server echoes all of them.

local api = require "spec.support.api"
local json = require "mic.json"
local mic = require "mic"

--- Calls `see` with every string that is reachable by pairs and metatables, and how. Keys named in
--- `skip` are left out. With `deep`, through the upvalues of functions too.
local function walk(root, see, skip, deep)
  local seen, stack = {}, { { root, "" } }
  local function push(value, path)
    stack[#stack + 1] = { value, path }
  end
  local function members(value, path)
    for key, member in next, value do
      if not (skip and skip[key]) then
        push(key, path .. "<key>")
        push(member, path .. "." .. tostring(key))
      end
    end
  end
  local function upvalues(value, path)
    local index = 1
    local name, upvalue = debug.getupvalue(value, index)
    while name do
      if name ~= "_ENV" and upvalue ~= package.loaded then -- everything, these tests too
        push(upvalue, path .. "^" .. name)
      end
      index = index + 1
      name, upvalue = debug.getupvalue(value, index)
    end
  end
  while #stack > 0 do
    local value, path = stack[#stack][1], stack[#stack][2]
    stack[#stack] = nil
    local kind = type(value)
    if kind == "string" then
      see(value, path)
    elseif value ~= nil and not seen[value] then
      seen[value] = true
      if kind == "table" then
        members(value, path)
      elseif kind == "function" and deep then
        upvalues(value, path)
      end
      local meta = debug.getmetatable(value)
      if type(meta) == "table" then
        push(meta, path .. "<meta>")
      end
    end
  end
end

describe("secrets", function()
  local sandbox = api.around()
  local client, other, events, count, secrets

  local function learn()
    local credentials = client:credentials()
    if credentials then
      secrets[#secrets + 1] = credentials.token
      secrets[#secrets + 1] = credentials.refreshToken
      secrets.identity = credentials.identityId
    end
  end

  before_each(function()
    events, count = {}, 0
    secrets = { sandbox.password, sandbox.api_key }
    client = sandbox:automatic { on_event = function(event)
      events[#events + 1] = event
    end }
    other = sandbox:client()
  end)

  local function assert_clean(value, what, skip)
    walk(value, function(text, path)
      for index, secret in ipairs(secrets) do
        if text:find(secret, 1, true) then
          error(("secret %d in %s%s"):format(index, what, path), 0)
        end
      end
    end, skip)
  end

  --- All that a program may print. The response has the bytes of the server, but for login and
  --- refresh.
  local function check(err)
    learn()
    if err then
      local own = err.path == "/auth/login" or err.path == "/auth/refresh"
      assert_clean({ tostring(err), "failed: " .. err }, "the line of the error")
      assert_clean(err, "the error", not own and { response = true } or nil)
      if own and err.response then
        assert.is_truthy(err.response.headers and err.response:header_values "x-echo")
        assert_clean(err.response, "the masked response")
      end
      if secrets.identity then
        assert.is_nil(tostring(err):find(secrets.identity, 1, true))
      end
    end
    assert_clean(client, "the client")
    assert_clean(tostring(client), "tostring(client)")
    assert_clean(client:status(), "status()")
    assert_clean(events, "events")
    for _, event in ipairs(events) do
      walk(event, function(text)
        assert.is_nil(secrets.identity and text:find(secrets.identity, 1, true) or nil)
      end)
    end
    count, events = count + #events, {}
  end

  --- Everything that the server knows, in one text.
  local function everything()
    learn()
    local parts = { sandbox.password, sandbox.api_key, secrets.identity }
    for _, secret in ipairs(secrets) do
      parts[#parts + 1] = secret
    end
    return table.concat(parts, " ")
  end

  local function echo(path, status, body, headers)
    headers = headers or {}
    headers["Content-Type"] = headers["Content-Type"] or "application/json"
    sandbox:answer { path = path, status = status, body = body, headers = headers }
  end

  it("stay inside over a day's work", function()
    assert(client:login())
    check()
    assert.equal(200, client:get("/user").status)
    sandbox:mode { refresh = "rotate" }
    sandbox:expire()
    assert.equal(2, client:get("/user").attempts)
    check()
    assert.is_true(client:refresh())
    check()
    sandbox:expire(true)
    assert.equal(2, client:get("/user").attempts)
    check()
    check(select(2, client:get "/users/nobody"))
    assert.is_true(client:logout())
    check()
    assert.is_true(count > 20)
    assert.is_true(#secrets >= 10)
  end)

  it("are masked where an answer echoes them", function()
    assert(client:login())
    local all = everything()
    for _, text in ipairs {
      json.encode { message = all },
      json.encode { message = { message = all, messageKey = all, property = all,
        messageParams = { [all] = { all } } } },
      json.encode { errorMessage = all },
      json.encode { errorMessage = json.encode { message = all } },
      json.encode { errors = { { message = all } } },
      json.encode(all),
      all,
      "<html><title>" .. all .. "</title></html>",
      '{"broken": "' .. all,
    } do
      for _, status in ipairs { 200, 400, 401, 403, 429, 500 } do
        echo("/user", status, text, { ["X-Echo"] = sandbox.password,
          ["x-amzn-RequestId"] = sandbox.api_key })
        local _, err = client:get "/user"
        check(err)
        if err and status ~= 200 then
          assert.equal(text, err.response.body) -- the server's own bytes
          assert.equal(sandbox.password, err.response.headers["x-echo"])
        end
      end
    end
  end)

  it("are masked where a redirect's location holds them", function()
    assert(client:login())
    learn()
    for _, secret in ipairs { client:credentials().token, sandbox.api_key, sandbox.password } do
      echo("/user", 302, "", { Location = "https://evil.example/" .. secret .. "?t=" .. secret })
      local _, err = client:get "/user"
      assert.equal(302, err.status)
      check(err)
    end
  end)

  it("are masked where the caller puts them into the path", function()
    assert(client:login())
    local credentials = client:credentials()
    for _, secret in ipairs { credentials.token, sandbox.api_key, sandbox.password } do
      check(select(2, client:get("/users/{x}", { params = { x = secret } })))
      check(select(2, client:get("/user", { query = { token = secret }, auth = false })))
    end
  end)

  it("are masked in the replies of our own login and refresh", function()
    for _, status in ipairs { 200, 400, 401, 403, 500 } do
      for _, body in ipairs {
        '{"message":"%s"}', '{"message":{"messageKey":"%s","message":"%s","property":"%s"}}',
        '{"errorMessage":"%s"}', '{"credentials":{"token":5,"refreshToken":"%s"},"%s":1}',
        "%s", "<title>%s</title>", '{"message":"%s"',
      } do
        local text = sandbox.password .. " " .. sandbox.api_key
        local headers = { ["X-Echo"] = text }
        echo("/auth/login", status, (body:gsub("%%s", text)), headers)
        local session, err = client:login()
        assert.is_nil(session)
        check(err)
        client:logout()

        assert(client:login())
        learn()
        local credentials = client:credentials()
        text = credentials.refreshToken .. " " .. sandbox.api_key .. " " .. credentials.token
          .. " " .. sandbox.password
        echo("/auth/refresh", status, (body:gsub("%%s", text)), { ["X-Echo"] = text })
        local ok, problem = client:refresh()
        if ok == nil then
          check(problem)
        end
        client:logout()
      end
    end
  end)

  it("are not in what misuse raises", function()
    assert(client:login())
    learn()
    local credentials = client:credentials()
    for _, run in ipairs {
      function() client:get("/user", { headers = { Authorization = credentials.token } }) end,
      function() client:get("/user", { headers = { X = credentials.token .. "\r\n" } }) end,
      function() client:get("/users/" .. credentials.token .. " ") end,
      function() client:get("/users/{a}", { params = { a = credentials.token, b = 1 } }) end,
      function() client:get("/users", { query = { a = { credentials.token, print } } }) end,
      function() client:post("/users", { a = credentials.token, b = print }) end,
      function() client:use_credentials { token = credentials.token .. "\n", identityId = "i" } end,
      function() client:use_credentials { token = credentials.token } end,
      function() client:login("anna", sandbox.password) end,
      function() mic.new { base_url = "https://x", api_key = sandbox.api_key .. "\r" } end,
      function() mic.new { base_url = "https://x", api_key = sandbox.api_key, username = 1,
        password = sandbox.password } end,
      function() mic.new { base_url = "https://u:" .. sandbox.password .. "@x", api_key = "k" } end,
      function() mic.new { base_url = "https://x", api_key = "k", identity = sandbox.password } end,
    } do
      local ok, message = pcall(run)
      assert.is_false(ok)
      assert_clean(message, "what was raised")
    end
  end)

  it("are not in the errors of a store that shows what it was given", function()
    local store = mic.store.memory()
    local chatty = sandbox:automatic { store = {
      load = store.load,
      lock = store.lock,
      unlock = store.unlock,
      save = function(_, record)
        if record then
          assert.equal("mic.record", tostring(record))
          return nil, "cannot write: " .. record:bytes()
        end
        return true
      end,
    } }
    client:close()
    client = chatty
    local _, err = chatty:login()
    assert.equal("store", err.kind)
    check(err)
    assert.is_truthy(chatty:status().store_error)
    check(select(2, chatty:refresh()))
  end)

  it("of login() are not kept anywhere, whether it works or fails", function()
    client:close()
    client = other -- the first one has the password as its option
    for _, password in ipairs { sandbox.password, "a wrong password" } do
      other:login("demo", password)
      other:get "/user"
      collectgarbage()
      collectgarbage()
      local found
      walk(other, function(text, path)
        found = found or text == password and path
      end, nil, true)
      assert.is_falsy(found)
    end
  end)
end)
