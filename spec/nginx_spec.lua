-- Calls from an nginx worker: in every phase, many at once, cancelled; the worker is never blocked.

local api = require "spec.support.api"
local clock = require "spec.support.clock"
local nginx = require "spec.support.nginx"
local shell = require "spec.support.shell"

local box = api.around()

--- Prints what a call in this phase brings, in the answer or in the log.
local SAY = [[ local res, err = require "my_mic":get "/user"
      ngx.say(res and res.data.userName or err.kind .. ": " .. err.message) ]]
local NOTE = [[ local res, err = require "my_mic":get "/user"
      ngx.shared.notes:set("last", res and "sent" or err.kind .. ": " .. err.message) ]]

local ABORT = "lua_check_client_abort on;"

local CONFIGURATION = [[
  location = /quick { return 200 quick; }
  location = /note { content_by_lua_block {
    ngx.say(tostring(ngx.shared.notes:get "last"))
  } }

  location = /content { content_by_lua_block { ]] .. SAY .. [[ } }
  location = /access { access_by_lua_block { ]] .. SAY .. [[ } content_by_lua_block { return } }
  location = /rewrite { rewrite_by_lua_block { ]] .. SAY .. [[ } content_by_lua_block { return } }
  location = /timer { content_by_lua_block {
    ngx.timer.at(0, function() ]] .. NOTE .. [[ end)
  } }
  location = /newer { content_by_lua_block {
    local get_phase = ngx.get_phase
    for _, phase in ipairs { "precontent", "proxy_ssl_cert", "proxy_ssl_verify" } do
      ngx.get_phase = function() return phase end
      local res, err = require "my_mic":get "/user"
      ngx.get_phase = get_phase
      ngx.say(phase, " ", res and res.data.userName or tostring(err))
    end
  } }
  location = /coroutine { content_by_lua_block {
    local task = coroutine.wrap(function()
      coroutine.yield(require "my_mic":get "/user")
    end)
    ngx.say(task().data.userName)
    ngx.say(select(2, pcall(require "my_mic".get, require "my_mic", "/user")).data.userName)
  } }

  location = /named { content_by_lua_block {
    local client, before = require "my_mic", {}
    for name in pairs(package.loaded) do before[name] = true end
    local count = 0
    for user in client.users:each { page_size = 7 } do
      count = count + 1
    end
    ngx.say(client.users:me().data.userName, " ", count, " ", client:whoami().data.userName)
    for name in pairs(package.loaded) do
      ngx.print(before[name] and "" or name .. " was loaded by the request ")
    end
  } }
  location = /set { set_by_lua_block $unused { ]] .. NOTE .. [[ return 1 } return 200; }
  location = /header { return 200 x; header_filter_by_lua_block { ]] .. NOTE .. [[ } }
  location = /body { return 200 x; body_filter_by_lua_block { ]] .. NOTE .. [[ } }
  location = /log { return 200 x; log_by_lua_block { ]] .. NOTE .. [[ } }
  location = /below { content_by_lua_block {
    package.loaded.sender = nil
    package.preload.sender = function()]] .. NOTE .. [[ return true end
    require "sender"
  } }
  location = /init { content_by_lua_block { ngx.say(FROM_INIT) } }
  location = /init_worker { content_by_lua_block { ngx.say(ngx.shared.notes:get "init_worker") } }
  location = /balancer {
    proxy_pass http://balanced;
  }

  location = /from_init { content_by_lua_block {
    ngx.say(mic_from_init:get("/user").data.userName)
  } }
  location = /inner { content_by_lua_block { ]] .. SAY .. [[ } }
  location = /sub { content_by_lua_block {
    local one, two = ngx.location.capture_multi { { "/inner" }, { "/inner" } }
    ngx.print(one.body, two.body)
  } }
  location = /page { error_page 404 = /inner; return 404; }

  location = /status { content_by_lua_block { ngx.say(require "my_mic":status().transport) } }
  location = /flight { content_by_lua_block { ngx.say(require "mic.core".engine():in_flight()) } }
  location = /whole { content_by_lua_block {
    ngx.say(select(2, pcall(require "mic".get, "/user")))
  } }
  location = /stream { content_by_lua_block {
    local count = 0
    local res, err = require "my_mic":get("/large", { on_data = function(chunk)
      count = count + #chunk
      ngx.print(chunk)
      ngx.flush(true)
    end })
    ngx.print("|", res and count or tostring(err))
  } }
  location = /batch_raises { content_by_lua_block {
    local function listen() error("mine", 0) end
    ngx.say(select(2, pcall(require "my_mic".batch, require "my_mic", {
      { path = "/large", on_data = listen }, { path = "/slow" },
    })))
  } }
  location = /login { content_by_lua_block { assert(require "my_mic":login()) } }
  location = /content_abort { ]] .. ABORT .. [[ content_by_lua_block { ]] .. SAY .. [[ } }
  location = /slow { ]] .. ABORT .. [[ content_by_lua_block {
    local res, err = require "my_mic":get "/slow"
    ngx.say(res and "done" or tostring(err))
  } }
  location = /exit { content_by_lua_block {
    ngx.thread.spawn(function() require "my_mic":get "/slow" end)
    ngx.sleep(0.1)
    ngx.exit(204)
  } }
  location = /steal { content_by_lua_block {
    local socket = ngx.socket.tcp()
    assert(socket:connect("unix:" .. require "mic.core".engine():listen()))
    ngx.sleep(0.1)
    socket:close()
  } }
]]

