--- What a client promises of any API, as specs against a server that somebody else has written.

local cjson = require "cjson"
local cleanup = require "spec.support.cleanup"
local clock = require "spec.support.clock"
local mic = require "mic"
local scratch = require "spec.support.scratch"
local shell = require "spec.support.shell"

local busted = require "busted"
local luassert = require "luassert"

local login_contract = {}

local PROCESSES = 20 -- that call at once
local EARLY = 3600 -- seconds by which a client's clock is shifted, longer than any token lives

--- Code of a process that calls once, at the moment when the file "go" appears.
local PROCESS = [[
  local mic, cjson, socket = require "mic", require "cjson", require "socket"
  local folder = %q
  local file = io.open(folder .. "/options")
  local facts = cjson.decode(file:read "*a")
  file:close()
  facts.options.store = mic.store.file { path = folder .. "/credentials" }
  local client = mic.new(facts.options)
  io.open(folder .. "/ready" .. %d, "w"):close()
  local go
  repeat
    socket.sleep(0.005)
    go = io.open(folder .. "/go")
  until go
  local res, err = client:request(facts.call)
  print(res and res.status or tostring(err))
]]

local function copy(given, more)
  local made = {}
  for _, from in ipairs { given, more or {} } do
    for name, value in pairs(from) do
      made[name] = value
    end
  end
  return made
end

--- Adds the specs of one server to the present block.
---@param api table options (of `mic.new`), call (options of `client:request`), counters() (how many
---  logins and refreshes the server has granted; one number: how many requests for one it got),
---  token_life (seconds); if the server has it: refuses (options with which it refuses the login;
---  default: another password), refreshes (true), revoke(token), revoke_ends_all (the refresh
---  token, too), end_refresh(refresh_token); lasting: options, counters and token_life of such a
---  server whose tokens outlive all calls of a spec, also on a machine that is busy
function login_contract.add(api)
  local it = busted.it
  local lasting = api.lasting or api
  local function client_of(options, has_no_password)
    local all = copy(api.options, copy({ retry = false }, options))
    if has_no_password then
      all.password = nil
    end
    local client = cleanup.close(mic.new(all))
    return client, require("mic.client").inside_of(client).core
  end

  local function call(client)
    local res, err = client:request(api.call)
    luassert(res, tostring(err))
    luassert.equal(200, res.status)
  end

  --- Runs a function and compares how many logins and refreshes the server grants meanwhile. It
  --- returns how many it refuses, if any.
  local function grants(logins, refreshes, task, counters)
    counters = counters or api.counters
    local logins_before, refreshes_before = counters()
    local refused = task() or 0
    local logins_after, refreshes_after = counters()
    if refreshes_after then
      luassert.same({ logins, refreshes },
        { logins_after - logins_before, refreshes_after - refreshes_before })
    else -- one counter of all requests
      luassert.equal(logins + refreshes + refused, logins_after - logins_before)
    end
  end

  local refreshed, logged_in_again = api.refreshes and 1 or 0, api.refreshes and 0 or 1

  it("is logged in to once, for many calls", function()
    grants(1, 0, function()
      local client = client_of(lasting.options)
      for _ = 1, 3 do
        call(client)
      end
      luassert.is_true(client:status().logged_in)
    end, lasting.counters)
  end)

  it("gets a new token when the old one has expired", function()
    grants(1 + logged_in_again, refreshed, function()
      local client = client_of()
      call(client)
      clock.sleep(api.token_life + 1.5)
      call(client)
    end)
  end)

  local profile = api.options.profile
  if type(profile) == "string" or profile.expires ~= false then
    it("gets a new token before the old one expires", function()
      grants(1 + logged_in_again, refreshed, function()
        local client, inner = client_of(lasting.options)
        call(client)
        inner:shift_clock(EARLY)
        call(client)
      end, lasting.counters)
    end)
  end

  it("is not asked again with what it has refused", function()
    local requests = 0
    local client = client_of(copy(api.refuses or { password = "another" }, {
      on_event = function(event)
        requests = requests + (event.type == "request" and 1 or 0)
      end,
    }))
    grants(0, 0, function()
      for _ = 1, 3 do
        local res, err = client:request(api.call)
        luassert.is_nil(res)
        luassert.same({ "auth", false }, { err.kind, err.retryable })
      end
      return 1
    end)
    luassert.equal(1, requests)
  end)

  it("shows no secret", function()
    local texts = {}
    local function note(value)
      texts[#texts + 1] = mic.pretty(value) .. tostring(value)
    end
    local client = client_of { on_event = note }
    note(luassert(client:login()))
    call(client)
    note(client:status())
    local _, err = client_of({ password = "another password", on_event = note }):login()
    note(err)
    local all, credentials = table.concat(texts, "\n"), client:credentials()
    for _, secret in ipairs { api.options.password, api.options.client_secret or "-\0-",
      "another password", credentials.token, credentials.refresh_token or "-\0-" } do
      luassert.is_nil(all:find(secret, 1, true))
    end
  end)

  if api.revoke then
    it("gets a new token when the old one was revoked", function()
      local refreshes = api.revoke_ends_all and 0 or refreshed
      grants(2 - refreshes, refreshes, function()
        local client = client_of()
        call(client)
        api.revoke(client:credentials().token)
        call(client)
      end)
    end)
  end

  if api.end_refresh then
    it("is logged in to again when the refresh token is dead", function()
      grants(2, 0, function()
        local client, inner = client_of()
        call(client)
        api.end_refresh(client:credentials().refresh_token)
        inner:shift_clock(EARLY)
        call(client)
        return 1
      end)
    end)

    it("says so when the refresh token is dead and there is no password", function()
      local client = client_of()
      luassert(client:login())
      local credentials = client:credentials()
      api.end_refresh(credentials.refresh_token)
      local other, inner = client_of(nil, true)
      luassert(other:use_credentials(credentials))
      inner:shift_clock(EARLY)
      grants(0, 0, function()
        for _ = 1, 2 do
          local _, err = other:request(api.call)
          luassert.equal("auth", err.kind)
        end
        return 1
      end)
    end)
  end

  it(("renews once for %d processes at expiry"):format(PROCESSES), function()
    local folder = scratch.folder()
    folder:write("options", cjson.encode {
      options = copy(lasting.options, { retry = false }),
      call = api.call,
    })
    local pipes = {}
    for index = 1, PROCESSES do
      local file = scratch.file(PROCESS:format(folder.path, index))
      pipes[index] = shell.start(shell.lua .. " " .. file .. " 2>&1", "r")
    end
    luassert.is_true(clock.eventually(function()
      for index = 1, PROCESSES do
        if not folder:read("ready" .. index) then
          return false
        end
      end
      return true
    end, 60))
    local store = mic.store.file { path = folder:at "credentials" }
    call(client_of(copy(lasting.options, { store = store })))
    clock.sleep(lasting.token_life + 1.5)
    grants(logged_in_again, refreshed, function()
      folder:write("go", "")
      for index = 1, PROCESSES do
        luassert.equal("200\n", pipes[index]:read "*a")
      end
    end, lasting.counters)
  end)
end

return login_contract
