local call_options = require "mic.call_options"
local core = require "mic.core"
local options = require "mic.options"

local url = "https://api.example.com/prod"

local function message_of(fn, ...)
  local ok, message = pcall(fn, ...)
  assert.is_false(ok)
  return (message:gsub("^[^:]+:%d+: ", ""))
end

local function client_message(given)
  return message_of(options.check, given, options.client, "mic.new")
end

local function call_message(given)
  return message_of(options.check, given, call_options, "client:request")
end

--- The message for a client with a good base URL and this one option.
local function with(name, value)
  return client_message { base_url = url, [name] = value }
end

describe("options", function()
  it("come back as a copy with the defaults", function()
    local given = { base_url = url, api_key = "k" }
    local copy = options.check(given, options.client, "mic.new")
    assert.are.same({
      base_url = url,
      api_key = "k",
      identity = "header",
      timeout = 30,
      connect_timeout = 10,
      deadline = 90,
      max_response_size = 16777216,
    }, copy)
    assert.are.same({ base_url = url, api_key = "k" }, given)
  end)

  it("keep false where false is a value", function()
    local copy = options.check(
      { base_url = url, api_key = "k", identity = false, deadline = false },
      options.client,
      "mic.new"
    )
    assert.is_false(copy.identity)
    assert.is_false(copy.deadline)
  end)

  it("accept every option that this version honours", function()
    local function nothing() end
    local given = {
      stack = "demo.example.com",
      manifest_url = url,
      api_key = "k",
      username = "anna",
      password = nothing,
      store = { load = nothing, save = nothing, lock = nothing, unlock = nothing },
      identity = "query",
      timeout = 0.5,
      connect_timeout = 3600,
      deadline = 1,
      refresh_margin = 0,
      max_response_size = 1,
      tls = {
        ca_file = "a",
        ca_path = "b",
        client_cert = "c",
        client_key = "d",
        pinned_public_key = "e",
        min_version = "1.3",
      },
      proxy = "",
      user_agent = "x/1",
      http_version = "1.1",
      transport = "blocking",
      on_event = nothing,
      allow_insecure = true,
    }
    assert.are.same(given, options.check(given, options.client, "mic.new"))
  end)

  it("copy the tls table, so that a later change does not reach the client", function()
    local tls = { ca_file = "a" }
    local given = { base_url = url, api_key = "k", tls = tls }
    local copy = options.check(given, options.client, "mic.new")
    tls.ca_file = "b"
    assert.are.equal("a", copy.tls.ca_file)
  end)

  it("reach the core, those of connections", function()
    local names = { "http_version", "proxy", "user_agent" }
    for name in pairs(options.client.fields.tls.fields) do
      names[#names + 1] = name
    end
    assert.equal(9, #names)
    for _, name in ipairs(names) do
      assert.equal(name .. " must be a string (got number)",
        message_of(core.client, { base_url = url, [name] = 1 }))
    end
  end)

  it("name an unknown option, the one that was meant, and all that are known", function()
    assert.are.equal(
      'unknown option "user_name"; did you mean "username"? known options: allow_insecure, '
        .. "api_key, auth_url, authenticate, base_url, client_id, client_secret, connect_timeout, "
        .. "deadline, debug, endpoints, headers, http_version, identity, manifest_url, "
        .. "max_response_size, max_size, on_event, password, profile, proxy, refresh_margin, "
        .. "retry, secrets, stack, store, timeout, tls, transport, user_agent, username, values",
      client_message { user_name = "anna" }
    )
  end)

  it("do not guess when no known name is near", function()
    assert.matches('^unknown option "colour"; known options: ', client_message { colour = "red" })
  end)

  it("recognise the names of other libraries in mic.new", function()
    local meant = {
      url = "base_url",
      baseURL = "base_url",
      baseUrl = "base_url",
      apiKey = "api_key",
      ["api-key"] = "api_key",
      userName = "username",
      user = "username",
      tiemout = "timeout",
      maxResponseSize = "max_response_size",
      ca = "tls.ca_file",
      ca_file = "tls.ca_file",
      maxRetries = "retry.attempts",
      logger = "on_event",
    }
    for given, known in pairs(meant) do
      local start = ('unknown option "%s"; did you mean "%s"? '):format(given, known)
      assert.are.equal(start, client_message({ [given] = "x" }):sub(1, #start))
    end
  end)

  it("recognise the names of other libraries in tables of options", function()
    for given, known in pairs { tries = "attempts", max_delay = "cap" } do
      local start = ('unknown option "retry.%s"; did you mean "retry.%s"? '):format(given, known)
      assert.are.equal(start, client_message({ retry = { [given] = 1 } }):sub(1, #start))
    end
  end)

  it("recognise the names of other libraries in calls", function()
    local meant = {
      url = "path",
      json = "data",
      header = "headers",
      qs = "query",
      Method = "method",
      saveTo = "save_to",
      querry = "query",
    }
    for given, known in pairs(meant) do
      local start = ('unknown option "%s"; did you mean "%s"? '):format(given, known)
      assert.are.equal(start, call_message({ [given] = "x" }):sub(1, #start))
    end
  end)

  it("say that verification stays on, whatever the switch is called", function()
    local expected = "verification cannot be turned off; "
      .. "for your own certificate authority use tls.ca_file"
    for _, name in ipairs { "verify", "ssl_verify", "insecure", "rejectUnauthorized" } do
      assert.are.equal(
        ('unknown option "%s": %s'):format(name, expected),
        client_message { [name] = false }
      )
      assert.are.equal(
        ('unknown option "tls.%s": %s'):format(name, expected),
        with("tls", { [name] = false })
      )
    end
  end)

  it("name options of tls with their prefix", function()
    assert.are.equal(
      'unknown option "tls.cafile"; did you mean "tls.ca_file"? known options: tls.ca_file, '
        .. "tls.ca_path, tls.client_cert, tls.client_key, tls.min_version, tls.pinned_public_key",
      with("tls", { cafile = "x" })
    )
    assert.are.equal(
      'option "tls.ca_file" must be a file name (got number)',
      with("tls", { ca_file = 1 })
    )
    assert.are.equal(
      'option "tls.min_version" must be "1.2" or "1.3" (got another string)',
      with("tls", { min_version = "1.1" })
    )
    assert.are.equal(
      'option "tls.client_key" needs tls.client_cert',
      with("tls", { client_key = "k" })
    )
  end)

  it("say the accepted type and the given one", function()
    local cases = {
      { "timeout", "30", 'option "timeout" must be a positive number of seconds (got string)' },
      { "timeout", false, 'option "timeout" must be a positive number of seconds (got false)' },
      {
        "deadline",
        true,
        'option "deadline" must be a positive number of seconds or false (got true)',
      },
      { "api_key", 7, 'option "api_key" must be a string (got number)' },
      { "api_key", "", 'option "api_key" must be a string (got an empty string)' },
      {
        "store",
        "memory",
        'option "store" must be a store (got string); write store = mic.store.file { path = … }',
      },
      { "on_event", {}, 'option "on_event" must be a function (got table)' },
      { "allow_insecure", 1, 'option "allow_insecure" must be true or false (got number)' },
      { "tls", true, 'option "tls" must be a table (got true)' },
      { "identity", true, 'option "identity" must be "header", "query" or false (got true)' },
    }
    for _, case in ipairs(cases) do
      assert.are.equal(case[3], with(case[1], case[2]))
    end
  end)

  it("say the accepted range and the given number", function()
    local cases = {
      { "timeout", 0, 'option "timeout" must be a positive number of seconds (got 0)' },
      { "timeout", -1.5, 'option "timeout" must be a positive number of seconds (got -1.5)' },
      {
        "timeout",
        0 / 0,
        'option "timeout" must be a positive number of seconds (got a number that is not finite)',
      },
      {
        "deadline",
        math.huge,
        'option "deadline" must be a positive number of seconds or false '
          .. "(got a number that is not finite)",
      },
      {
        "timeout",
        30000,
        'option "timeout" is in seconds, at most 3600 (got 30000; did you mean 30?)',
      },
      {
        "connect_timeout",
        5000,
        'option "connect_timeout" is in seconds, at most 3600 (got 5000; did you mean 5?)',
      },
      { "deadline", 3601, 'option "deadline" is in seconds, at most 3600 (got 3601)' },
      {
        "refresh_margin",
        -1,
        'option "refresh_margin" must be a non-negative number of seconds (got -1)',
      },
      {
        "max_response_size",
        1.5,
        'option "max_response_size" must be a positive whole number of bytes (got 1.5)',
      },
    }
    for _, case in ipairs(cases) do
      assert.are.equal(case[3], with(case[1], case[2]))
    end
  end)

  it("take the functions of a loop as a transport, and say which is missing", function()
    local function f() end
    local loop = { wait = f, park = f, wake = f, spawn = f }
    assert.is_true(pcall(options.check, { base_url = "https://x/", api_key = "k",
      transport = loop }, options.client, "mic.new"))
    loop.wake = nil
    assert.are.equal(
      'option "transport" must be a table with the functions wait, park, wake, spawn '
        .. "(wake is missing)",
      with("transport", loop)
    )
    loop.wake, loop.running = f, true
    assert.are.equal(
      'option "transport" must be a table with the functions wait, park, wake, spawn '
        .. "(running is missing)",
      with("transport", loop)
    )
    assert.are.equal(
      'option "transport" must be "blocking", "nginx", "cqueues", "luv" or the functions of '
        .. "a loop (got another string)",
      with("transport", "libuv")
    )
  end)

  it("never show the text of a string option", function()
    local secret = "s3cret-Value"
    local names = { "base_url", "stack", "api_key", "username", "identity", "http_version" }
    names[#names + 1] = "transport"
    for _, name in ipairs(names) do
      for _, value in ipairs { secret .. " /\1", { secret }, 1 } do
        local _, problem = pcall(options.check, { [name] = value }, options.client, "mic.new")
        assert.is_nil(tostring(problem):find(secret, 1, true))
      end
    end
    assert.are.equal(
      'option "identity" must be "header", "query" or false (got another string)',
      with("identity", secret)
    )
    assert.are.equal(
      'option "password" must be a string or a function (got table)',
      with("password", { secret })
    )
  end)

  it("want a store with its four functions", function()
    local function nothing() end
    assert.are.equal(
      'option "store" must be a table with the functions load, save, lock, unlock '
        .. "(lock is missing)",
      with("store", { load = nothing, save = nothing, unlock = nothing })
    )
  end)

  it("want a bare host name as stack", function()
    assert.are.equal(
      'option "stack" must be a host name, without scheme and path (got another string)',
      client_message { stack = "https://demo.example.com/" }
    )
  end)

  it("want base_url or stack, and what goes together", function()
    assert.are.equal("mic.new needs base_url or stack (both are nil)", client_message(nil))
    assert.are.equal(
      "mic.new takes base_url or stack, not both",
      client_message { base_url = url, stack = "demo.example.com" }
    )
    assert.are.equal('option "manifest_url" needs stack', with("manifest_url", url))
    assert.are.equal('option "password" needs username', with("password", "p"))
    assert.are.equal(
      "mic.new needs api_key: every call carries it (option stack looks it up)",
      client_message { base_url = url }
    )
  end)

  it("want a table with names", function()
    assert.are.equal("mic.new takes a table of options (got string)", client_message(url))
    assert.are.equal(
      "mic.new: option names must be strings (got a key of type number)",
      client_message { url }
    )
  end)

  it("accept a call", function()
    local given = {
      method = "patch",
      path = "/users/{userName}",
      params = { userName = "anna" },
      query = { attributes = "email" },
      headers = { accept = "application/json", ["x-list"] = { "a", 1 } },
      data = false,
      auth = false,
      timeout = 1,
      deadline = false,
      decode = false,
    }
    assert.are.same(given, options.check(given, call_options, "client:request"))
  end)

  it("want a method that is one, and a single body", function()
    assert.are.equal(
      'option "method" must be an HTTP method (got another string)',
      call_message { path = "/", method = "GET /x" }
    )
    assert.are.equal(
      'options "data" and "body" cannot be combined: a call has one body',
      call_message { path = "/", data = false, body = "" }
    )
  end)

  it("want header names with strings, numbers or lists of these", function()
    assert.are.equal(
      'option "headers" must have header names as keys (got a key of type number)',
      call_message { path = "/", headers = { "accept: x" } }
    )
    assert.are.equal(
      'option "headers" must contain strings, numbers or lists of these ("x-a" is a boolean)',
      call_message { path = "/", headers = { ["x-a"] = { "1", true } } }
    )
  end)

  it("are raised with the place in the user's file", function()
    local ok, message = pcall(options.check, {}, options.client, "mic.new")
    assert.is_false(ok)
    assert.matches("options_spec%.lua:%d+: mic%.new needs", message)
  end)
end)