local HTTP = [[
  init_by_lua_block {
    mic_from_init = require "my_mic"
    local _, err = mic_from_init:get "/user"
    FROM_INIT = err.kind .. ": " .. err.message
  }
  init_worker_by_lua_block {
    local _, err = mic_from_init:get "/user"
    ngx.shared.notes:set("init_worker", err.kind .. ": " .. err.message)
  }
  upstream balanced {
    server 127.0.0.1:1;
    balancer_by_lua_block { ]] .. NOTE .. [[ ngx.exit(503) }
  }
]]

local server = nginx.start {
  files = { ["my_mic.lua"] = nginx.client(box) },
  http = HTTP,
  server = CONFIGURATION,
}

--- A reset of the sandbox invalidates all tokens.
before_each(function()
  server:get "/login"
  box:control("DELETE", "/log")
end)

local function in_flight()
  return tonumber((server:get "/flight"))
end

local function slow(seconds)
  box:answer { path = "/slow", status = 200, body = "{}", delay = seconds, times = 100 }
end

--- A request whose client disconnects.
local function give_up(path, seconds, count)
  local url = shell.quote(server.url .. path) .. " "
  shell.run(
    ("curl -q -s -Z --parallel-immediate --parallel-max 64 --noproxy '*' "
      .. "--max-time %g %s 2>&1"):format(
      seconds,
      ("-o /dev/null " .. url):rep(count or 1)
    )
  )
end

describe("a call in nginx", function()
  for _, path in ipairs { "/content", "/access", "/rewrite", "/sub", "/page", "/from_init" } do
    it("works in " .. path, function()
      local body, status = server:get(path)
      assert.equal(200, status, server:errors())
      assert.equal("demo\n", body:match "demo\n$", body)
    end)
  end

  it("works in a timer", function()
    server:get "/timer"
    assert.is_true(clock.eventually(function()
      return (server:get "/note") == "sent\n"
    end))
  end)

  --- This nginx may not have them: its answer is replaced.
  it("works in the phases that came with ngx_lua 0.10.29 and 0.10.30", function()
    assert.equal("precontent demo\nproxy_ssl_cert demo\nproxy_ssl_verify demo\n",
      (server:get "/newer"))
  end)

  it("works in coroutines", function()
    assert.equal("demo\ndemo\n", (server:get "/coroutine"))
  end)

  it("has names, and loads nothing for them", function()
    assert.equal("demo 39 demo\n", (server:get "/named"))
  end)

  for path, phase in pairs {
    ["/set"] = "set",
    ["/header"] = "header_filter",
    ["/body"] = "body_filter",
    ["/log"] = "log",
    ["/balancer"] = "balancer",
  } do
    it("cannot wait in the phase " .. phase .. ": it says so and sends nothing", function()
        server:get(path)
      assert.is_true(clock.eventually(function()
        local text = "phase: nginx cannot wait in the phase " .. phase .. ": "
        return (server:get "/note"):find(text, 1, true)
      end), (server:get "/note"))
      assert.equal("", box:seen())
    end)
  end

  it("cannot wait before there are workers, nor when one begins", function()
    local text = "phase: nginx cannot wait in the phase init: "
    assert.is_truthy((server:get "/init"):find(text, 1, true))
    assert.is_truthy((server:get "/init_worker"):find "phase init_worker: call from a timer")
  end)

  it("cannot wait below a function that is written in C", function()
    server:get "/below"
    assert.is_truthy((server:get "/note"):find "^phase: nginx cannot wait inside a C function")
    assert.equal("", box:seen())
  end)

  it("starts no thread in the master", function()
    assert.equal("1\n", (shell.run("ls /proc/" .. server:pid() .. "/task | wc -l")))
    assert.equal("2\n", (shell.run("ls /proc/" .. server:workers()[1] .. "/task | wc -l")))
  end)

  it("tells how it waits", function()
    assert.equal("nginx\n", (server:get "/status"))
  end)

  it("is not available without a client", function()
    assert.is_truthy((server:get "/whole"):find("mic.get is not available in nginx", 1, true))
  end)
end)

