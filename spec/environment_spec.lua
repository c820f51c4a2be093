-- mic.from_env, in child processes, since a Lua process cannot change its environment: an error
-- names the variable and never a secret.

local api = require "spec.support.api"
local scratch = require "spec.support.scratch"
local shell = require "spec.support.shell"

local quote = shell.quote

local function which(program)
  return shell.check("command -v " .. quote(program)):match "[^\n]+"
end

--- Runs Lua code with these variables and no others; what it printed.
local function run(variables, code)
  local words = { "env -i" }
  for _, name in ipairs { "LUA_PATH", "LUA_CPATH", "LD_PRELOAD", "ASAN_OPTIONS", "LSAN_OPTIONS",
    "UBSAN_OPTIONS" } do
    local value = os.getenv(name)
    if value then
      words[#words + 1] = name .. "=" .. quote(value)
    end
  end
  for name, value in pairs(variables) do
    words[#words + 1] = name .. "=" .. quote(value)
  end
  words[#words + 1] = quote(which(shell.lua)) .. " -e " .. quote(code) .. " 2>&1"
  local printed = shell.run(table.concat(words, " "))
  return (printed:gsub("\n$", ""))
end

local MAKE = [[
  local mic = require "mic"
  local client, err = mic.from_env(%s)
  if not client then
    print(err.kind .. ": " .. err.message)
    return
  end
  print(tostring(client))
]]

--- The result of mic.from_env: the client as text, or the error.
local function made(variables, options)
  return run(variables, MAKE:format(options or ""))
end

local URL, KEY = "https://api.example/prod", "key"

--- The required variables with these changes; "" sets an empty variable, false removes one.
local function with(changes)
  local variables = { MIC_BASE_URL = URL, MIC_API_KEY = KEY }
  for name, value in pairs(changes) do
    variables[name] = value or nil
  end
  return variables
end

describe("mic.from_env", function()
  it("makes a client of base URL and key", function()
    assert.equal("mic.client (https://api.example/prod)", made(with {}))
    assert.equal("mic.client (https://api.example/prod)", made(with {
      MIC_BASE_URL = URL .. "/", MIC_USERNAME = "anna", MIC_PASSWORD = "word",
      MIC_CA_FILE = "/ca.pem",
    }))
    assert.equal("mic.client (https://api.example/prod)", made(with { MIC_USERNAME = "anna" }))
  end)

  it("makes a client of a stack, with a key and without", function()
    assert.equal("mic.client (demo.mic.example)", made { MIC_STACK = "demo.mic.example" })
    assert.equal("mic.client (demo.mic.example)",
      made { MIC_STACK = "demo.mic.example", MIC_API_KEY = KEY })
  end)

  it("names the variable that is missing; an empty one is missing, too", function()
    for _, nothing in ipairs { "", false } do
      assert.equal("config: MIC_BASE_URL is missing (or MIC_STACK, a stack's host name)",
        made(with { MIC_BASE_URL = nothing, MIC_STACK = nothing }))
      assert.equal("config: MIC_API_KEY is missing", made(with { MIC_API_KEY = nothing }))
      assert.equal("config: MIC_USERNAME is missing: MIC_PASSWORD requires it",
        made(with { MIC_PASSWORD = "word", MIC_USERNAME = nothing }))
    end
    assert.equal("config: MIC_BASE_URL is missing (or MIC_STACK, a stack's host name)", made {})
  end)

  it("takes empty variables for absent ones", function()
    assert.equal("mic.client (https://api.example/prod)", made(with {
      MIC_STACK = "", MIC_USERNAME = "", MIC_PASSWORD = "", MIC_CA_FILE = "", MIC_CREDENTIALS = "",
    }))
    assert.equal("mic.client (demo.mic.example)",
      made { MIC_STACK = "demo.mic.example", MIC_BASE_URL = "", MIC_API_KEY = "" })
  end)

  it("wants one of base URL and stack", function()
    assert.equal("config: MIC_BASE_URL and MIC_STACK are both set; set only one of them",
      made(with { MIC_STACK = "demo.mic.example" }))
  end)

  it("raises for what is wrong with the caller's own options", function()
    for options, message in pairs {
      ["{ tiemout = 5 }"] = 'unknown option "tiemout"; did you mean "timeout"?',
      ['{ baseURL = "https://x/" }'] = 'unknown option "baseURL"; did you mean "base_url"?',
      ['{ base_url = "x" }'] = 'option "base_url" must begin with https://',
      ['{ tls = { ca_file = 5 } }'] = 'option "tls.ca_file" must be a file name (got number)',
      ['"/etc/mic"'] = "mic.from_env takes a table of options (got string)",
    } do
      local printed = made(with {}, options)
      assert.is_truthy(printed:find(':2: ' .. message, 1, true), printed)
    end
  end)

  it("names the variable that a profile needs", function()
    local auth = "https://id.example/token"
    for _, row in ipairs {
      { "MIC_AUTH_URL", "cognito", { MIC_API = "cognito", MIC_CLIENT_ID = "x" } },
      { "MIC_AUTH_URL", "oauth2", { MIC_API = "oauth2", MIC_CLIENT_ID = "x" } },
      { "MIC_CLIENT_ID", "cognito", { MIC_API = "cognito", MIC_AUTH_URL = auth } },
      { "MIC_CLIENT_ID", "oauth2", { MIC_API = "oauth2", MIC_AUTH_URL = auth } },
      { "MIC_CLIENT_ID", "oauth2",
        { MIC_API = "oauth2", MIC_AUTH_URL = auth, MIC_CLIENT_SECRET = "hidden" } },
    } do
      row[3].MIC_BASE_URL = URL
      assert.equal(("config: %s is missing: the profile %s needs it"):format(row[1], row[2]),
        made(row[3]))
    end
    local OWN = '{ profile = { name = "own", login = "POST /x?a=%s" } }'
    for name, variable in pairs { api_key = "MIC_API_KEY", scope = "MIC_SCOPE",
      client_basic = "MIC_CLIENT_ID", client_secret = "MIC_CLIENT_SECRET" } do
      assert.equal(("config: %s is missing: the profile own needs it"):format(variable),
        made({ MIC_BASE_URL = URL }, OWN:format("{" .. name .. "}")))
    end
    local printed = made({ MIC_BASE_URL = URL }, OWN:format "{other}")
    assert.is_truthy(printed:find("unknown placeholder {other}", 1, true), printed)
    assert.equal("mic.client (https://api.example/prod)", made {
      MIC_BASE_URL = URL, MIC_API = "oauth2", MIC_AUTH_URL = auth, MIC_CLIENT_ID = "x",
      MIC_CLIENT_SECRET = "y", MIC_SCOPE = "read",
    })
    assert.is_truthy(made({ MIC_BASE_URL = URL, MIC_API = "nothing" })
      :find '^config: MIC_API: option "profile": there is no profile "nothing"')
  end)

  it("names the variable that is wrong, and what is accepted", function()
    for _, row in ipairs {
      { "MIC_BASE_URL", "api.example/prod", "must begin with https://" },
      { "MIC_BASE_URL", "ftp://api.example", "must begin with https://" },
      { "MIC_BASE_URL", "http://api.example", "plain http would send the secrets" },
      { "MIC_BASE_URL", "https://u:hidden@api.example",
        "must not contain a user name or password" },
      { "MIC_BASE_URL", "https://api.example/?hidden", "must not contain ? or #" },
      { "MIC_BASE_URL", "https://api .example", "has a space" },
      { "MIC_API_KEY", "hidden\nx", "line break" },
    } do
      local message = made(with { [row[1]] = row[2] })
      assert.is_truthy(message:find("^config: " .. row[1] .. ": "), message)
      assert.is_truthy(message:find(row[3], 1, true), message)
      assert.is_nil(message:find("hidden", 1, true), message)
      assert.is_nil(message:find("\n", 1, true))
    end
    local message = made { MIC_STACK = "https://demo.mic.example/x" }
    assert.is_truthy(message:find '^config: MIC_STACK: option "stack" must be a host name', message)
  end)

  it("keeps the credentials in the files of MIC_CREDENTIALS", function()
    local store = 'print(require("mic").from_env(%s):status().store)'
    local variables = with { MIC_CREDENTIALS = "/does/not/exist/yet" }
    assert.equal("mic.store.file", run(variables, store:format ""))
    assert.equal("mic.store.memory", run(with { MIC_CREDENTIALS = "" }, store:format ""))
    local memory = '{ store = require("mic").store.memory() }'
    assert.equal("mic.store.memory", run(variables, store:format(memory)))
  end)

  it("takes options, which win over the variables", function()
    assert.equal("mic.client (https://other.example)",
      made(with {}, '{ base_url = "https://other.example" }'))
    assert.equal("mic.client (demo.mic.example)",
      made({ MIC_BASE_URL = URL }, '{ stack = "demo.mic.example" }'))
    assert.equal("mic.client (https://api.example/prod)",
      made({ MIC_STACK = "demo.mic.example" }, '{ base_url = "' .. URL .. '", api_key = "k" }'))
    assert.equal("mic.client (https://api.example/prod)",
      made({ MIC_BASE_URL = URL }, '{ api_key = "k" }'))
  end)

  it("touches neither network nor files when it makes the client", function()
    assert.equal("mic.client (https://localhost:1)",
      made(with { MIC_BASE_URL = "https://localhost:1", MIC_CA_FILE = "/does/not/exist" }))
  end)

  it("points to MIC_API where variables of another API are set", function()
    for _, name in ipairs { "MIC_AUTH_URL", "MIC_CLIENT_ID" } do
      assert.equal("config: MIC_API_KEY is missing - set it, or MIC_API for another API than MIC",
        run({ MIC_BASE_URL = URL, [name] = "https://id.example" }, [[
        local _, err = require("mic").from_env()
        print(tostring(err))
      ]]))
    end
  end)

  it("returns its error as an object of one line", function()
    assert.equal("config: MIC_API_KEY is missing - set it, or make a client with mic.login or "
      .. "mic.new\tfalse\tnil", run({ MIC_BASE_URL = URL }, [[
      local _, err = require("mic").from_env()
      print(tostring(err), err.retryable, err.attempts)
    ]]))
  end)
end)

describe("a client of the environment", function()
  local sandbox = api.around()

  local function variables(changes)
    local all = {
      MIC_BASE_URL = sandbox.base_url, MIC_API_KEY = sandbox.api_key,
      MIC_USERNAME = sandbox.username, MIC_PASSWORD = sandbox.password,
      MIC_CA_FILE = sandbox.ca_file,
    }
    for name, value in pairs(changes or {}) do
      all[name] = value or nil
    end
    return all
  end

  local CALL = [[
    local mic = require "mic"
    local client = assert(mic.from_env())
    local res, err = client:get "/user"
    print(res and res.data.userName or tostring(err))
  ]]

  it("logs in by itself and calls", function()
    assert.equal("demo", run(variables(), CALL))
    assert.equal("POST /auth/login\nGET /user", sandbox:seen())
  end)

  it("needs no login when another process has saved one", function()
    local folder = scratch.folder()
    local file = folder:at("new/credentials")
    assert.equal("demo", run(variables { MIC_CREDENTIALS = file }, CALL))
    assert.equal("demo", run(variables { MIC_CREDENTIALS = file, MIC_PASSWORD = false }, CALL))
    assert.equal("POST /auth/login\nGET /user\nGET /user", sandbox:seen())
  end)

  it("needs a login where no password is set", function()
    local printed = run(variables { MIC_PASSWORD = false }, CALL)
    assert.is_truthy(printed:find("^auth: not logged in"), printed)
    assert.equal("", sandbox:seen())
  end)

  it("trusts the authority of MIC_CA_FILE alone", function()
    local printed = run(variables { MIC_CA_FILE = false }, CALL)
    assert.is_truthy(printed:find "^tls: ", printed)
    printed = run(variables { MIC_CA_FILE = "/does/not/exist" }, CALL)
    assert.is_truthy(printed:find "^tls: ", printed)
    assert.equal("", sandbox:seen())
  end)

  it("is made by the module-wide calls when there is none, once", function()
    local get = 'print(mic.get("/user").data.userName) '
    local post = 'print(mic.post("/auth/x", {}))'
    local printed = run(variables(), 'local mic = require "mic" ' .. get .. get .. post)
    assert.is_truthy(printed:find "^demo\ndemo\nnil\thttp 403: ", printed)
    assert.equal("POST /auth/login\nGET /user\nGET /user\nPOST /auth/x", sandbox:seen())
  end)

  it("is not made by the module-wide calls when a variable is missing", function()
    local printed = run(variables { MIC_API_KEY = "" }, [[
      local mic = require "mic"
      for _, name in ipairs { "request", "get", "head", "delete", "options", "post", "put",
        "patch" } do
        local res, err = mic[name](name == "request" and { path = "/user" } or "/user")
        print(name, res, err)
      end
    ]])
    local count = 0
    for line in printed:gmatch "[^\n]+" do
      assert.equal("nil\tconfig: MIC_API_KEY is missing - set it, or make a client with "
        .. "mic.login or mic.new", line:match "^%l+\t(.*)$")
      count = count + 1
    end
    assert.equal(8, count)
    assert.equal("", sandbox:seen())
  end)
end)
