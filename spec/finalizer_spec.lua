-- mic.core when a finalizer runs during one of its functions: what it returns is complete, or
-- nothing.

local api = require "spec.support.api"
local core = require "mic.core"
local core_calls = require "spec.support.core_calls"
local faults = require "spec.support.faults"
local mic_profile = require "mic.profile.mic"
local moments = require "spec.support.moments"

local FOREVER = 30 -- seconds; no test waits that long

--- Longer than what Lua keeps beside its other strings; freed memory of that size is reused soon.
local function secrets(letter)
  return {
    identity = letter:rep(3000) .. "-identity",
    token = letter:rep(9000) .. "-token",
    refresh_token = letter:rep(9000) .. "-refresh",
  }
end

local ours, others = secrets "a", secrets "b"

local function client_with_secrets()
  local client = core.client {
    base_url = "https://api.example/prod", api_key = ("k"):rep(5000),
    profile = mic_profile,
  }
  assert(client:adopt(ours))
  return client
end

local function close(client)
  client:close()
end

local function swap(client)
  client:adopt(others)
end

--- Allowed: all values of one set, or none.
local function is_whole(shown)
  if next(shown) == nil then
    return true
  end
  for _, set in ipairs { ours, others } do
    if shown.identity == set.identity and shown.token == set.token
      and shown.refresh_token == set.refresh_token then
      return true
    end
  end
  return false
end

--- Each way to see credentials, as a table of their names.
local ways = {
  credentials = function(client)
    local found, identity, token, refresh_token = client:credentials()
    assert(found or not (identity or token or refresh_token))
    return { identity = identity, token = token, refresh_token = refresh_token }
  end,
  credential_data = function(client)
    return client:credential_data() or {}
  end,
  headers = function(client)
    local headers, kind = client:headers()
    assert(headers or kind == "closed" or kind == "missing", kind)
    if not headers then
      return {}
    end
    assert(headers["x-api-key"] == ("k"):rep(5000), "another key")
    local token = headers.Authorization
    local set = token == ours.token and ours or others
    return { identity = headers.identityId, token = token, refresh_token = set.refresh_token }
  end,
  record = function(client)
    local record = client:record()
    if not record then
      return {}
    end
    local reader = core.client {
      base_url = "https://api.example/prod", api_key = "k", profile = mic_profile,
    }
    assert(reader:adopt(assert(core.record(record:bytes()))))
    return reader:credential_data()
  end,
}

