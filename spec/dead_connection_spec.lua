-- Dead connections, as after a NAT timeout: what is sent is dropped, and neither FIN nor RST
-- arrives.

local api = require "spec.support.api"
local clock = require "spec.support.clock"
local core = require "mic.core"
local core_calls = require "spec.support.core_calls"
local libcurl = require "spec.support.libcurl"
local loops = require "spec.support.loops"
local native = require "spec.support.native"
local relay = require "spec.support.relay"
local scratch = require "spec.support.scratch"

-- Seconds: the timeout of a call on a dead connection, and of the attempt after it.
local SHORT = 1
local SOON = 15 -- half of what a call may take by default

describe("a connection that is dead", function()
  local box = api.around()
  local path, folder, login_reply

  before_each(function()
    path = relay.start(box.base_url)
    folder = scratch.folder()
    -- Scripted: at the relay's port the sandbox itself knows no Host.
    login_reply = login_reply or assert(box:client():post("/auth/login",
      { userName = box.username, password = box.password })).body
    for _, name in ipairs { "/auth/login", "/auth/refresh" } do
      box:answer { path = name, status = 200, body = login_reply, times = 9 }
    end
    box:answer { path = "/metadata/x", status = 200, body = "{}", times = 99 }
  end)

  local function new(options, transport)
    local all = {
      base_url = path.url,
      username = box.username,
      password = box.password,
      transport = transport,
      retry = { base = 0.001, cap = 0.001 },
    }
    for name, value in pairs(options or {}) do
      all[name] = value
    end
    return box:client(all)
  end

  --- What a function that runs in the loop returns: one value.
  local function inside(loop, main)
    local result
    loop.run(function(...)
      result = main(...)
    end)
    return result
  end

  --- The outcome of a call: status and attempts, or the kind of the error.
  local function tell(response, err)
    if not response then
      return err.kind .. (err.retryable and ", retryable" or "")
    end
    return ("%d after %d%s"):format(response.status, response.attempts,
      response.new_connection and ", new" or "")
  end

  for _, loop in ipairs { loops.all[1], loops.all[3], loops.all[5] } do
    for _, version in ipairs { "2", loop.name ~= "luv" and "1.1" or nil } do
      local name = (", %s, HTTP/%s"):format(loop.name, version)

      it("serves no second attempt" .. name, function()
        local client = new({ http_version = version }, loop.transport)
        local began
        assert.are.same({ "200 after 1, new", "200 after 2, new" }, inside(loop, function()
          local first = tell(client:get "/metadata/x")
          path.drop()
          began = clock.now()
          return { first, tell(client:get("/metadata/x", { timeout = SHORT })) }
        end))
        assert.is_true(clock.now() - began < SOON)
        assert.are.equal(2, path.opened())
        assert.is_true(path.closed(1))
      end)

      it("serves no later call" .. name, function()
        local client = new({ http_version = version, retry = false }, loop.transport)
        assert.are.same({
          "200 after 1, new", "timeout, retryable", "200 after 1, new", "200 after 1",
        }, inside(loop, function()
          local first = tell(client:get "/metadata/x")
          path.drop()
          local lost = tell(client:get("/metadata/x", { timeout = SHORT }))
          return { first, lost, tell(client:get "/metadata/x"), tell(client:get "/metadata/x") }
        end))
        assert.are.equal(2, path.opened())
      end)
    end
  end

  --- The transports that differ in who drives libcurl.
  for _, loop in ipairs { loops.all[1], loops.all[3] } do
    local name = ", " .. loop.name

    it("costs a call that has to wait for a login or refresh one attempt" .. name, function()
      local client, inner = new({ timeout = SHORT }, loop.transport)
      box:answer { path = "/user", status = 200, body = "{}", times = 9 }
      assert.are.same({ 200, 200, 200 }, inside(loop, function()
        client:get "/metadata/x"
        path.drop()
        local logged_in = client:get "/user"
        path.drop()
        inner:mark_stale(select(2, inner:freshness()))
        local refreshed = client:get "/user"
        path.drop()
        return { logged_in.status, refreshed.status, client:get("/user").status }
      end))
      assert.are.equal(1, client:status().counters.logins)
      assert.are.equal(1, client:status().counters.refreshes)
      assert.are.equal(4, path.opened())
    end)

    for what, options in pairs(loop.suspends and {
      on_data = { method = "GET", on_data = function() end },
      body = { method = "PUT", body = ("x"):rep(1000000) },
    } or {
      save_to = { method = "GET" },
      body_file = { method = "PUT" },
    }) do
      it(("serves no second attempt with %s"):format(what) .. name, function()
        local client = new({}, loop.transport)
        options.path, options.timeout, options.auth = "/metadata/x", SHORT, false
        options.save_to = what == "save_to" and folder:at "file" or nil
        options.body_file = what == "body_file" and folder:write("up", ("x"):rep(500000)) or nil
        assert.are.same({ "200 after 1, new", "200 after 2, new" }, inside(loop, function()
          local first = tell(client:get("/metadata/x", { auth = false }))
          path.drop()
          return { first, tell(client:request(options)) }
        end))
        assert.are.equal(2, path.opened())
      end)
    end

    it("serves no second attempt when it dies in the middle of a download" .. name, function()
      local client = new({}, loop.transport)
      box:answer { path = "/metadata/large", status = 200, body = ("x"):rep(65536),
        ["repeat"] = 800, times = 9 }
      -- A server under load may stop for longer in the middle of a body.
      local options, dropped = { save_to = folder:at "file", timeout = 3 * SHORT }, false
      function options.progress()
        if not dropped then
          dropped = true
          path.drop()
        end
      end
      assert.are.equal("200 after 2, new", inside(loop, function()
        return tell(client:get("/metadata/large", options))
      end))
    end)

    it("ends for all calls on it, as one that ends by itself" .. name, function()
      local client = new({}, loop.transport)
      local began
      local told = inside(loop, function()
        client:get "/metadata/x"
        path.drop()
        began = clock.now()
        local results = client:batch {
          { path = "/metadata/x", timeout = SHORT },
          { path = "/metadata/x" },
          { method = "POST", path = "/metadata/x" },
        }
        for index, result in ipairs(results) do
          results[index] = tell(result.response, result.err)
        end
        return results
      end)
      assert.is_true(clock.now() - began < SOON)
      assert.are.equal("200 after 2", told[1]:match "^200 after 2")
      -- Some versions of libcurl send it again by themselves, without a new attempt of ours.
      assert.are.equal("200 after", told[2]:match "^200 after")
      -- It may have arrived. Before 7.80 it is sent on a connection of its own.
      assert.are.equal(told[3]:find "^200" and "200 after 1, new" or "network, retryable", told[3])
      -- With GnuTLS libcurl's own resend and our new attempt may each open one.
      local opened = path.opened()
      assert.is_true(opened == 2 or opened == 3 and libcurl.tls == "GnuTLS", opened)
    end)
  end

  for _, loop in ipairs { loops.all[1], loops.all[3] } do
    it("takes the idle ones to that server with it, " .. loop.name, function()
      local client = new({ http_version = "1.1" }, loop.transport)
      local requests = {}
      for index = 1, 6 do
        requests[index] = { path = "/metadata/slow", auth = false }
      end
      box:answer { path = "/metadata/slow", delay = 0.05, status = 200, body = "{}", times = 6 }
      local again = inside(loop, function()
        client:batch(requests)
        path.drop()
        local began = clock.now()
        local response = client:get("/metadata/x", { timeout = SHORT })
        return { response and response.attempts, clock.now() - began < SOON }
      end)
      -- Before 7.80 libcurl does not tell which are idle: there each call leaves but its own.
      local tells = not libcurl.before(7, 80)
      assert.are.same({ tells and 2 or nil, true }, again)
      assert.are.equal(tells and 7 or 6, path.opened())
    end)
  end

  it("is none while something comes over it for another call", function()
    local loop = loops.all[3]
    local client = new({ retry = false }, loop.transport)
    box:answer { path = "/metadata/slow", delay = 20, status = 200, body = "{}" }
    assert.are.same({ "timeout, retryable", "200 after 1" }, inside(loop, function(spawn, sleep)
      local slow, user
      client:get "/metadata/x"
      spawn(function()
        slow = tell(client:get("/metadata/slow", { timeout = SHORT }))
      end)
      repeat
        client:get "/metadata/x"
        sleep(0.02)
      until slow
      user = tell(client:get "/metadata/x")
      return { slow, user }
    end))
    assert.are.equal(1, path.opened())
  end)

  it("is not taken for one because a call on it was cancelled", function()
    for _, engine in ipairs { false, (core.engine()) } do
      local client = box:core { base_url = path.url, engine = engine or nil }
      local function get(name)
        local spec = { path = name, method = "GET", auth = false, resend = true }
        return core_calls.start(client, spec)
      end
      assert.are.equal("done", get("/metadata/x"):run(5))
      box:answer { path = "/metadata/slow", delay = 20, status = 200, body = "{}" }
      local slow = get "/metadata/slow"
      slow:run(SHORT)
      slow:cancel()
      local opened = path.opened()
      assert.are.equal("done", get("/metadata/x"):run(5))
      assert.are.equal(opened, path.opened())
      client:close()
    end
  end)

  it("is detected by TCP keepalive while idle", function()
    local options = native.load "sockets"
    local port = tonumber(path.url:match ":(%d+)")
    local client = new()
    assert(client:get "/metadata/x")
    assert.are.same({ true, 30, 10, 30000 }, { options(port) })
  end)
end)
