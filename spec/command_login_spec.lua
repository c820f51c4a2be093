-- The command mic: login, logout, status, profiles, the configuration file.

local api = require "spec.support.api"
local command = require "spec.support.command"
local echo = require "spec.support.echo"
local json = require "mic.json"
local shell = require "spec.support.shell"

local CONFIG = ".config/lua-mic/config"

describe("mic login", function()
  local sandbox = api.around()
  local mic, ways

  before_each(function()
    mic = command.new(sandbox):without_api()
    mic.folder:write("password", sandbox.password .. "\nmore\n")
    ways = ("--url %s --ca-file %s"):format(sandbox.base_url, sandbox.ca_file)
  end)

  local function assert_run(...)
    return mic:assert_run(...)
  end

  local function log_in(more)
    return assert_run(("login %s -u demo --password-stdin %s <password"):format(ways, more or ""),
      0, "^Logged in as demo %(ReadWrite, root%)%. Profile \"%w+\" written to ~/")
  end

  it("writes a profile and the credentials, for their owner alone", function()
    assert.equal("", (log_in()))
    local text = mic:read(CONFIG)
    assert.is_truthy(text:find("[default]\nbase_url = " .. sandbox.base_url, 1, true), text)
    assert.is_truthy(text:find("api_key = " .. sandbox.api_key, 1, true), text)
    assert.is_truthy(text:find("username = demo", 1, true), text)
    assert.equal("600 700\n", shell.check(("cd %s && echo $(stat -c %%a %s .config/lua-mic)")
      :format(mic.folder.path, CONFIG)))
    assert.equal("", (shell.run(("grep -rlF %s %s | grep -v /password$"):format(
      shell.quote(sandbox.password), mic.folder.path))))
    assert.is_truthy(assert_run("get /user", 0):find "demo@example.com")
    assert.is_truthy(assert_run("whoami", 0):find "demo@example.com")
  end)

  it("finds base URL and key of a stack, and again at the next login", function()
    mic.variables.MIC_MANIFEST_URL = sandbox.manifest_url
    ways = ("--stack %s --ca-file %s"):format(sandbox.stack, sandbox.ca_file)
    log_in()
    mic.variables.MIC_MANIFEST_URL = nil
    local text = mic:read(CONFIG)
    for _, line in ipairs { "stack = " .. sandbox.stack, "base_url = " .. sandbox.base_url,
      "api_key = " .. sandbox.api_key } do
      assert.is_truthy(text:find("\n" .. line .. "\n", 1, true), text)
    end
    sandbox:control("DELETE", "/log")
    assert_run("get /user", 0)
    assert.equal("GET /user", sandbox:seen())
    mic.folder:write(CONFIG, (text:gsub("base_url = [^\n]*\n", "base_url = https://localhost:1\n")))
    assert_run("login --password-stdin <password", 0, "^Logged in")
    assert.equal(text, mic:read(CONFIG))
  end)

  it("keeps comments, other profiles and other keys", function()
    shell.check(("cd %s && mkdir -p -m 700 .config/lua-mic && umask 077 && cat >%s <<'END'\n"
      .. "# mine\ndefault_profile = b\n\n[profile b]\n; two\nbase_url = https://b.example\n"
      .. "api_key = k\ntimeout = 7\nEND"):format(mic.folder.path, CONFIG))
    log_in "--profile test"
    local text = mic:read(CONFIG)
    local before = "# mine\ndefault_profile = b\n\n[profile b]\n; two\n"
      .. "base_url = https://b.example\napi_key = k\ntimeout = 7\n\n[profile test]\n"
    assert.equal(before, text:sub(1, #before))
    assert.is_truthy(assert_run("get /user --profile test", 0):find "demo")
    assert.equal("*\tb\thttps://b.example\t-\tmic\n \ttest\t" .. sandbox.base_url
      .. "\tdemo\tmic\n", (assert_run("profile list", 0)))
    assert_run("profile use test", 0, "is now the default")
    assert.is_truthy(assert_run("profile", 0):find "%*\ttest")
    assert.is_truthy(mic:read(CONFIG):find("# mine\ndefault_profile = test\n", 1, true))
    assert_run("get /user", 0)
    assert_run("profile remove test", 0, "removed")
    assert.is_nil(mic:read(CONFIG):find "test")
    assert.is_truthy(mic:read(CONFIG):find("; two", 1, true))
    assert.equal("", (shell.run(("ls %s/.local/state/lua-mic | grep -v lock"):format(
      mic.folder.path))))
  end)

  it("asks at the terminal, without echo for what is secret", function()
    local shown, code, echoes = mic:play({ "expect=base URL: ",
      "send=" .. sandbox.base_url .. "\\n", "expect=API key for localhost",
      "send=" .. sandbox.api_key .. "\\n", "expect=User name: ", "send=demo\\n",
      "expect=Password for demo at localhost", "send=" .. sandbox.password .. "\\n" },
      "login --ca-file " .. sandbox.ca_file)
    assert.equal(0, code, shown)
    assert.is_true(echoes)
    assert.is_truthy(shown:find("Logged in as demo (ReadWrite, root).", 1, true), shown)
    assert.is_nil(shown:find(sandbox.password, 1, true))
    assert.is_nil(shown:find(sandbox.api_key, 1, true))
    assert.is_truthy(assert_run("get /user", 0):find "demo")
  end)

  it("asks at /dev/tty although standard input is a file", function()
    local shown, code = mic:play({ "expect=API key", "send=\\n", "expect=Password for demo",
      "send=" .. sandbox.password .. "\\n" }, "login -u demo " .. ways, "</dev/null")
    assert.equal(0, code, shown)
    assert.is_truthy(mic:read(CONFIG):find(sandbox.api_key, 1, true)) -- the API has told it
  end)

  it("restores the terminal at every signal", function()
    local steps = { "expect=API key", "send=\\n", "expect=Password for demo" }
    for _, signal in ipairs { 2, 15, 1, 3 } do
      steps[4] = signal == 2 and "send=\\x03" or "signal=" .. signal
      local shown, code, echoes = mic:play(steps, "login -u demo " .. ways)
      assert.equal(128 + signal, code, shown)
      assert.is_true(echoes)
    end
    assert.is_nil(mic:read(CONFIG))
  end)

  it("asks again after the process was stopped", function()
    -- Nobody could continue the process in this session, so the system does not stop it.
    local shown, code, echoes = mic:play({ "expect=API key", "send=\\n",
      "expect=Password for demo", "signal=20", "expect=Password for demo",
      "send=" .. sandbox.password .. "\\n" }, "login -u demo " .. ways)
    assert.equal(0, code, shown)
    assert.is_true(echoes)
  end)

  it("ends with 3 at the end of input, and with 2 where it cannot ask", function()
    local shown, code = mic:play({ "expect=API key", "send=\\n", "expect=Password", "send=\\x04" },
      "login -u demo " .. ways)
    assert.equal(3, code, shown)
    for arguments, missing in pairs { [""] = "%-%-stack or %-%-url",
      ["-u demo " .. ways] = "%-%-password%-stdin", [ways] = "%-%-username" } do
      local text, found, errors = mic:run("login " .. arguments .. " </dev/null", "exec setsid -w")
      assert.equal(2, found, errors)
      assert.equal("", text)
      assert.is_truthy(errors:find("use " .. missing), errors)
    end
  end)

  it("hints at the stage where the API does not tell its key", function()
    assert_run(("login --url %s --ca-file %s -u demo --password-stdin <password"):format(
      sandbox.base_url:gsub("/prod$", ""), sandbox.ca_file), 1,
      '^mic: http 403: Forbidden .* %- check the stage %("/prod"%) at the end of %-%-url$')
  end)

  it("names --url if it is not valid, also to find the API key", function()
    local secure = "must begin with https://: plain http would send the secrets unencrypted; "
      .. "it is allowed only for loopback hosts$"
    assert_run("login --url http://api.example/prod -u demo --password-stdin <password", 2,
      "^mic: config: %-%-url " .. secure)
    assert_run("login --url api.example -u demo --password-stdin <password", 2,
      "^mic: config: %-%-url must begin with https://$")
    mic.variables.MIC_API_KEY = "k"
    assert_run("login --url http://api.example/prod -u demo --password-stdin <password", 2,
      '^mic: option "base_url" ' .. secure)
  end)

  it("writes nothing when the password is refused", function()
    assert_run(("login %s -u demo --password-stdin"):format(ways), 3, "^mic: auth 4%d%d",
      "echo wrong |")
    assert.is_nil(mic:read(CONFIG))
    assert_run(("login %s -u demo --password-stdin </dev/null"):format(ways), 2, "is empty")
  end)

  it("takes CR LF, and MIC_PASSWORD", function()
    mic.folder:write("password", sandbox.password .. "\r\n")
    log_in()
    mic.variables.MIC_PASSWORD = sandbox.password
    assert_run("login " .. ways .. " -u demo", 0, "^Logged in")
  end)

  it("shows no password in the process list", function()
    sandbox:answer { path = "/auth/login", delay = 4 }
    local seen = shell.run(("cd %s && { %s <password 2>/dev/null & } ; "
      .. "until curl -q -s --noproxy '*' %s/log | grep -q login; do sleep 0.05; done; "
      .. "cat /proc/*/cmdline /proc/$!/environ 2>/dev/null | tr '\\0' '\\n'; wait"):format(
      mic.folder.path, mic:line("login -u demo --password-stdin " .. ways), sandbox.control_url))
    assert.is_truthy(seen:find("--password-stdin", 1, true))
    assert.is_nil(seen:find(sandbox.password, 1, true))
  end)

  it("of variables writes a profile only if one is named", function()
    mic = command.new(sandbox)
    assert_run("login", 0, "^Logged in as demo %(ReadWrite, root%)%.$")
    assert.is_nil(mic:read(CONFIG))
    assert_run("login --profile new", 0, 'Profile "new" written')
    mic:without_api()
    assert_run("get /user --profile new", 0)
  end)

  it("sends key and password of variables to no other API and for no other user", function()
    mic.variables.MIC_BASE_URL, mic.variables.MIC_API_KEY = "https://other.example", "other-key"
    mic.variables.MIC_PASSWORD = "other password"
    local text, code, errors = mic:run("login --profile test -u demo " .. ways .. " </dev/null",
      "exec setsid -w")
    assert.equal(2, code, text .. errors)
    assert.is_truthy(errors:find "use %-%-password%-stdin", errors)
    mic:without_api()
    mic.variables.MIC_USERNAME, mic.variables.MIC_PASSWORD = "anna", "other password"
    text, code, errors = mic:run("login --profile test -u demo " .. ways .. " </dev/null",
      "exec setsid -w")
    assert.equal(2, code, text .. errors)
  end)

  it("of a stack that was not asked yet tells so", function()
    mic.variables.MIC_STACK = sandbox.stack
    mic.variables.MIC_MANIFEST_URL = sandbox.manifest_url
    mic.variables.MIC_CA_FILE = sandbox.ca_file
    assert.is_truthy(assert_run("status", 3):find "use %-%-check")
    mic.variables.MIC_USERNAME, mic.variables.MIC_PASSWORD = "demo", sandbox.password
    assert_run("get /user", 0)
    assert.is_truthy(assert_run("status --check", 0):find "logged in, token until")
    assert_run("url /user", 0)
  end)

  it("tells who is logged in, sends nothing for it, and forgets it", function()
    log_in()
    sandbox:control("DELETE", "/log")
    local line = assert_run("status", 0)
    assert.is_truthy(line:find("^default  " .. sandbox.base_url:gsub("%p", "%%%0")
      .. "  demo  logged in, token until %d%d:%d%d %(in %d+ min%), refreshed by itself until about "
      .. "%d+ %a+  ~/.local/state/lua%-mic/credentials  %(profile default%)\n$"), line)
    local facts = json.decode((assert_run("status --json", 0)))
    assert.is_true(facts.logged_in)
    assert.equal("profile default", facts.source)
    assert.equal("demo", facts.username)
    assert.equal("", sandbox:seen())
    assert_run("status --check", 0)
    assert.equal("GET /user", sandbox:seen())
    assert.equal("", (assert_run("logout", 0, "^Logged out demo %(profile default%)%.$")))
    assert.is_truthy(assert_run("status", 3):find "not logged in")
    assert.is_false(json.decode((assert_run("status --json", 3))).logged_in)
    assert_run("get /user", 3, "run: mic login$")
    log_in()
    log_in "--profile two"
    assert_run("logout --all", 0, "profile default.*profile two")
    assert_run("status --check --profile two", 3, "^mic: auth")
  end)

  it("takes a profile whole or not at all", function()
    log_in()
    mic.variables.MIC_BASE_URL = sandbox.base_url
    assert_run("get /user", 2, "MIC_API_KEY is missing")
    mic.variables.MIC_API_KEY = sandbox.api_key
    assert_run("get /user", 3, "not logged in")
    mic.variables.MIC_PROFILE = "default"
    assert_run("get /user", 3, "MIC_BASE_URL is set, so MIC_PROFILE is not used\n.*not logged in")
    assert_run("get /user --profile default", 0)
    assert_run("get /user --profile default --url https://x", 2, "use only one of %-%-profile")
    assert_run("get /user --url https://x.example", 2, "name different APIs")
    mic:without_api()
    mic.variables.MIC_PROFILE = "none"
    assert_run("get /user", 2, "MIC_PROFILE: there is no profile \"none\"")
    mic.variables.MIC_PROFILE = nil
    assert_run("get /user --config /dev/null", 2, "no API is configured")
    mic.folder:write("two", "[profile b]\nstack = b.example\n[profile a]\nstack = a.example\n")
    shell.check("chmod 600 " .. shell.quote(mic.folder:at "two"))
    assert_run("get /user --config two", 2, "no profile is the default; there is a, b "
      .. "%- use %-%-profile, or run: mic profile use a$")
  end)

  it("is read by mic.from_env, too, where no variable names an API", function()
    log_in()
    local function program(more)
      mic.folder:write("try.lua", [[
        local mic = require "mic"
        local client, err = mic.from_env()
        local response
        if client then response, err = client:get "/user" end
        print(response and response.data.email or err)
      ]])
      return (shell.run(("cd %s && %s %s %s try.lua"):format(mic.folder.path, mic:env(), more or "",
        shell.lua)))
    end
    assert.equal("demo@example.com\n", program())
    assert.is_truthy(program("MIC_BASE_URL=" .. sandbox.base_url):find "MIC_API_KEY is missing")
    assert.is_truthy(program("MIC_PROFILE=none"):find '^config: .*no profile "none"')
    mic.folder:write(CONFIG, "[default]\nbase_url = ftp://x\napi_key = k\n")
    assert.is_truthy(program():find "^config: .*profile default: option \"base_url\"")
    mic.folder:write(CONFIG, "")
    assert.is_truthy(program():find "MIC_BASE_URL is missing")
  end)

  it("refuses a file that is wrong, with the number of the line", function()
    log_in()
    for text, pattern in pairs {
      ["[default]\nbase_ur = x\n"] = 'line 2: there is no key "base_ur"; did you mean "base_url"%?',
      ["[default]\n\npassword = x\n"] = "line 3: .*password_file",
      ["base_url = x\n"] = "line 1: .*default_profile",
      ["[default]\n[default]\n"] = "line 2: duplicate section",
      ["[default]\nusername = a\nusername = b\n"] = "line 3: duplicate key",
      ["[other]\n"] = "line 1: invalid section",
      ["[default]\nnothing\n"] = "line 2: invalid line",
      ["[default]\ntimeout = long\n"] = "line 2: .*not a number",
      ["[default]\nbase_url = https://x\n"] = "profile default: .*api_key",
    } do
      mic.folder:write(CONFIG, text)
      assert_run("get /user", 2, pattern)
    end
    mic.folder:write(CONFIG, "[default]\n")
    shell.check("chmod 644 " .. mic.folder:at(CONFIG))
    assert_run("get /user", 2, "is readable by other users %- run: chmod 600 ~/")
  end)
end)

describe("mic login for another API", function()
  local sandbox, echoes = api.around(), echo.start()
  local mic

  before_each(function()
    mic = command.new(sandbox):without_api()
  end)

  it("asks for what its row needs", function()
    sandbox:mode { profile = "directus" }
    local text, code, errors = mic:run(("login --profile tb --url %s --row directus "
      .. "--ca-file %s -u demo --password-stdin"):format(sandbox.base_url, sandbox.ca_file),
      ("echo '%s' |"):format(sandbox.password))
    assert.equal(0, code, text .. errors)
    assert.equal('Logged in as demo. Profile "tb" written to ~/' .. CONFIG .. ".", errors)
    text, code, errors = mic:run "get /thing --profile tb"
    assert.equal(0, code, text .. errors)
  end)

  it("asks nothing for a client's own secret", function()
    mic.folder:write("secret", "")
    shell.check(("cd %s && mkdir -p -m 700 .config/lua-mic && umask 077 && cat >%s <<'END'\n"
      .. "[profile shop]\nbase_url = %s\nrow = oauth2\n"
      .. "auth_url = %s/oauth2/token\nclient_id = demo\nclient_secret = %s\nca_file = %s\n"
      .. "END"):format(mic.folder.path, CONFIG, sandbox.base_url, sandbox.base_url,
      sandbox.password, sandbox.ca_file))
    sandbox:mode { profile = "oauth2" }
    local text, code, errors = mic:run "login --profile shop </dev/null"
    assert.equal(0, code, text .. errors)
    text, code, errors = mic:run "get /thing --profile shop"
    assert.equal(0, code, text .. errors)
  end)

  it("takes a client's secret from its variable, or asks for it, and keeps it", function()
    sandbox:mode { profile = "oauth2" }
    local words = ("login --profile shop --url %s --row oauth2 --auth-url %s/oauth2/token "
      .. "--client-id demo --ca-file %s"):format(sandbox.base_url, sandbox.base_url,
      sandbox.ca_file)
    local _, code, errors = mic:run(words:gsub("oauth2", "oauth", 1) .. " </dev/null")
    assert.equal(2, code)
    assert.is_truthy(errors:find('mic: --row: there is no profile "oauth"', 1, true), errors)
    _, code, errors = mic:run(words:gsub("%-%-auth%-url %S+", "") .. " </dev/null")
    assert.equal(2, code)
    assert.is_truthy(errors:find('mic: --auth-url is required by the profile "oauth2"', 1, true),
      errors)
    _, code, errors = mic:run(words .. " </dev/null")
    assert.equal(3, code)
    assert.is_truthy(errors:find("check client_id; set MIC_CLIENT_SECRET, or client_secret in the "
      .. "profile$"), errors)
    mic.variables.MIC_CLIENT_SECRET = sandbox.password
    _, code, errors = mic:run(words .. " </dev/null")
    assert.equal(0, code, errors)
    mic.variables.MIC_CLIENT_SECRET = nil
    sandbox:expire()
    local text
    text, code = mic:run "get /thing --profile shop"
    assert.equal(0, code, text)
    shell.check("rm " .. mic.folder:at(CONFIG))
    local shown
    shown, code = mic:play({ "expect=Client secret for demo (empty: none): ",
      "send=" .. sandbox.password .. "\\n" }, words)
    assert.equal(0, code, shown)
    assert.is_nil(shown:find(sandbox.password, 1, true))
    sandbox:expire()
    text, code = mic:run "get /thing --profile shop"
    assert.equal(0, code, text)
  end)

  it("adopts a token for a row without a login", function()
    local text, code, errors = mic:run(("login --profile t --url %s --row bearer "
      .. "--password-stdin"):format(echoes.base_url), "echo secret-token |")
    assert.equal(0, code, text .. errors)
    assert.is_nil(mic:read(CONFIG):find("secret-token", 1, true))
    text, code = mic:run "status --profile t"
    assert.equal(0, code, text)
    assert.is_truthy(text:find("logged in", 1, true), text)
    text = mic:run "get /user --profile t --no-retry"
    assert.equal("Bearer secret-token", echo.parse(text).headers.Authorization)
  end)
end)