describe("many calls at once", function()
  it("share one refresh", function()
    box:expire()
    box:answer { path = "/auth/refresh", delay = 0.3 }
    assert.same({ [200] = 50 }, (server:many("/content", 50)))
    local seen = box:seen()
    local _, refreshes = seen:gsub("POST /auth/refresh", "")
    assert.equal(1, refreshes)
    assert.is_nil(seen:find "login")
  end)

  it("leave the worker free for others", function()
    slow(4) -- by when 50 processes have started on a busy machine
    local pipe = shell.start(
      ("for i in $(seq 50); do curl -s --noproxy '*' -o /dev/null %s/slow & done; wait"):format(
        server.url
      )
    )
    assert.is_true(clock.eventually(function()
      return in_flight() == 50
    end))
    local longest = 0
    for _ = 1, 10 do -- curl's own time: that of its process's start is the machine's
      local body, seconds = server:timed "/quick"
      assert.equal("quick", body)
      longest = math.max(longest, seconds)
    end
    assert.is_true(longest < 3, longest)
    pipe:close()
    assert.equal(0, in_flight())
  end)

  it("end when one's listener raises", function()
    slow(60)
    box:answer { path = "/large", status = 200, body = "x" }
    assert.equal("mine\n", (server:get "/batch_raises"))
    assert.is_true(clock.eventually(function()
      return in_flight() == 0
    end, 20))
  end)
end)

describe("a stream", function()
  it("goes on to the client piece by piece", function()
    box:answer {
      path = "/large", status = 200, body = "0123456789abcdef", ["repeat"] = 65536,
      headers = { ["Content-Type"] = "text/plain" },
    }
    local body = server:get "/stream"
    assert.equal(16 * 65536 + #"|1048576", #body)
    assert.equal("|1048576", body:sub(-8))
  end)
end)

describe("a request whose client disconnects", function()
  it("leaves no exchange behind, without the garbage collector", function()
    slow(60)
    give_up("/slow", 0.4, 50)
    assert.is_true(clock.eventually(function()
      return in_flight() == 0
    end, 20))
    assert.equal("demo\n", (server:get "/content"))
  end)

  it("leaves none behind either when it ends by ngx.exit", function()
    slow(60)
    assert.equal(204, select(2, server:get "/exit"))
    assert.is_true(clock.eventually(function()
      return in_flight() == 0
    end, 20))
  end)

  it("loses no refresh that it began", function()
    box:mode { refresh = "rotate" }
    box:expire()
    box:answer { path = "/auth/refresh", delay = 0.6 }
    give_up("/content_abort", 0.2)
    clock.sleep(0.8)
    assert.equal("demo\n", (server:get "/content"))
    local seen = box:seen()
    local _, refreshes = seen:gsub("POST /auth/refresh", "")
    assert.equal(1, refreshes, seen)
    assert.is_nil(seen:find "login", seen)
  end)
end)

describe("the dispatcher", function()
  it("may be lost: answers are late, but none is lost", function()
    slow(3)
    local pipe = shell.start(("curl -s --noproxy '*' %s/slow"):format(server.url))
    assert.is_true(clock.eventually(function()
      return in_flight() == 1
    end))
    server:get "/steal"
    assert.equal("done\n", pipe:read "*a")
    pipe:close()
    assert.equal("demo\n", (server:get "/content"))
  end)

  it("leaves no file", function()
    assert.equal("", (shell.run("ls -d " .. server.folder .. "/mic-* 2>/dev/null")))
  end)
end)

describe("nginx without a place for a socket", function()
  local polling = nginx.start {
    main = "env TMPDIR=/nonexistent;",
    files = { ["my_mic.lua"] = nginx.client(box) },
    server = CONFIGURATION:gsub("location = /balancer %b{}", ""),
  }

  it("polls, and says so", function()
    assert.equal("demo\n", (polling:get "/content"))
    assert.same({ [200] = 20 }, (polling:many("/content", 20)))
    assert.is_truthy((polling:get "/status"):find("nginx (polling: ", 1, true),
      (polling:get "/status"))
    assert.equal("", polling:errors())
  end)
end)

describe("an on_event that raises in nginx", function()
  it("is shown once in the error log, and breaks nothing", function()
    local raising = nginx.start {
      files = { ["my_mic.lua"] = nginx.client(box, "on_event = function() error 'from it' end") },
      server = "location = /content { content_by_lua_block { " .. SAY .. " } }",
    }
    assert.equal("demo\n", (raising:get "/content"))
    assert.equal("demo\n", (raising:get "/content"))
    local log = raising:errors()
    raising:stop()
    local _, count = log:gsub("mic: on_event raised an error", "")
    assert.equal(1, count, log)
    assert.is_truthy(log:find("[error]", 1, true))
  end)
end)

describe("the log of nginx", function()
  it("has no unexpected error and no secret", function()
    local errors = server:errors():gsub("[^\n]*/balancer[^\n]*", "")
    assert.equal("", (errors:gsub("\n", "")))
    assert.is_nil(server:log():find(box.password, 1, true))
  end)
end)
