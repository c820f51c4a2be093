-- Clients with a file store, against the sandbox: one login for all programs of a user, and logins
-- while the file is unusable.

local api = require "spec.support.api"
local mic = require "mic"
local scratch = require "spec.support.scratch"
local shell = require "spec.support.shell"

local quote, run = shell.quote, shell.check

describe("a client with a file store", function()
  local sandbox = api.around()
  local folder, path

  before_each(function()
    folder = scratch.folder()
    path = folder:at "state/credentials"
  end)

  --- A client with its own store object, as in another program.
  local function new_client(options)
    local all = { username = sandbox.username, store = mic.store.file { path = path } }
    for name, value in pairs(options or {}) do
      all[name] = value
    end
    return (sandbox:client(all))
  end

  --- The record's file: there is one.
  local function record_file()
    local name = run("ls " .. quote(folder:at "state")):match "(credentials%.[^\n~]*)\n"
    return folder:at("state/" .. name)
  end

  it("needs no login after another one has logged in, also when it was renewed", function()
    assert(new_client():login(nil, sandbox.password))
    assert.equal("demo", assert(new_client():get "/user").data.userName)
    assert(new_client():refresh())
    assert.equal("demo", assert(new_client():get "/user").data.userName)
    assert.equal("POST /auth/login\nGET /user\nPOST /auth/refresh\nGET /user", sandbox:seen())
  end)

  it("refreshes when the token that another one has saved is refused as well", function()
    local one, two = new_client(), new_client()
    assert(one:login(nil, sandbox.password))
    assert(two:get "/user")
    sandbox:expire()
    assert(one:get "/user")
    sandbox:expire()
    sandbox:seen()
    assert.equal(2, assert(two:get "/user").attempts - 1)
    assert.equal("GET /user\nGET /user\nPOST /auth/refresh\nGET /user", sandbox:seen())
  end)

  it("keeps the users of one path apart", function()
    assert(new_client():login(nil, sandbox.password))
    local other = new_client { username = "per@example.com" }
    assert.equal("auth", select(2, other:get "/user").kind)
    assert(other:login(nil, sandbox.password))
    assert.equal("demo", assert(new_client():get "/user").data.userName)
    local again = new_client { username = "per@example.com" }
    assert.equal("per@example.com", assert(again:get "/user").data.userName)
    assert(again:logout())
    assert.equal("demo", assert(new_client():get "/user").data.userName)
    assert.is_nil(new_client({ username = "per@example.com" }):get "/user")
  end)

  it("logs in again when the file is damaged, and keeps its content aside", function()
    assert(new_client():login(nil, sandbox.password))
    local file = record_file()
    run("truncate -s 100 " .. quote(file))
    local client = new_client { password = sandbox.password }
    assert.equal("demo", assert(client:get "/user").data.userName)
    assert.equal("demo", assert(new_client():get "/user").data.userName)
    assert.equal(100, #folder:read("state" .. file:match "/[^/]*$" .. "~damaged"))
    assert.equal("POST /auth/login\nPOST /auth/login\nGET /user\nGET /user", sandbox:seen())
  end)

  it("tells of a damaged file in an event, and in its status until the next save", function()
    assert(new_client():login(nil, sandbox.password))
    local file = record_file()
    run("truncate -s 100 " .. quote(file))
    local events = {}
    local client = new_client { password = sandbox.password, on_event = function(event)
      if event.type == "store" then
        events[#events + 1] = event
      end
    end }
    local problem = "store: the store could not load: the saved credentials are damaged; they were "
      .. "set aside, and a login makes new ones: " .. file .. "~damaged"
    assert.equal(problem, client:status().store_error)
    assert.is_false(client:authenticated())
    assert.equal(problem, client:status().store_error)
    assert.equal(1, #events)
    assert.equal("the saved record is damaged", events[1].reason)
    assert.equal(problem, tostring(events[1].err))
    assert(client:get "/user")
    assert.is_nil(client:status().store_error)
    assert.equal(1, #events)

    run("truncate -s 100 " .. quote(file))
    assert.is_true(client:refresh()) -- finds it in the middle of its work
    assert.equal(2, #events)
    assert.is_nil(client:status().store_error)
    assert.equal("demo", assert(new_client():get "/user").data.userName)
  end)

  it("names a damaged file that it cannot set aside", function()
    assert(new_client():login(nil, sandbox.password))
    local file = record_file()
    run("truncate -s 100 " .. quote(file))
    local key = sandbox.base_url .. " demo"
    local other = mic.store.file { path = path }
    local token = other.lock(key, 45)
    assert.equal("store: the store could not load: the saved credentials are damaged; a login "
      .. "makes new ones: " .. file, new_client():status().store_error)
    other.unlock(key, token)
  end)

  it("tells path and remedy when its file cannot be trusted", function()
    assert(new_client():login(nil, sandbox.password))
    local file = record_file()
    run("chmod 644 " .. quote(file))
    local client = new_client()
    local session, err = client:login(nil, sandbox.password)
    assert.is_nil(session)
    assert.equal("store", err.kind)
    assert.is_truthy(err.message:find("run chmod 600 on it: " .. file, 1, true), err.message)
    assert.is_truthy(client:status().store_error:find(file, 1, true))
    run("chmod 600 " .. quote(file))
    assert(client:login(nil, sandbox.password))
    assert.is_nil(client:status().store_error)
  end)

  it("leaves nothing but the lock after a logout", function()
    local client = new_client()
    assert(client:login(nil, sandbox.password))
    local file = record_file()
    assert(client:logout())
    assert.equal(file:match "[^/]*$" .. "~lock\n", run("ls " .. quote(folder:at "state")))
  end)

  it("writes its secrets into the record alone, and the password nowhere", function()
    local client = new_client { password = sandbox.password }
    assert(client:get "/user")
    local secrets = client:credentials()
    local listed = run(("cd %s && grep -c -F -e %s -r . || true"):format(
      quote(folder:at "state"), quote(secrets.token)))
    assert.is_truthy(listed:find "credentials%.[^\n~]*:1\n", listed)
    assert.is_truthy(listed:find "~lock:0\n", listed)
    listed = run(("cd %s && grep -l -F -e %s -r . || true"):format(
      quote(folder:at "state"), quote(sandbox.password)))
    assert.equal("", listed)
    local names = run("ls " .. quote(folder:at "state"))
    for _, name in ipairs { "identityId", "token", "refreshToken" } do
      assert.is_nil(names:find(secrets[name], 1, true))
    end
  end)
end)