describe("mic.core, with a finalizer in the middle of", function()
  for name, way in pairs(ways) do
    it(name .. ", hands over credentials of one moment", function()
      for _, act in ipairs { close, swap } do
        local count = moments.each(client_with_secrets, act, way, function(ok, shown)
          assert.is_true(ok, shown)
          assert.is_true(is_whole(shown), "torn credentials")
        end)
        assert.is_true(count > 0)
      end
    end)
  end

  it("adopt, adopts or says closed", function()
    moments.each(client_with_secrets, close, function(client)
      local generation, kind = client:adopt(others)
      return client, generation, kind
    end, function(ok, client, generation, kind)
      assert.is_true(ok, client)
      assert.is_true(generation == 2 or kind == "closed")
    end)
  end)

  it("freshness, tells of one generation", function()
    moments.each(client_with_secrets, swap, function(client)
      client:mark_stale(1)
      return client:freshness()
    end, function(ok, state, generation)
      assert.is_true(ok, state)
      assert.is_true(state == (generation == 1 and "stale" or "fresh"))
    end)
  end)

  it("mask, hides all that was known, or all", function()
    moments.each(client_with_secrets, close, function(client)
      return client:mask("to be hidden: " .. ours.token .. ", and " .. ours.refresh_token)
    end, function(ok, shown)
      assert.is_true(ok, shown)
      assert.is_nil(shown:find("aaaaaaaa", 1, true))
    end)
  end)

  it("a digest of a login, makes the one or another, whatever the arguments", function()
    moments.each(client_with_secrets, close, function(client)
      return client:login_digest(12345678.5, 0.123456789)
    end, function(ok, digest)
      assert.is_true(ok, digest)
      assert.equal(32, #digest)
    end)
  end)

  it("the end of a client, which a finalizer that comes later still holds", function()
    local problems, methods = {}, { "root", "freshness", "headers", "record", "no_login" }
    local function hold()
      -- Finalizers run in the opposite order of marking: this one after the client's.
      local held = {}
      held.proxy = moments.collectable(function() -- not collected before there is a client
        for _, name in ipairs(methods) do
          local ok, problem = pcall(held.client[name], held.client)
          problems[#problems + 1] = not ok and problem or nil
        end
      end)
      held.client = client_with_secrets()
    end
    hold()
    collectgarbage()
    collectgarbage()
    assert.is_true(#problems == 0 or #problems == #methods)
    for _, problem in ipairs(problems) do
      assert.is_truthy(tostring(problem):find "was collected", problem)
    end
  end)

  it("root, names the base URL or nothing", function()
    moments.each(client_with_secrets, close, function(client)
      return client:root(), tostring(client)
    end, function(ok, root)
      assert.is_true(ok, root)
      assert.is_true(root == "https://api.example/prod" or root == "", root)
    end)
  end)
end)

describe("an exchange of mic.core, with a finalizer in the middle of", function()
  local body = ("0123456789"):rep(2000)
  local head = "HTTP/1.1 200 OK\\r\\nX-Long: " .. ("h"):rep(3000) .. "\\r\\nContent-Length: "
  local server =
    faults.start("read\nsend " .. head .. #body .. "\\r\\n\\r\\n" .. body .. "\nagain")

  local function begin(spec)
    local client = core.client { base_url = server.url, api_key = "k", profile = mic_profile,
      transcripts = spec.transcripts }
    spec.method, spec.path, spec.auth = "GET", "/x", false
    local exchange = core_calls.start(client, spec)
    local subject = { client = client, exchange = exchange }
    if not spec.stream then
      assert(exchange:run(FOREVER) == "done")
    end
    return subject
  end

  --- A block with a variable to be closed, which only 5.4 has.
  local scope = _VERSION == "Lua 5.4" and load "local exchange <close> = ..."

  --- Everything that a finalizer may do to an exchange; some raise, as misuse does.
  local deeds = {
    close = function(subject)
      subject.client:close()
    end,
    cancel = function(subject)
      subject.exchange:cancel()
    end,
    run = function(subject)
      pcall(subject.exchange.run, subject.exchange, 0.01)
    end,
    result = function(subject)
      pcall(subject.exchange.result, subject.exchange)
    end,
    reuse = function(subject)
      pcall(subject.client.start, subject.client, "call", "GET", "/y", 1, true, nil, nil,
        subject.exchange)
    end,
    leave = function(subject)
      if scope then
        scope(subject.exchange)
      end
    end,
  }

  for name, deed in pairs(deeds) do
    it("result, and that finalizer calls " .. name, function()
      moments.each(function()
        return begin {}
      end, deed, function(subject)
        return core_calls.result(subject.exchange)
      end, function(ok, reply, kind)
        if ok and reply then
          assert.is_true(reply.body == body)
          assert.equal(200, reply.status)
          assert.equal(3000, #reply.headers["x-long"])
          assert.equal(server.url .. "/x", reply.url)
        else -- it acted before there was anything to hand over
          assert.is_truthy(kind == "cancelled" or kind == "closed" or tostring(reply):find "taken")
        end
      end)
    end)

    it("transcript, and that finalizer calls " .. name, function()
      moments.each(function()
        local subject = begin { transcripts = "bodies" }
        assert(subject.exchange:result())
        return subject
      end, deed, function(subject)
        return subject.exchange:transcript()
      end, function(ok, sent_head, sent_body, received, shown)
        if ok and sent_head then
          assert.is_nil(sent_body)
          assert.is_truthy(received:find(("h"):rep(3000), 1, true))
          assert.equal("<20000 bytes>", shown)
        else
          assert.is_true(ok, sent_head)
        end
      end)
    end)

    it("run, which hands over a stream, and that finalizer calls " .. name, function()
      moments.each(function()
        return begin { stream = true }
      end, deed, function(subject)
        local news, piece
        repeat
          news, piece = subject.exchange:run(FOREVER)
        until news ~= "wait"
        return piece or ""
      end, function(ok, piece)
        if not (ok and body:sub(1, #piece) == piece) then
          error("a piece that was not sent: " .. tostring(piece):sub(1, 40))
        end
      end)
    end)
  end

  it("call, whose client it closes", function()
    moments.each(function()
      local client = core.client { base_url = server.url, api_key = "k", profile = mic_profile }
      assert(client:adopt(ours))
      return client
    end, close, function(client)
      return client:call("GET", "/x", FOREVER, true)
    end, function(ok, status, text, packed)
      assert.is_true(ok, status)
      if status then
        assert.is_true(status == 200 and text == body)
        assert.is_truthy((core.unpack_answer(packed)):find(("h"):rep(3000), 1, true))
      else
        assert.equal("closed", text)
      end
    end)
  end)
end)

describe("a request of mic.core, with a finalizer that changes its spec,", function()
  local box = api.around()

  --- Strings that nothing else holds, so that they are garbage once the table lets them go.
  local function fresh(text)
    return table.concat { text, ("x"):rep(300) }
  end

  it("sends what it was given first, or is refused", function()
    local client = box:core()
    local function spec()
      return { method = "POST", path = fresh "/echo/", body = fresh "body", auth = false,
        headers = { ["X-One"] = fresh "1" } }
    end
    local function change(subject)
      subject.path, subject.body = nil, nil
      collectgarbage()
    end
    local path, body = fresh "/prod/echo/", fresh "body"
    for _, way in ipairs { "request", "start" } do
      moments.each(spec, change, function(subject)
        if way == "request" then
          core_calls.request(client, subject)
          return
        end
        local exchange = core_calls.start(client, subject)
        collectgarbage()
        while exchange:run(FOREVER) ~= "done" do -- luacheck: ignore 542
        end
      end, function(ok, problem)
        assert.is_true(ok or problem:find "path is required" ~= nil, problem)
        for _, entry in ipairs(box:log()) do
          assert.is_true(entry.path == path, entry.path)
          assert.is_true(entry.body == nil or entry.body == "" or entry.body == body, entry.body)
        end
      end)
    end
    client:close()
  end)

  it("is made of a base URL that is whole", function()
    moments.each(function()
      return { base_url = table.concat { "https://api.example/", ("p"):rep(300) }, api_key = "k" }
    end, function(config)
      config.base_url = nil
      collectgarbage()
    end, function(config)
      return core.client(config):root()
    end, function(ok, root)
      local whole = "https://api.example/" .. ("p"):rep(300)
      assert.is_true(root == whole or (not ok and root:find "base_url is required" ~= nil), root)
    end)
  end)
end)
