-- Sources of the password: a function, which may give a reason, and a file; and a refused password.

local api = require "spec.support.api"
local scratch = require "spec.support.scratch"
local shell = require "spec.support.shell"

describe("the option password as a function", function()
  local sandbox = api.around()
  local give, client

  before_each(function()
    client = sandbox:automatic { password = function()
      return give()
    end }
  end)

  --- The errors of a call and of a login.
  local function errors_of(giver)
    give = giver
    local _, first = client:get "/user"
    local _, second = client:login()
    return { first, second }
  end

  it("is asked again after it gave no string that can be a password", function()
    for given, message in pairs {
      [false] = "the password function returned no string (got boolean)",
      [5] = "the password function returned no string (got number)",
      [""] = "the password function returned no string (got an empty one)",
      [("x"):rep(10241)] = "the password function returned more than 10240 bytes",
    } do
      for _, err in ipairs(errors_of(function() return given end)) do
        assert.equal("auth: " .. message, api.line(err))
        assert.is_nil(err.cause)
      end
    end
    assert.equal("", sandbox:seen())
    give = function() return sandbox.password end
    assert.equal(200, client:get("/user").status)
  end)

  it("gives its reason: the first line in the message, all of it as the cause", function()
    local object = setmetatable({}, { __tostring = function() return "sealed\nfor ever" end })
    local plain = { code = 5 }
    for _, row in ipairs {
      { "the vault is sealed\nstack traceback: …", ": the vault is sealed" },
      { object, ": sealed" }, { plain, "" }, { 403, ": 403" }, { ("x"):rep(900), ": xxx" },
      { "\n  two\r\nthree", ": two" },
      { sandbox.api_key .. " is no key", ": *** is no key" },
    } do
      local reason, text = row[1], row[2]
      for _, err in ipairs(errors_of(function() return nil, reason end)) do
        local message = "the password function returned no string (got nil)" .. text
        assert.equal(message, err.message:sub(1, #message))
        assert.is_nil(err.message:find "traceback")
        assert.equal("auth", err.kind)
        assert.is_true(rawequal(reason, err.cause))
        assert.is_true(#err.message < 300)
      end
      for _, err in ipairs(errors_of(function() error(reason, 0) end)) do
        local message = "the password function raised an error" .. text
        assert.equal(message, err.message:sub(1, #message))
        assert.is_true(rawequal(reason, err.cause))
      end
    end
    for _, err in ipairs(errors_of(function() error "with a place" end)) do
      assert.is_truthy(err.message:find "raised an error: .*password_spec.lua:%d+: with a place$")
    end
    for _, err in ipairs(errors_of(function() error() end)) do
      assert.equal("the password function raised an error", err.message)
    end
    assert.equal("", sandbox:seen())
  end)

  it("may fail with an error of another client's", function()
    local other = sandbox:client()
    for _, err in ipairs(errors_of(function() return other:get "/user" end)) do
      assert.is_truthy(err.message:find("(got nil): auth: not logged in", 1, true), err.message)
      assert.equal("auth", err.cause.kind)
    end
  end)
end)

describe("a refused password", function()
  local sandbox = api.around()

  it("that ends in a line break or a blank gets that as the hint", function()
    for ending, hint in pairs {
      ["\n"] = "^the password ends in a line break",
      ["\r\n"] = "^the password ends in a line break",
      [" "] = "^the password ends in a space", ["\t"] = "^the password ends in a space",
      x = "^check username and password$",
    } do
      local client = sandbox:automatic { password = sandbox.password .. ending }
      local _, err = client:get "/user"
      assert.equal(401, err.status)
      assert.is_truthy(err.hint:find(hint), err.hint)
      _, err = client:get "/user"
      assert.equal(ending ~= "x", err.hint:find "^the password ends" ~= nil)
      _, err = client:login(nil, sandbox.password .. ending)
      assert.is_truthy(err.hint:find(hint), err.hint)
    end
  end)
end)

describe("MIC_PASSWORD_FILE", function()
  local sandbox = api.around()
  local folder

  before_each(function()
    folder = scratch.folder()
  end)

  --- What a program prints with these variables.
  local function run(variables, code)
    local command = sandbox:command(code)
    local words = { "env -u MIC_PASSWORD" }
    command = command:gsub(" MIC_PASSWORD='[^']*'", "")
    for name, value in pairs(variables) do
      words[#words + 1] = name .. "=" .. shell.quote(value)
      command = command:gsub(" " .. name .. "='[^']*'", "")
    end
    local printed = shell.check(table.concat(words, " ") .. " " .. command .. " 2>&1")
    return (printed:gsub("\n$", ""))
  end

  local CALL = [[
    local mic = require "mic"
    local client, err = mic.from_env()
    local res
    if client then
      res, err = client:get "/user"
    end
    print(res and res.data.userName or tostring(err))
  ]]

  it("names a file whose first line is the password, without its line break", function()
    for _, rest in ipairs { "", "\n", "\r\n", "\nanother line\n", "\n\n" } do
      local path = folder:write("password", sandbox.password .. rest)
      assert.equal("demo", run({ MIC_PASSWORD_FILE = path }, CALL))
    end
    local path = folder:write("password", sandbox.password .. " \n")
    local printed = run({ MIC_PASSWORD_FILE = path }, CALL)
    assert.is_truthy(printed:find("the password ends in a space", 1, true), printed)
  end)

  it("may be a pipe, which is read once", function()
    local path = folder:at "pipe"
    shell.check("mkfifo " .. shell.quote(path))
    shell.check(("timeout 60 sh -c 'echo %s >%s' >/dev/null 2>&1 &"):format(sandbox.password, path))
    assert.equal("demo", run({ MIC_PASSWORD_FILE = path }, CALL))
  end)

  it("is read again for each login", function()
    local path = folder:write("password", "old")
    local code = [[
      local mic = require "mic"
      local client = mic.assert(mic.from_env())
      print(select(2, client:get "/user").status)
      local file = io.open(%q, "w")
      file:write(%q, "\n")
      file:close()
      print(mic.assert(client:get "/user").status)
      os.remove(%q)
      print(mic.assert(client:get "/user").status)
      print(select(2, client:login()))
    ]]
    local printed = run({ MIC_PASSWORD_FILE = path }, code:format(path, sandbox.password, path))
    assert.equal("401\n200\n200\nconfig: MIC_PASSWORD_FILE: the file \"" .. path
      .. '" cannot be read: No such file or directory (ENOENT)', printed)
  end)

  it("names itself, the file and the reason when that cannot be read", function()
    local prefix = 'config: MIC_PASSWORD_FILE: the file "%s" '
    for path, problem in pairs {
      [folder:at "none"] = "cannot be read: No such file or directory (ENOENT)",
      [folder:at ""] = "cannot be read: Is a directory (EISDIR)",
      [folder:write("empty", "")] = "has an empty first line",
      [folder:write("blank", "\nword\n")] = "has an empty first line",
      [folder:write("long", ("x"):rep(10241) .. "\n")] = "is longer than 10240 bytes",
    } do
      assert.equal(prefix:format(path) .. problem, run({ MIC_PASSWORD_FILE = path }, CALL))
    end
    assert.equal("", sandbox:seen())
  end)

  it("is an error beside MIC_PASSWORD, and wants a user; empty it is absent", function()
    local path = folder:write("password", sandbox.password)
    local both = { MIC_PASSWORD_FILE = path, MIC_PASSWORD = "word" }
    assert.equal("config: MIC_PASSWORD and MIC_PASSWORD_FILE are both set; set only one of them",
      run(both, CALL))
    assert.equal("config: MIC_USERNAME is missing: MIC_PASSWORD_FILE requires it",
      run({ MIC_PASSWORD_FILE = path, MIC_USERNAME = "" }, CALL))
    both.MIC_PASSWORD_FILE = ""
    assert.is_truthy(run(both, CALL):find "Invalid login")
  end)

  it("does not count beside an option password", function()
    local code = ('local mic = require "mic" '
      .. "local client = mic.assert(mic.from_env { password = %q }) "
      .. 'print(mic.assert(client:get "/user").status)'):format(sandbox.password)
    assert.equal("200", run({ MIC_PASSWORD_FILE = folder:at "none" }, code))
  end)
end)
