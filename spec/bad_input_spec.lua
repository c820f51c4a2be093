-- Invalid options raise with a message that names the option, and nothing is sent.

local api = require "spec.support.api"
local mic = require "mic"

--- Runs a function that raises; returns the message without its position, which must be in this
--- file.
local function raised(run, ...)
  local ok, message = pcall(run, ...)
  assert.is_false(ok)
  assert.equal("string", type(message))
  local position, rest = message:match "^(%S-bad_input_spec%.lua:%d+): (.*)$"
  assert.is_truthy(position, message)
  return rest
end

describe("a client that is made wrongly", function()
  local function new(options)
    local all = { base_url = "https://localhost/prod", api_key = "key" }
    for name, value in pairs(options) do
      all[name] = value
    end
    return raised(function()
      mic.new(all)
    end)
  end

  it("has no options, or not enough", function()
    local key = "mic.new needs api_key: every call carries it (option stack looks it up)"
    local function message(options)
      return raised(function()
        mic.new(options)
      end)
    end
    assert.equal("mic.new takes a table of options (got string)", message "https://x")
    assert.equal("mic.new needs base_url or stack (both are nil)", message(nil))
    assert.equal("mic.new needs base_url or stack (both are nil)", message {})
    assert.equal(key, message { base_url = "https://localhost/prod" })
    assert.equal("mic.new takes base_url or stack, not both", new { stack = "x" })
    assert.equal('option "manifest_url" needs stack', new { manifest_url = "https://x/" })
    assert.equal('option "password" needs username', new { password = "x" })
    assert.equal('option "password" must not be longer than 10240 bytes',
      new { username = "demo", password = ("x"):rep(10241) })
    assert.equal("mic.new: option names must be strings (got a key of type number)",
      new { "https://x" })
  end)

  it("has an option of another name: the one that is meant, and all that are known", function()
    local known = "known options: allow_insecure, api_key, auth_url, authenticate, base_url, "
      .. "client_id, client_secret, connect_timeout, deadline, debug, endpoints, headers, "
      .. "http_version, identity, manifest_url, max_response_size, max_size, on_event, password, "
      .. "profile, proxy, refresh_margin, retry, secrets, stack, store, timeout, tls, transport, "
      .. "user_agent, username, values"
    for given, meant in pairs {
      user_name = "username", userName = "username", baseURL = "base_url", url = "base_url",
      apiKey = "api_key", ["api-key"] = "api_key", pasword = "password", ssl = "tls",
      Timeout = "timeout", user = "username", refreshMargin = "refresh_margin",
    } do
      assert.equal(('unknown option "%s"; did you mean "%s"? %s'):format(given, meant, known),
        new { [given] = 1 })
    end
    assert.equal('unknown option "elephant"; ' .. known, new { elephant = 1 })
    assert.equal('unknown option "a??b"; ' .. known, new { ["a\r\nb"] = 1 })
  end)

  it("asks for no verification", function()
    local why = "verification cannot be turned off; for your own certificate authority use "
      .. "tls.ca_file"
    assert.equal('unknown option "verify": ' .. why, new { verify = false })
    assert.equal('unknown option "ssl_verify": ' .. why, new { ssl_verify = false })
    assert.equal('unknown option "tls.verify": ' .. why, new { tls = { verify = false } })
    assert.equal('unknown option "tls.insecure": ' .. why, new { tls = { insecure = true } })
  end)

  it("has an option of a wrong type or value, and is told what is accepted", function()
    local seconds = "must be a positive number of seconds"
    for _, case in ipairs {
      { "base_url", 1, "must be a URL (got number)" },
      { "base_url", true, "must be a URL (got true)" },
      { "api_key", 1, "must be a string (got number)" },
      { "api_key", "", "must be a string (got an empty string)" },
      { "username", {}, "must be a string (got table)" },
      { "username", "", "must be a string (got an empty string)" },
      { "store", 1, "must be a store (got number); write store = mic.store.file { path = … }" },
      { "store", {},
        "must be a table with the functions load, save, lock, unlock (load is missing)" },
      { "identity", "cookie", 'must be "header", "query" or false (got another string)' },
      { "identity", true, 'must be "header", "query" or false (got true)' },
      { "timeout", "1", seconds .. " (got string)" },
      { "timeout", 0, seconds .. " (got 0)" },
      { "timeout", 0 / 0, seconds .. " (got a number that is not finite)" },
      { "timeout", 30000, "is in seconds, at most 3600 (got 30000; did you mean 30?)" },
      { "connect_timeout", 5000, "is in seconds, at most 3600 (got 5000; did you mean 5?)" },
      { "deadline", 90000, "is in seconds, at most 3600 (got 90000; did you mean 90?)" },
      { "deadline", true, seconds .. " or false (got true)" },
      { "refresh_margin", -1, "must be a non-negative number of seconds (got -1)" },
      { "max_response_size", 0, "must be a positive whole number of bytes (got 0)" },
      { "max_response_size", 1.5, "must be a positive whole number of bytes (got 1.5)" },
      { "tls", "x", "must be a table (got string)" },
      { "proxy", 1, "must be a URL (got number)" },
      { "user_agent", "", "must be a string (got an empty string)" },
      { "http_version", "3", 'must be "1.1" or "2" (got another string)' },
      { "on_event", {}, "must be a function (got table)" },
      { "allow_insecure", "yes", "must be true or false (got string)" },
    } do
      local name, value, problem = case[1], case[2], case[3]
      assert.equal(('option "%s" %s'):format(name, problem), new { [name] = value })
    end
    assert.equal('option "password" must be a string or a function (got number)',
      new { username = "u", password = 1 })
    assert.equal('option "tls.ca_file" must be a file name (got number)',
      new { tls = { ca_file = 1 } })
    assert.equal('option "tls.min_version" must be "1.2" or "1.3" (got another string)',
      new { tls = { min_version = "1.0" } })
    assert.equal('option "tls.client_key" needs tls.client_cert',
      new { tls = { client_key = "x" } })
  end)

  it("has a line break or a NUL in what travels in a header", function()
    assert.equal('option "api_key" has a line break in its value', new { api_key = "a\r\nb: c" })
    assert.equal('option "api_key" has a line break in its value', new { api_key = "a\n" })
    assert.equal('option "api_key" has a NUL byte in its value', new { api_key = "a\0b" })
    assert.equal('option "api_key" is too long', new { api_key = ("k"):rep(20000) })
    assert.equal('option "user_agent" has a line break in its value',
      new { user_agent = "a\r\nX-Evil: 1" })
    assert.equal('option "user_agent" has a line break in its value', new { user_agent = "a\nb" })
    assert.is_truthy(new({ user_agent = "a\0b" }):find('^option "user_agent" .*NUL byte'))
    for _, name in ipairs { "ca_file", "ca_path", "client_cert", "pinned_public_key" } do
      assert.equal(('option "tls.%s" must not contain a NUL byte'):format(name),
        new { tls = { [name] = "a\0b" } })
    end
    assert.is_truthy(new({ proxy = "http://a\0b" }):find "NUL byte")
  end)

  it("has a byte in the proxy's user name or password that must be percent-encoded", function()
    for byte, encoded in pairs { ["@"] = "%40", ["/"] = "%2F", ["#"] = "%23", ["?"] = "%3F" } do
      for _, proxy in ipairs { "http://u:p%sss@host:31", "u%sser:pass@host", "socks5h://%s@h/" } do
        local message = new { proxy = (proxy:gsub("%%s", (byte:gsub("%%", "%%%%")))) }
        assert.equal(('option "proxy" has a raw "%s" in its user name or password; write it as %s')
          :format(byte, encoded), message)
      end
    end
    for _, proxy in ipairs { "http://u%40:p%2F%23@host:3128", "host:3128", "http://host/", "" } do
      mic.new({ base_url = "https://localhost/prod", api_key = "k", proxy = proxy }):close()
    end
  end)

  local unreadable = "is not a valid URL; expected https://host/stage"
  local odd = "has a space, a control byte or a non-ASCII byte"
  local https = "must begin with https://"
  local user = "must not contain a user name or password"
  local encoded = "must not have a percent-encoded host name"
  local query = "must not contain ? or #"
  local path = 'has an invalid path (".", "..", "\\" or invalid characters)'
  local cleartext = "must begin with https://: plain http would send the secrets "
    .. "unencrypted; it is allowed only for loopback hosts, or with allow_insecure = true"

  it("has a base URL that cannot be one", function()
    for _, case in ipairs {
      { "host/prod", https },
      { "//host/prod", https },
      { "https:/host", https },
      { "https:/%68ost/https://host", https },
      { "https:\\\\host", https },
      { "mailto:x@y", https },
      { "ftp://host/prod", https },
      { "file:///etc/passwd", https },
      { "https://", unreadable },
      { "https://:443/", unreadable },
      { "https://host:99999/", unreadable },
      { "https://[::1", unreadable },
      { "https://host\\x", unreadable },
      { "https://ho%00st/", encoded },
      { "https://host%2f/", encoded },
      { "https://h%6fst/prod", encoded },
      { "https:///h%caost/prod", encoded },
      { "http://127%2e1/prod", encoded },
      { "https://user@host/", user },
      { "https://user:word@host/", user },
      { "https://@host/", user },
      { "https://host/prod?", query },
      { "https://host/prod?x=1", query },
      { "https://host/prod#", query },
      { "https://host/prod#x", query },
      { "https://host/..", path },
      { "https://host/a/./b", path },
      { "https://host/%2e%2E/", path },
      { "https://host/a\\b", path },
      { "https://host /", odd },
      { " https://host/", odd },
      { "https://host/\r\n", odd },
      { "https://host/a\tb", odd },
      { "https://ho\0st/", odd },
      { "https://h\195\184st/", odd },
    } do
      assert.equal(('option "base_url" %s'):format(case[2]), new { base_url = case[1] })
    end
    assert.equal('option "base_url" is longer than 2048 bytes',
      new { base_url = "https://host/" .. ("a"):rep(2048) })
  end)

  it("would send the secrets in plain http", function()
    for _, host in ipairs {
      "host", "127.0.0.1.host", "localhost.host", "127.host", "1.2.3.4", "[::2]", "localhostx",
    } do
      assert.equal('option "base_url" ' .. cleartext, new { base_url = "http://" .. host .. "/x" })
    end
    for _, host in ipairs { "localhost", "LOCALHOST:80", "127.0.0.1:1", "127.1", "[::1]:80" } do
      mic.new({ base_url = "http://" .. host .. "/x", api_key = "k" }):close()
    end
    mic.new({ base_url = "http://host/x", api_key = "k", allow_insecure = true }):close()
  end)

  it("has a stack or a manifest's URL that cannot be one", function()
    local function stack(options)
      return raised(function()
        mic.new(options)
      end)
    end
    for _, host in ipairs { "https://x", "a b", "a/b", "a\r\nb", "u@h", "h:1", "-" } do
      assert.equal(
        'option "stack" must be a host name, without scheme and path (got another string)',
        stack { stack = host })
    end
    for _, case in ipairs {
      { "host", "must begin with https://" },
      { "ftp://host/m", "must begin with https://" },
      { "http://host/m", cleartext },
      { "https://", unreadable },
      { "https://u:p@host/m", user },
      { "https://host/../m", path },
    } do
      assert.equal(('option "manifest_url" %s'):format(case[2]),
        stack { stack = "x", manifest_url = case[1] })
    end
    for _, url in ipairs {
      "https://host/a b", "https://host/a\r\nb: c", "https://host/a\0b", "https://host/m/..",
      "https://host/m/\\x", "https://host/m#x",
    } do
      assert.is_truthy(stack({ stack = "x", manifest_url = url }):find '^option "manifest_url" ')
    end
  end)
end)

describe("the environment", function()
  it("with something wrong is an error that names the variable", function()
    local sandbox = api.start()
    local code = [[
      local mic = require "mic"
      local client, err = mic.from_env()
      print(client, err.kind, err.message)
    ]]
    local function message(name, value)
      local changed = setmetatable({ [name] = value }, { __index = sandbox })
      return changed:run(code):gsub("\n$", "")
    end
    assert.equal("nil\tconfig\tMIC_API_KEY is missing", message("api_key", ""))
    assert.equal("nil\tconfig\tMIC_BASE_URL is missing (or MIC_STACK, a stack's host name)",
      message("base_url", ""))
    assert.equal("nil\tconfig\tMIC_USERNAME is missing: MIC_PASSWORD requires it",
      message("username", ""))
    assert.equal(
      'nil\tconfig\tMIC_BASE_URL: option "base_url" must begin with https://',
      message("base_url", "ftp://x"))
  end)
end)
